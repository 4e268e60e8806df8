"""A program at one of the site's web sockets."""

import asyncio
import itertools
import json
from collections import deque
from ssl import SSLContext
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

TIMEOUT_SECONDS = 20

Message = dict[str, Any]


class RefusedError(Exception):
    """The server answered a command with `error`; `answer` is the whole of it."""

    def __init__(self, answer: Message) -> None:
        super().__init__(f"{answer.get('code')}: {answer.get('message')}")
        self.answer = answer
        self.code = answer.get("code")


class WsClient:
    """`async with WsClient(site.ws_url("/ws/chat/"), person.cookie) as client:`

    Replies go to who asked; everything else waits in `events`, in the order received.
    """

    def __init__(
        self, url: str, headers: dict[str, str], origin: str | None = None, ssl: SSLContext | None = None
    ) -> None:
        self.url = url
        self.headers = headers
        self.ssl = ssl
        self.origin = None if origin is None else Origin(origin)
        self.events: deque[Message] = deque()
        self._refs = itertools.count(1)
        self._replies: dict[str, asyncio.Future[Message]] = {}
        self._arrived = asyncio.Condition()

    async def __aenter__(self) -> "WsClient":
        self.connection: ClientConnection = await connect(
            self.url, additional_headers=self.headers, origin=self.origin, ssl=self.ssl, max_size=None,
            ping_interval=None,
        )  # fmt: skip
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.connection.close()
        await self._reader

    @property
    def close_code(self) -> int | None:
        """None while it is open."""
        return self.connection.close_code

    async def request(self, type: str, **fields: Any) -> Message:
        """Sends a command and returns its `ok`; raises `RefusedError` for its `error`."""
        ref = f"r{next(self._refs)}"
        reply = self._replies[ref] = asyncio.get_running_loop().create_future()
        try:
            await self.send({"type": type, "ref": ref, **fields})
        except ConnectionClosed:
            del self._replies[ref]
            raise
        async with asyncio.timeout(TIMEOUT_SECONDS):
            answer = await reply
        if answer["type"] == "error":
            raise RefusedError(answer)
        return answer

    async def send(self, message: Message) -> None:
        """A command without waiting for its reply; with no `ref`, an `error` lands in `events`."""
        await self.send_raw(json.dumps(message))

    async def send_raw(self, data: str | bytes) -> None:
        await self.connection.send(data)

    async def next_event(self, type: str | None = None, timeout: float = TIMEOUT_SECONDS, **fields: Any) -> Message:
        """Takes the first event of that type and those fields; what came before it stays in `events`."""

        def find() -> Message | None:
            return next((event for event in self.events if _fits(event, type, fields)), None)

        async with self._arrived:
            try:
                async with asyncio.timeout(timeout):
                    await self._arrived.wait_for(lambda: find() or self.close_code)
            except TimeoutError:
                raise TimeoutError(f"no {type or 'event'} {fields or ''}; there came {list(self.events)}") from None
            if (event := find()) is None:
                raise ConnectionError(f"closed with {self.close_code} before {type or 'an event'} came")
            self.events.remove(event)
            return event

    async def wait_closed(self, timeout: float = TIMEOUT_SECONDS) -> int | None:
        """Waits until the server closes; returns the close code."""
        async with asyncio.timeout(timeout):
            await self.connection.wait_closed()
        return self.close_code

    async def _read(self) -> None:
        try:
            async for text in self.connection:
                await self._take(json.loads(text))
        except ConnectionClosed:
            pass
        for reply in self._replies.values():
            if not reply.done():
                reply.set_exception(ConnectionError(f"closed with {self.close_code}"))
        async with self._arrived:
            self._arrived.notify_all()

    async def _take(self, message: Message) -> None:
        reply = self._replies.pop(message.get("ref", ""), None)
        if reply is not None and not reply.done():
            reply.set_result(message)
            return
        async with self._arrived:
            self.events.append(message)
            self._arrived.notify_all()


def _fits(event: Message, type: str | None, fields: dict[str, Any]) -> bool:
    return (type is None or event["type"] == type) and all(event.get(key) == value for key, value in fields.items())
