"""The real server as a process of its own, on a database of its own."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from tests.support import servers, stack
from tests.support.cast import Person

ROOT = Path(__file__).resolve().parent.parent.parent
READY_SECONDS = 90
STOP_SECONDS = 60


class Ground:
    """What sites start from, made once: a migrated database with the cast in it, and static files."""

    def __init__(self, folder: Path) -> None:
        self.var = folder / "ground"
        self.sites = 0
        self.environ = {**os.environ, "VAR_DIR": str(self.var), "REDIS_URL": ""}
        if stack.STACK == "pg":
            self.environ["DATABASE_URL"] = self.new_database("ground")
        self.cast = json.loads(run_python(["-m", "tests.support.cast"], self.environ))

    def copy_to(self, var: Path) -> dict[str, str]:
        """Fills a folder for one site; returns the variables that point there."""
        shutil.copytree(self.var, var, ignore=shutil.ignore_patterns("static"))
        (var / "static").symlink_to(self.var / "static")
        self.sites += 1
        database = self.new_database(f"site_{self.sites}", "ground") if stack.STACK == "pg" else ""
        return {"VAR_DIR": str(var), "DATABASE_URL": database}

    def new_database(self, name: str, template: str = "template1") -> str:
        """The URL of a new PostgreSQL database, a copy of `template`."""
        url = os.environ["DATABASE_URL"]
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return urlsplit(url)._replace(path=f"/{name}").geturl()


class Site:
    """One site: `with Site(ground, folder) as site:` serves until the block ends.

    On SQLite one process and no Redis; on PostgreSQL two processes and a Redis of its
    own. `variables` go on top of the environment; `site.log` is what it printed.
    """

    def __init__(self, ground: Ground, folder: Path, workers: int = 0, **variables: str) -> None:
        self.resources = ExitStack()
        self.port = servers.free_port()
        self.workers = workers or (2 if stack.STACK == "pg" else 1)
        self.environ = {**os.environ, **ground.copy_to(folder / "var"), "PORT": str(self.port)}
        if stack.STACK == "pg":
            self.redis = self.resources.enter_context(servers.redis_server())
            self.environ["REDIS_URL"] = self.redis.url
        self.environ.update(variables)
        bind = self.environ.get("BIND", "127.0.0.1")
        self.host = f"[{bind}]" if ":" in bind else bind
        self.people = {name: Person(*values) for name, values in ground.cast["people"].items()}
        self.room: dict[str, Any] = ground.cast["room"]
        self.var = Path(self.environ["VAR_DIR"])
        self.log_path = folder / "log"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Site":
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        self.kill()
        self.resources.close()

    @property
    def log(self) -> str:
        return self.log_path.read_text() if self.log_path.exists() else ""

    @property
    def origin(self) -> str:
        return f"http://{self.host}:{self.port}"

    def url(self, path: str) -> str:
        return self.origin + path

    def ws_url(self, path: str) -> str:
        return f"ws://{self.host}:{self.port}{path}"

    def start(self) -> None:
        """Returns when the site answers."""
        command = [sys.executable, "manage.py", "serve", "--workers", str(self.workers)]
        with self.log_path.open("ab") as log:
            # A session of its own, so that `kill` reaches all its processes.
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.environ, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + READY_SECONDS
        while not self.is_up():
            if self.process.poll() is not None:
                raise RuntimeError(f"the site ended with {self.process.returncode}:\n{self.log}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"the site does not answer:\n{self.log}")
            time.sleep(0.05)

    def is_up(self) -> bool:
        try:
            with urllib.request.urlopen(self.url("/healthz"), timeout=5) as response:
                return bool(response.status == 200)
        except OSError:
            return False

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        if self.process is None:
            raise RuntimeError("the site is not running")
        self.process.terminate()
        code = self.process.wait(STOP_SECONDS)
        self.process = None
        return code

    def kill(self) -> None:
        """SIGKILL to all its processes at once."""
        if self.process is not None:
            with suppress(ProcessLookupError):  # it has ended already
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def restart(self) -> None:
        """After `kill` or `stop`, or in their place: the same site on the same port and data."""
        if self.process is not None:
            self.stop()
        self.start()

    def worker_pids(self) -> list[int]:
        """The processes that serve, where there are several."""
        if self.process is None:
            return []
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def manage(self, *arguments: str) -> str:
        """Runs `manage.py …` on this site's data; returns what it printed."""
        return run_python(["manage.py", *arguments], self.environ)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What is in the database at this moment, asked past the site."""
        if stack.STACK == "sqlite":
            with closing(sqlite3.connect(self.var / "db.sqlite3")) as database:
                return database.execute(query).fetchall()
        with psycopg.connect(self.environ["DATABASE_URL"]) as database:
            return database.execute(query.encode()).fetchall()

    def call(self, method: str, path: str, person: Person | None = None, body: object = None) -> tuple[int, Any]:
        """One HTTP API call as a program with a token: the status and the JSON of the answer."""
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            **(person.bearer if person else {}),
        }
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url(path), data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, json.load(response) if response.status != 204 else None
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)


@contextmanager
def frozen(pids: Iterable[int]) -> Iterator[None]:
    """Stops processes for a while: they accept and answer nothing, and what comes goes to others that listen."""
    stopped = list(pids)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in reversed(stopped):
            os.kill(pid, signal.SIGCONT)


def run_python(arguments: list[str] | tuple[str, ...], environ: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)}: {done.stdout}{done.stderr}")
    return done.stdout
