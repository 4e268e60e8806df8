"""How text reaches a socket: in order, never awaited by the sender, framed once for all of them.

Our own server offers a way past its layers (`EXTENSION`); where it isn't offered, by another
server or over TLS, the plain ASGI `send` does the same, slower.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from chatsite.realtime.events import Frame
from chatsite.realtime.frames import framed

logger = logging.getLogger(__name__)

# Of the ASGI scope: `write(data)` takes whole WebSocket frames, counts what is unsent, closes who is
# too slow, and raises ConnectionError once the socket is gone.
EXTENSION = "chat.frames"

MAX_UNSENT_BYTES = 1024 * 1024
SLICE = 500  # sockets that are sent to in one turn of the loop

T = TypeVar("T")
Send = Callable[[dict[str, Any]], Awaitable[None]]
Write = Callable[[bytes], None]


class Parcel:
    """Texts that go out together, to any number of sockets."""

    __slots__ = ("_frames", "texts")

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts
        self._frames: bytes | None = None

    @classmethod
    def of(cls, events: Sequence[Frame]) -> "Parcel":
        return cls([event.text for event in events])

    @property
    def frames(self) -> bytes:
        """As they go over the wire; made at the first call."""
        if self._frames is None:
            self._frames = b"".join(map(framed, self.texts))
        return self._frames


async def in_slices(targets: Sequence[T], give: Callable[[T], None]) -> None:
    """Gives to each, and after every few to whatever else the loop has to do."""
    for first in range(0, len(targets), SLICE):
        for target in targets[first : first + SLICE]:
            give(target)
        await asyncio.sleep(0)


class Outlet:
    """One socket's way out by ASGI's `send`.

    Queues and returns at once, so that a slow socket holds nobody up; what a server that
    exerts backpressure has not yet taken counts as unsent. Past the limit `on_overflow` is
    called once and nothing more is queued. Where the server refuses, since it has lost or
    closed the connection, `on_loss` is called once.
    """

    def __init__(self, send: Send, on_overflow: Callable[[], None], on_loss: Callable[[], None]) -> None:
        self._send = send
        self._on_overflow = on_overflow
        self._on_loss = on_loss
        self._queue: list[dict[str, Any]] = []
        self._unsent = 0
        self._task: asyncio.Task[None] | None = None
        self.closed = False

    def push(self, text: str) -> None:
        if self.closed:
            return
        self._unsent += size(text)
        if self._unsent > MAX_UNSENT_BYTES:
            self.closed = True
            self._queue.clear()
            self._on_overflow()
            return
        self._enqueue({"type": "websocket.send", "text": text})

    def push_all(self, parcel: Parcel) -> None:
        for text in parcel.texts:
            self.push(text)

    def close(self, code: int) -> None:
        """Sends what is queued, then closes."""
        self.closed = True
        self._enqueue({"type": "websocket.close", "code": code})

    def end(self) -> None:
        """The socket is gone. It knows its outlet: if that knew it on, both would wait for the garbage collector."""
        self.closed = True
        self._on_overflow = self._on_loss = lambda: None

    async def flush(self) -> None:
        """Returns when the server has taken everything."""
        while self._task is not None and not self._task.done():
            await asyncio.wait([self._task])

    def _enqueue(self, message: dict[str, Any]) -> None:
        self._queue.append(message)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain())

    async def _drain(self) -> None:
        try:
            while self._queue:
                message = self._queue.pop(0)
                await self._send(message)
                self._unsent -= size(message.get("text", ""))
        except Exception:  # the server tells the consumer by itself
            self._queue.clear()
            self._lose()

    def _lose(self) -> None:
        self.closed = True
        logger.debug("socket gone while sending", exc_info=True)
        self._on_loss()


class DirectOutlet(Outlet):
    """As `Outlet`, by the server's `EXTENSION`.

    A parcel is one write; what else is said within one turn of the loop is one, too.
    """

    def __init__(self, write: Write, send: Send, on_overflow: Callable[[], None], on_loss: Callable[[], None]) -> None:
        super().__init__(send, on_overflow, on_loss)
        self._write = write
        self._gathered: list[bytes] = []

    def push(self, text: str) -> None:
        if self.closed:
            return
        if not self._gathered:
            asyncio.get_running_loop().call_soon(self._write_gathered)
        self._gathered.append(framed(text))

    def push_all(self, parcel: Parcel) -> None:
        if self.closed:
            return
        if self._gathered:
            self._gathered.append(parcel.frames)
        else:
            self._write_or_lose(parcel.frames)

    def close(self, code: int) -> None:
        self._write_gathered()
        super().close(code)

    async def flush(self) -> None:
        self._write_gathered()
        await super().flush()

    def _write_gathered(self) -> None:
        if self._gathered:
            frames, self._gathered = b"".join(self._gathered), []
            self._write_or_lose(frames)

    def _write_or_lose(self, frames: bytes) -> None:
        try:
            self._write(frames)
        except ConnectionError:
            self._lose()


def outlet_for(
    scope: Mapping[str, Any], send: Send, on_overflow: Callable[[], None], on_loss: Callable[[], None] = lambda: None
) -> Outlet:
    """The fastest way out that the server of this socket offers."""
    offered = scope.get("extensions", {}).get(EXTENSION)
    if offered is None:
        return Outlet(send, on_overflow, on_loss)
    return DirectOutlet(offered["write"], send, on_overflow, on_loss)


def size(text: str) -> int:
    """Bytes on the wire; most text is ASCII, whose bytes are its characters."""
    return len(text) if text.isascii() else len(text.encode())
