"""A WebSocket written byte by byte, so that it can say what no library lets one say."""

import asyncio
import base64
import json
import os
import struct
from contextlib import suppress
from typing import Any, NamedTuple

from tests.support.cast import Person
from tests.support.sites import Site

TIMEOUT_SECONDS = 10
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
FIN, MASKED = 0x80, 0x80
REPLIES = ("ok", "error", "pong")


class Frame(NamedTuple):
    opcode: int
    payload: bytes

    @property
    def close_code(self) -> int | None:
        """None for a close frame without one."""
        return struct.unpack(">H", self.payload[:2])[0] if self.payload else None


class RawSocket:
    """`async with RawSocket(site, alice) as socket:` signed in at `/ws/chat/` by a token."""

    def __init__(self, site: Site, person: Person) -> None:
        self.site = site
        self.person = person

    async def __aenter__(self) -> "RawSocket":
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.site.port)
        self.writer.write(self._handshake())
        status, _, _ = (await self.reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")
        assert b" 101 " in status, status
        return self

    async def __aexit__(self, *exception: object) -> None:
        self.writer.close()

    def send(
        self, opcode: int, payload: bytes = b"", *, fin: bool = True, reserved: int = 0, mask: bool = True
    ) -> None:
        """`reserved`: the three bits after FIN, as a number up to 7."""
        head = bytes([(FIN if fin else 0) | reserved << 4 | opcode])
        size, masked = len(payload), MASKED if mask else 0
        if size < 126:
            head += bytes([masked | size])
        else:
            head += bytes([masked | 126]) + struct.pack(">H", size)
        key = os.urandom(4) if mask else b""
        self.writer.write(head + key + (_masked(payload, key) if mask else payload))

    async def answer(self) -> dict[str, Any]:
        """The next reply to a command; events (presence, heartbeats) are passed over."""
        while (message := json.loads((await self.next_frame(TEXT)).payload))["type"] not in REPLIES:
            pass
        return dict(message)

    async def next_frame(self, *opcodes: int) -> Frame:
        """The next frame of one of those kinds; others are passed over."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while (frame := await self._frame()).opcode not in opcodes:
                pass
            return frame

    async def hung_up(self) -> None:
        """Returns when the server has ended the connection, which it does by a reset where it began the closing."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            with suppress(ConnectionResetError):
                await self.reader.read()

    async def _frame(self) -> Frame:
        first, size = await self.reader.readexactly(2)
        if size == 126:
            (size,) = struct.unpack(">H", await self.reader.readexactly(2))
        elif size == 127:
            (size,) = struct.unpack(">Q", await self.reader.readexactly(8))
        return Frame(first & 0x0F, await self.reader.readexactly(size))

    def _handshake(self) -> bytes:
        headers = {
            "Host": f"127.0.0.1:{self.site.port}",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
            **self.person.bearer,
        }
        lines = ["GET /ws/chat/ HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode()


def close_payload(code: int, reason: bytes = b"") -> bytes:
    return struct.pack(">H", code) + reason


def _masked(payload: bytes, key: bytes) -> bytes:
    return bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))
