"""Who is measured, and how each is started."""

import os
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from bench import processes
from bench.workshop import HERE, Workshop
from tests.support import servers

START_SECONDS = 60
LOOK_SECONDS = 0.05


class Layout(NamedTuple):
    """How many people are in how many rooms: person n in room n modulo `rooms`."""

    members: int
    rooms: int

    def __str__(self) -> str:
        return f"{self.members}x{self.rooms}"


@dataclass
class Running:
    """A server that answers. `pids` are the roots of all its processes; `options` what the generator must know."""

    pids: Sequence[int]
    options: dict[str, object]

    def cpu_seconds(self) -> float:
        return processes.cpu_seconds(self.pids)

    def memory_bytes(self) -> int:
        return processes.memory_bytes(self.pids)


class Server(ABC):
    """One row of the tables. `is_durable`: it stores what it delivers, acknowledges then, and replays it."""

    name: str
    title: str
    is_durable: bool

    @abstractmethod
    def prepare(self) -> None:
        """Makes what it needs; raises a `MissingError` where that can't be had here."""

    @abstractmethod
    def running(self, layout: Layout) -> AbstractContextManager[Running]:
        """A fresh one."""


@dataclass
class Peer(Server):
    """Somebody else's server, or a limit: one process, started by a command that `command(workshop, port)` gives."""

    name: str
    title: str
    workshop: Workshop
    command: Callable[[Workshop, int], list[str | Path]]
    dialect: str
    path: str = "/%d"
    wants_redis: bool = False
    variables: Callable[[Workshop], Mapping[str, str]] = field(default=lambda workshop: {})
    is_durable: bool = False

    def prepare(self) -> None:
        self.command(self.workshop, 0)
        self.variables(self.workshop)
        if self.wants_redis:
            servers.redis_program()

    @contextmanager
    def running(self, layout: Layout) -> Iterator[Running]:
        with ExitStack() as resources:
            environ = {"PATH": os.environ["PATH"], **self.variables(self.workshop)}
            pids = []
            if self.wants_redis:
                redis = resources.enter_context(servers.redis_server())
                assert redis.process is not None
                environ["REDIS_URL"] = redis.url
                pids.append(redis.process.pid)
            port = servers.free_port()
            process = resources.enter_context(
                started(self.command(self.workshop, port), environ, self.workshop.folder / f"{self.name}.log")
            )
            wait_until(lambda: listens(port), process)
            yield Running([process.pid, *pids], {"port": port, "dialect": self.dialect, "path": self.path})


@contextmanager
def started(
    command: Sequence[str | Path], environ: Mapping[str, str], log: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """Runs a program in a session of its own until the block ends."""
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, cwd=HERE.parent, env=environ, stdout=file, stderr=file, start_new_session=True
        )
    try:
        yield process
    except TimeoutError as error:
        said = log.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
        raise TimeoutError(f"{error}: {said[-1]} (all of it in {log})") from None
    finally:
        processes.end(process)


def wait_until(is_so: Callable[[], bool], process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while not is_so():
        if process.poll() is not None or time.monotonic() > deadline:
            raise TimeoutError("does not answer")
        time.sleep(LOOK_SECONDS)


def listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def peers(workshop: Workshop) -> list[Server]:
    """Those whom the ratios are told against first."""
    daphne = [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-v", "0", "bench.peers.tutorial:application", "-p"]
    path = "/ws/chat/room%d/"
    engine = "/socket.io/?EIO=4&transport=websocket&room=%d"
    tutorial = Peer(
        "tutorial", "Channels tutorial, Daphne, Redis", workshop,
        lambda workshop, port: [*daphne, str(port)], "tutorial", path, wants_redis=True,
    )  # fmt: skip
    in_memory = Peer(
        "tutorial-memory", "Channels tutorial, Daphne, in memory", workshop,
        lambda workshop, port: [*daphne, str(port)], "tutorial", path,
    )  # fmt: skip
    socketio = Peer(
        "socketio", "Socket.IO", workshop,
        lambda workshop, port: ["node", workshop.node / "socketio.js", str(port)], "socketio", engine,
    )  # fmt: skip
    ws = Peer(
        "ws", "ws, prepared frames", workshop,
        lambda workshop, port: ["node", workshop.node / "ws.js", str(port)], "plain",
    )  # fmt: skip
    pysocketio = Peer(
        "pysocketio", "python-socketio, uvicorn", workshop,
        lambda workshop, port: [sys.executable, HERE / "peers" / "pysocketio.py", str(port)], "socketio", engine,
        variables=lambda workshop: {"PYTHONPATH": str(workshop.python)},
    )  # fmt: skip
    each = Peer(
        "limit-each", "C, a write a message", workshop,
        lambda workshop, port: [workshop.limit, str(port), "each"], "plain",
    )  # fmt: skip
    limit = Peer(
        "limit", "C, a write a batch", workshop,
        lambda workshop, port: [workshop.limit, str(port)], "plain",
    )  # fmt: skip
    return [tutorial, in_memory, socketio, ws, pysocketio, each, limit]
