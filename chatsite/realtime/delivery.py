"""How text reaches a socket: through the server's own `send`, in order, never awaited by the sender."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

logger = logging.getLogger(__name__)

MAX_UNSENT_BYTES = 1024 * 1024

Send = Callable[[dict[str, Any]], Awaitable[None]]


class Outlet:
    """One socket's way out.

    `push` queues and returns at once, so that a slow socket holds nobody up; what a
    server that exerts backpressure has not yet taken counts as unsent. Past the limit
    `on_overflow` is called once and nothing more is queued. A server that counts for itself
    and closes, as ours does, refuses what comes next: then `on_loss` is called once.
    """

    def __init__(self, send: Send, on_overflow: Callable[[], None], on_loss: Callable[[], None] = lambda: None) -> None:
        self._send = send
        self._on_overflow = on_overflow
        self._on_loss = on_loss
        self._queue: deque[dict[str, Any]] = deque()
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

    def close(self, code: int) -> None:
        """Sends what is queued, then closes."""
        self.closed = True
        self._enqueue({"type": "websocket.close", "code": code})

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
                message = self._queue.popleft()
                await self._send(message)
                self._unsent -= size(message.get("text", ""))
        except Exception:  # the server has lost or closed the connection; it tells the consumer by itself
            self.closed = True
            self._queue.clear()
            logger.debug("socket gone while sending", exc_info=True)
            self._on_loss()


def size(text: str) -> int:
    """Bytes on the wire; most text is ASCII, whose bytes are its characters."""
    return len(text) if text.isascii() else len(text.encode())
