"""Programs' requests wait for each other, so that people need not wait for programs.

Django works on each request in a thread of its own. Of a hundred programs that report at the same time
there would be a hundred threads in line for the interpreter and for the database, and who talks would
stand between them. Here one is at work, and the others wait at no cost.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from asgiref.typing import ASGIReceiveEvent, ASGISendEvent

from chatsite.realtime import hub as hubs

AT_ONCE = 1  # with one interpreter and one database, two were measured to get less done
REST = 2.0  # after each, in times of how long it was at work: what people have to themselves between two programs
MAX_REST_SECONDS = 0.1
ACTIVE_SECONDS = 1.0  # people are thought to be there so long after a page, a command, or a message that came to them


class Turnstile:
    """An ASGI application around another: of requests with an access token it lets in so many at once, in order.

    While people are active, a place that is given back rests before the next has it, so that programs have
    a third of the process at most. While nobody is, they have all of it.
    """

    def __init__(self, app: Any, at_once: int = AT_ONCE, rest: float = REST) -> None:
        self._app = app
        self._places = asyncio.Semaphore(at_once)
        self._rest = rest
        self._page_at = float("-inf")

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if not _is_from_program(scope):
            self._page_at = asyncio.get_running_loop().time()
            return await self._app(scope, receive, send)
        visit = _Visit(self._places, self._give_back, receive, send)
        try:
            await self._app(scope, visit.receive, visit.send)
        finally:
            visit.end()

    def _give_back(self, seconds_at_work: float) -> None:
        loop = asyncio.get_running_loop()
        if self._are_people_active(loop.time()):
            loop.call_later(min(self._rest * seconds_at_work, MAX_REST_SECONDS), self._places.release)
        else:
            self._places.release()

    def _are_people_active(self, now: float) -> bool:
        hub = hubs.current()
        last = max(self._page_at, hub.active_at) if hub else self._page_at
        return now - last < ACTIVE_SECONDS


def _is_from_program(scope: dict[str, Any]) -> bool:
    return any(name == b"authorization" and value[:7].lower() == b"bearer " for name, value in scope["headers"])


class _Visit:
    """Takes a place when the whole request is here, however slowly it came; gives it back when the answer begins."""

    def __init__(self, places: asyncio.Semaphore, give_back: Callable[[float], None], receive: Any, send: Any) -> None:
        self._places, self._give_back, self._receive, self._send = places, give_back, receive, send
        self._since: float | None = None  # when it took its place, while it has one

    async def receive(self) -> ASGIReceiveEvent:
        event: ASGIReceiveEvent = await self._receive()
        if event["type"] == "http.request" and not event.get("more_body"):
            await self._places.acquire()
            self._since = asyncio.get_running_loop().time()
        return event

    async def send(self, event: ASGISendEvent) -> None:
        self.end()
        await self._send(event)

    def end(self) -> None:
        if self._since is not None:
            self._give_back(asyncio.get_running_loop().time() - self._since)
            self._since = None
