"""A web socket cheap enough to hold a thousand of them in one process: text frames, no extensions, no fragments."""

import asyncio
import base64
import os
import struct
from collections.abc import Callable

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
FIN, MASKED = 0x80, 0x80
ZERO_MASK = bytes(4)  # XOR with it changes nothing; servers can't tell it from a random one
ABNORMAL = 1006


class RefusedError(ConnectionError):
    """The handshake was answered with something else than 101."""


class Wire(asyncio.Protocol):
    """`on_text` gets each message; `gone` is done when the connection is, with the close code."""

    def __init__(self, path: str, headers: dict[str, str], on_text: Callable[[bytes], None]) -> None:
        self.path = path
        self.headers = headers
        self.on_text = on_text
        self.is_open = False
        self.opened = asyncio.get_running_loop().create_future()
        self.gone: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._close_code = ABNORMAL
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        host, port = transport.get_extra_info("peername")[:2]
        transport.write(handshake(self.path, f"{host}:{port}", self.headers))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self.is_open:
            self._read_head()
        while self.is_open and self._read_frame():
            pass

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        if not self.opened.done():
            self.opened.set_exception(RefusedError("hung up"))
        if not self.gone.done():  # who waited for it may have been cancelled
            self.gone.set_result(self._close_code)

    def send(self, text: bytes) -> None:
        """Does nothing after the end; who waits for an answer waits for `gone`, too."""
        if self.is_open:
            self.transport.write(frame(TEXT, text))

    def abort(self) -> None:
        self.transport.abort()

    def _read_head(self) -> None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        status = bytes(self._buffer[: self._buffer.find(b"\r\n")])
        del self._buffer[: end + 4]
        if b" 101 " in status:
            self.is_open = True
            self.opened.set_result(None)
        elif not self.opened.done():
            self.opened.set_exception(RefusedError(status.decode(errors="replace")))
            self.transport.abort()

    def _read_frame(self) -> bool:
        """Whether there was a whole one."""
        if len(self._buffer) < 2:
            return False
        size, at = self._buffer[1], 2
        if size >= 126:
            at = 4 if size == 126 else 10
            if len(self._buffer) < at:
                return False
            (size,) = struct.unpack_from(">H" if at == 4 else ">Q", self._buffer, 2)
        if len(self._buffer) < at + size:
            return False
        opcode, payload = self._buffer[0] & 0x0F, bytes(self._buffer[at : at + size])
        del self._buffer[: at + size]
        self._take(opcode, payload)
        return True

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == TEXT:
            self.on_text(payload)
        elif opcode == PING:
            self.transport.write(frame(PONG, payload))
        elif opcode == CLOSE:
            self._close_code = struct.unpack(">H", payload[:2])[0] if payload else 1005
            self.transport.write(frame(CLOSE, payload[:2]))
            self.transport.close()


def handshake(path: str, host: str, headers: dict[str, str]) -> bytes:
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade"]
    lines += ["Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def frame(opcode: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        head = struct.pack(">BB", FIN | opcode, MASKED | size)
    elif size < 65_536:
        head = struct.pack(">BBH", FIN | opcode, MASKED | 126, size)
    else:
        head = struct.pack(">BBQ", FIN | opcode, MASKED | 127, size)
    return head + ZERO_MASK + payload
