"""Where a run takes place: a site of its own on servers of its own, with the patches and a scene in it."""

import os
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.faults.clerk import Clerk
from tests.faults.patches import PATCHES
from tests.faults.scene import Resident, Scene
from tests.faults.truth import Truth
from tests.support import servers, stack
from tests.support.patching import Switches, patched
from tests.support.sites import Ground, Site

DISK = "256m"  # of the tmpfs that the site's folder is on, so that it can be filled up


@dataclass
class Stage:
    """What the faults act on. `postgres` is None on SQLite; `disk` where the site's folder is no tmpfs of its own."""

    site: Site
    clerk: Clerk
    scene: Scene
    switches: Switches
    postgres: servers.Server | None
    disk: Path | None

    @property
    def redis(self) -> servers.Server | None:
        return self.site.redis if stack.STACK == "pg" else None

    @property
    def sqlite(self) -> Path | None:
        return None if self.postgres else self.site.var / "db.sqlite3"

    def workers(self) -> list[int]:
        """The processes that serve."""
        if self.site.process is None:
            return []
        return self.site.worker_pids() if self.site.workers > 1 else [self.site.process.pid]

    def kill(self, worker: int) -> None:
        """SIGKILL; another one serves when this returns. Where there is but one, the site is started again."""
        os.kill(worker, signal.SIGKILL)
        self.replace(worker)

    def replace(self, worker: int, seconds: float = 60) -> None:
        """Returns when a worker that ends has another in its place."""
        deadline = time.monotonic() + seconds
        while self._is_running(worker):
            if time.monotonic() > deadline:
                raise TimeoutError(f"worker {worker} goes on after {seconds} s")
            time.sleep(0.02)
        if self.site.workers > 1:
            self.await_workers(deadline)
        else:
            self.site.kill()
            self.site.start()

    def await_workers(self, deadline: float) -> None:
        """Returns when all serve: each has opened its event loop, which comes after all imports."""
        while len(pids := self.workers()) < self.site.workers or not all(map(_serves, pids)):
            if time.monotonic() > deadline:
                raise TimeoutError("the workers that ended were not replaced")
            time.sleep(0.05)

    def _is_running(self, worker: int) -> bool:
        if self.site.workers > 1:
            return worker in self.workers()
        return self.site.process is not None and self.site.process.poll() is None

    def heads(self) -> dict[str, int]:
        """Of every stream, read beside the site."""
        rooms = self._ask("SELECT id, head_seq FROM chat_room")
        inboxes = self._ask("SELECT user_id, head_seq FROM notifications_inbox")
        return {f"room:{pk}": head for pk, head in rooms} | {f"inbox:{pk}": head for pk, head in inboxes}

    def jobs_open(self) -> int:
        """How many jobs have not ended."""
        rows = self._ask("SELECT count(*) FROM notifications_job WHERE finished_at IS NULL")
        return int(rows[0][0])

    def _ask(self, query: str) -> list[Any]:
        if self.postgres is not None:
            with psycopg.connect(self.site.environ["DATABASE_URL"], connect_timeout=10) as connection:
                return connection.execute(query).fetchall()
        with closing(sqlite3.connect(f"file:{self.sqlite}?mode=ro", uri=True, timeout=20)) as connection:
            return connection.execute(query).fetchall()

    def truth(self) -> Truth:
        return Truth.of(self.clerk.ask("truth"))

    def renew(self, person: int) -> Resident:
        return Resident(*self.clerk.ask("renew", person))


def _serves(pid: int) -> bool:
    """Whether a worker has an epoll of its own, the last thing that a starting one makes."""
    try:
        return any(str(fd.readlink()) == "anon_inode:[eventpoll]" for fd in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


@contextmanager
def set_up(folder: Path, workers: int = 0, patches: Sequence[str] = ()) -> Iterator[Stage]:
    """`stack.STACK` tells on which stack; `patches` come on top of this package's own."""
    with ExitStack() as resources:
        for name in stack.OWN_VARIABLES:
            os.environ.pop(name, None)
        os.environ.update(DATABASE_URL="", REDIS_URL="")
        postgres = None
        if stack.STACK == "pg":
            postgres = resources.enter_context(servers.postgres_server(durable=True))
            os.environ["DATABASE_URL"] = postgres.url
        home = folder / "site"
        home.mkdir(parents=True)
        disk = home if postgres is None and resources.enter_context(_own_disk(home)) else None
        switches = Switches(folder / "switches")
        variables = patched(*PATCHES, *patches, switches=switches.folder)
        site = Site(Ground(folder), home, workers, **variables)
        if postgres is not None:
            # A copied database's sequences count on log records that only the original has: after a crash
            # they would give out numbers again. The first use after a checkpoint writes their own.
            with psycopg.connect(postgres.url, autocommit=True) as connection:
                connection.execute("CHECKPOINT")
        site.log_path = folder / "log"  # which goes on where the disk is full
        resources.callback(site.close)
        plain = {name: value for name, value in site.environ.items() if name not in variables}
        clerk = resources.enter_context(Clerk(plain))
        scene = Scene.of(clerk.ask("make"))
        site.start()
        yield Stage(site, clerk, scene, switches, postgres, disk)


@contextmanager
def _own_disk(folder: Path) -> Iterator[bool]:
    """Puts a small tmpfs there; False where this user may not."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)]
    mounted = shutil.which("mount") is not None and subprocess.run(command, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, check=False)
