"""The site itself, on either database, with people and rooms in it for every layout."""

import os
import shutil
import signal
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from bench.servers import Layout, Running, Server, started, wait_until
from tests.load.stage import serves
from tests.suite import SITE_VARIABLES
from tests.support import servers
from tests.support.sites import run_python

DURABLE = ("-c", "fsync=on", "-c", "full_page_writes=on", "-c", "synchronous_commit=on")
LOG_FILES = 32  # of 16 MB
KEEPS_LOG_FILES = ("-c", f"min_wal_size={LOG_FILES * 16}MB")


class Grounds:
    """Databases to start from, each made when it is first asked for. `with Grounds(…)` ends their server."""

    def __init__(self, folder: Path, logs: Path, layouts: Sequence[Layout]) -> None:
        self.folder = folder
        self.logs = logs
        self.layouts = layouts
        self.resources = ExitStack()
        self.sites = 0

    def __enter__(self) -> "Grounds":
        return self

    def __exit__(self, *exception: object) -> None:
        self.resources.close()

    @cached_property
    def sqlite(self) -> Path:
        """A site's folder, with the keys in it."""
        return self._made("sqlite", {})

    @cached_property
    def postgres(self) -> Path:
        """A folder, too; the database is `ground` on `postgres_server`."""
        url = database_url(self.postgres_server.url, "ground")
        with psycopg.connect(self.postgres_server.url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE ground")
        return self._made("postgres", {"DATABASE_URL": url})

    @cached_property
    def postgres_server(self) -> servers.Server:
        """One that asks the disk for each commit, as whoever runs the site has it, and has been in use."""
        server = self.resources.enter_context(servers.postgres_server(durable=True))
        server.end(signal.SIGINT)
        server.command += [*DURABLE, *KEEPS_LOG_FILES]
        server.start()
        use_up_log(server)
        return server

    def _made(self, name: str, variables: Mapping[str, str]) -> Path:
        folder = self.folder / f"ground-{name}"
        folder.mkdir()
        environ = environment(folder, variables)
        run_python(["manage.py", "migrate", "--verbosity=0"], environ)
        run_python(["-m", "bench.seed", str(folder), *map(str, self.layouts)], environ)
        return folder


class Ours(Server):
    is_durable = True

    def __init__(self, name: str, title: str, grounds: Grounds, workers: int = 1) -> None:
        self.name = name
        self.title = title
        self.grounds = grounds
        self.workers = workers

    @contextmanager
    def running(self, layout: Layout) -> Iterator[Running]:
        self.grounds.sites += 1
        folder = self.grounds.folder / f"site-{self.grounds.sites}"
        with ExitStack() as resources:
            resources.callback(shutil.rmtree, folder, ignore_errors=True)
            variables, helpers = self.stage(resources, folder)
            port = servers.free_port()
            environ = environment(folder, {**variables, "PORT": str(port)})
            command = [sys.executable, "manage.py", "serve", "--workers", str(self.workers)]
            process = resources.enter_context(started(command, environ, self.grounds.logs / f"{self.name}.log"))
            wait_until(lambda: is_up(process.pid, port, self.workers), process)
            options = {"port": port, "dialect": "chat", "path": "/ws/chat/", "keys": folder / str(layout)}
            yield Running([process.pid, *helpers], options)

    def stage(self, resources: ExitStack, folder: Path) -> tuple[dict[str, str], list[int]]:
        """Fills the folder; the variables that point to the data, and the processes that serve it."""
        raise NotImplementedError


class OnSQLite(Ours):
    def prepare(self) -> None:
        _ = self.grounds.sqlite

    def stage(self, resources: ExitStack, folder: Path) -> tuple[dict[str, str], list[int]]:
        shutil.copytree(self.grounds.sqlite, folder)
        return {}, []


class OnPostgres(Ours):
    """With Redis."""

    def prepare(self) -> None:
        servers.redis_program()
        _ = self.grounds.postgres

    def stage(self, resources: ExitStack, folder: Path) -> tuple[dict[str, str], list[int]]:
        server, name = self.grounds.postgres_server, folder.name.replace("-", "_")
        redis = resources.enter_context(servers.redis_server())
        shutil.copytree(self.grounds.postgres, folder)
        execute(server, f"CREATE DATABASE {name} TEMPLATE ground")
        resources.callback(execute, server, f"DROP DATABASE {name} WITH (FORCE)")
        assert server.process is not None
        assert redis.process is not None
        variables = {"DATABASE_URL": database_url(server.url, name), "REDIS_URL": redis.url}
        return variables, [server.process.pid, redis.process.pid]


def ours(grounds: Grounds) -> list[Server]:
    return [
        OnSQLite("ours", "ours, SQLite", grounds),
        OnPostgres("ours-pg", "ours, PostgreSQL + Redis", grounds),
        OnPostgres("ours-pg-2", "ours, PostgreSQL + Redis, two processes", grounds, workers=2),
    ]


def environment(folder: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """Of a site on loopback without limits, whatever this process was started with."""
    inherited = {name: value for name, value in os.environ.items() if name not in SITE_VARIABLES}
    return {**inherited, "VAR_DIR": str(folder), "RATE_LIMITS": "off", "ALLOW_SEED_LOAD": "1", **variables}


def use_up_log(server: servers.Server) -> None:
    """A new server makes the files of its log when it first needs them, and whoever commits then waits for 80 ms."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        for _ in range(LOG_FILES):
            connection.execute("SELECT pg_logical_emit_message(true, 'bench', '')")
            connection.execute("SELECT pg_switch_wal()")
        connection.execute("CHECKPOINT")  # what was used is kept to be used again


def database_url(server: str, name: str) -> str:
    return urlsplit(server)._replace(path=f"/{name}").geturl()


def execute(server: servers.Server, statement: str) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(statement)


def is_up(pid: int, port: int, workers: int) -> bool:
    """Whether all its processes take connections."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
            pass
    except OSError:
        return False
    if workers == 1:
        return True
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return len(children) == workers and all(serves(int(child), port) for child in children)
