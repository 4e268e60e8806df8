"""Where a scenario takes place: a site of its own on servers of its own, with people from `seed_load`."""

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.support import servers, stack
from tests.support.sites import Ground, Site

WORKER_STARTS_SECONDS = 60
LOOK_SECONDS = 0.05
LISTEN = "0A"  # in /proc/net/tcp


class Key(NamedTuple):
    """What somebody signs in with."""

    user: int
    session: str
    token: str


class Stage:
    def __init__(self, site: Site, folder: Path, people: int, rooms: int, messages: int) -> None:
        self.site = site
        self._out = folder / "keys"
        self.rooms, self.keys = self.seed(people, rooms, messages)

    def seed(self, people: int, rooms: int, messages: int = 0) -> tuple[list[int], list[Key]]:
        """New rooms with new people, who are in all of them; also while the site serves."""
        numbers = {"--users": people, "--rooms": rooms, "--messages": messages}
        self.site.manage(
            "seed_load", "--out", str(self._out), *(str(part) for pair in numbers.items() for part in pair)
        )
        first, *lines = self._out.read_text().splitlines()
        keys = [Key(int(user), session, token) for user, session, token in map(str.split, lines)]
        return [int(room) for room in first.split()[2:]], keys

    @property
    def is_supervised(self) -> bool:
        return self.site.workers > 1

    def workers(self) -> list[int]:
        """The processes that serve, the oldest first."""
        if self.site.process is None:
            return []
        return sorted(self.site.worker_pids()) if self.is_supervised else [self.site.process.pid]

    def resident(self) -> float:
        """MB of memory of all processes that serve."""
        return sum(_resident(pid) for pid in self.workers()) / 1024

    def own(self) -> float:
        """As `resident`, without files: what of their pages counts depends on who else has them open."""
        return sum(_own(pid) for pid in self.workers()) / 1024

    def threads(self) -> int:
        return sum(len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in self.workers())

    def open_files(self) -> int:
        return sum(map(_open_files, self.workers()))

    def cpu(self) -> dict[int, float]:
        """Seconds of processor time that each process that serves has used."""
        return {pid: _cpu(pid) for pid in self.workers()}

    def kill_one(self) -> None:
        """kill -9 of the serving process with the most sockets. Where there is but one, the site is started again."""
        if self.is_supervised:
            os.kill(max(self.workers(), key=_open_files), signal.SIGKILL)
        else:
            self.site.kill()
            self.site.start()

    def replace_all(self, how: str) -> None:
        """Every serving process by a new one; returns when the old ones are gone and the new ones serve.

        `sighup`: the supervisor does it. `sigterm`: each in turn, when its predecessor's successor serves.
        """
        before = self.workers()
        if how == "sighup":
            assert self.site.process is not None
            self.site.process.send_signal(signal.SIGHUP)
            self._await_workers(gone=before)
        else:
            for pid in before:
                os.kill(pid, signal.SIGTERM)
                self._await_workers(gone=[pid])

    def _await_workers(self, gone: list[int]) -> None:
        deadline = time.monotonic() + WORKER_STARTS_SECONDS * len(gone)
        while True:
            workers = self.workers()
            if (
                len(workers) == self.site.workers
                and not set(gone) & set(workers)
                and all(serves(pid, self.site.port) for pid in workers)
            ):
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"{gone} were not replaced: {workers} serve")
            time.sleep(LOOK_SECONDS)


@contextmanager
def set_up(people: int, rooms: int, messages: int = 0, **variables: str) -> Iterator[Stage]:
    """On `stack.STACK`. Rate limits are off, unless `variables` say otherwise."""
    with ExitStack() as resources:
        for name in stack.OWN_VARIABLES:
            os.environ.pop(name, None)
        os.environ.update(DATABASE_URL="", REDIS_URL="")
        folder = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="chat-load-")))
        if stack.STACK == "pg":
            os.environ["DATABASE_URL"] = resources.enter_context(servers.postgres_server(durable=True)).url
        (folder / "site").mkdir()
        variables = {"RATE_LIMITS": "off", **variables}
        site = Site(Ground(folder), folder / "site", workers=0, **variables)
        resources.callback(site.close)
        site.environ["ALLOW_SEED_LOAD"] = "1"
        stage = Stage(site, folder, people, rooms, messages)
        site.start()
        yield stage


def _resident(pid: int) -> int:
    return _kilobytes(Path(f"/proc/{pid}/status"), "VmRSS:")


def _own(pid: int) -> int:
    return _kilobytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss_Anon:")


def _kilobytes(path: Path, name: str) -> int:
    """A line of what the system tells of a process; 0 for one that is gone."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(name))


def _open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _cpu(pid: int) -> float:
    """0 for a process that is gone."""
    try:
        user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    except OSError:
        return 0
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def serves(pid: int, port: int) -> bool:
    """Whether its event loop waits for connections to the port."""
    process = Path(f"/proc/{pid}")
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = {f"socket:[{row[9]}]" for row in rows if row[3] == LISTEN and row[1].endswith(f":{port:04X}")}
    try:
        files = {fd.name: str(fd.readlink()) for fd in (process / "fd").iterdir()}
        loops = [name for name, target in files.items() if target == "anon_inode:[eventpoll]"]
        told = "".join((process / "fdinfo" / name).read_text() for name in loops)
    except OSError:
        return False
    watched = {line.split()[1] for line in told.splitlines() if line.startswith("tfd:")}
    return any(files.get(name) in listening for name in watched)
