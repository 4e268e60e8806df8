"""Our server around a small application, and clients that do what no library lets one do."""

import asyncio
import base64
import json
import os
import resource
import struct
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from tests.support.sites import ROOT

PATIENCE_SECONDS = 20
TEXT, CONTINUATION, PING = 0x81, 0x00, 0x89


class Small:
    """`tests/server/small.py` as a process; `limits` are the fields of `Limits`."""

    def __init__(self, limits: dict[str, Any], proxies: int = 0, descriptors: int | None = None) -> None:
        def lower() -> None:
            if descriptors:
                resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))

        command = [sys.executable, "-m", "tests.server.small", json.dumps(limits), str(proxies)]
        self.log_file = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed in `close`
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=self.log_file, text=True, preexec_fn=lower
        )
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, self.log
        self.port = int(line)

    @property
    def log(self) -> str:
        self.log_file.seek(0)
        return self.log_file.read()

    @property
    def memory(self) -> int:
        return memory_of(self.process.pid)

    @property
    def peak(self) -> int:
        """The most memory that it ever had."""
        return memory_of(self.process.pid, "VmHWM")

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=PATIENCE_SECONDS) as answer:
            return bytes(answer.read())

    def socket(self, path: str, **options: Any) -> connect:
        return connect(f"ws://127.0.0.1:{self.port}{path}", ping_interval=None, max_size=None, **options)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
        self.log_file.close()


@pytest.fixture
def small() -> Iterator[Callable[..., Small]]:
    """`small(ping_seconds=0.2)` runs the server with those limits; `proxies` and `descriptors` go with it."""
    with ExitStack() as running:

        def make(proxies: int = 0, descriptors: int | None = None, **limits: Any) -> Small:
            server = Small(limits, proxies, descriptors)
            running.callback(server.close)
            return server

        yield make


@pytest.fixture(scope="module")
def shared_small() -> Iterator[Small]:
    """The server with its usual limits, for the tests of a module that neither end it nor ask what it has used."""
    server = Small({})
    yield server
    server.close()


def descriptors_of(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def memory_of(pid: int, figure: str = "VmRSS") -> int:
    """Bytes of a process that are in the machine's memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{figure}:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(pid)


class Raw:
    """A WebSocket client that only does what it is told: it reads nothing and answers nothing by itself."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, first: int, payload: bytes = b"", times: int = 1) -> None:
        """Frames with that first byte; returns when the system has taken nearly all of them."""
        self.writer.write(frame(first, payload) * times)
        await self.writer.drain()

    async def rest(self) -> bytes:
        """All that comes until the server hangs up, however that is."""
        taken = b""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS * 5):
                while chunk := await self.reader.read(1 << 20):
                    taken = (taken + chunk)[-200:]
        except ConnectionError:
            pass
        return taken


def frame(first: int, payload: bytes = b"") -> bytes:
    """Masked with zeros, which leaves the payload as it is."""
    size = len(payload)
    if size < 126:
        head = struct.pack(">BB", first, 0x80 | size)
    elif size < 1 << 16:
        head = struct.pack(">BBH", first, 0x80 | 126, size)
    else:
        head = struct.pack(">BBQ", first, 0x80 | 127, size)
    return head + bytes(4) + payload


@asynccontextmanager
async def raw(port: int, path: str, headers: dict[str, str] | None = None) -> AsyncIterator[Raw]:
    """After the handshake. Little of what the client does not read is taken from it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 12)
    writer.write(handshake(port, path, headers))
    async with asyncio.timeout(PATIENCE_SECONDS):
        answer = await reader.readuntil(b"\r\n\r\n")
    assert b" 101 " in answer, answer
    try:
        yield Raw(reader, writer)
    finally:
        writer.transport.abort()


def handshake(port: int, path: str, headers: dict[str, str] | None = None) -> bytes:
    lines = {
        "Host": f"127.0.0.1:{port}",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        **(headers or {}),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"GET {path} HTTP/1.1\r\n{head}\r\n".encode()
