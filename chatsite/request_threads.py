"""Requests work in threads that are kept, each with its open database.

Django works on each request in a thread of its own, which asgiref starts and ends, with one more thread to wait
for that end. Two threads and opening SQLite anew cost a small request more than a third of its time
(`python -m tests.load progress`).
"""

from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import ThreadSensitiveContext
from django.db import connections

KEPT_THREADS = 4  # more are started where more requests come at once, and end after them

P = ParamSpec("P")
T = TypeVar("T")


class RequestThreads:
    """An ASGI application around Django's: all of a request that blocks runs in one thread, in a used one if it can."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._free: list[ThreadPoolExecutor] = []

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        request = _Request(self._take)
        try:
            async with ThreadSensitiveContext(executor=request):
                await self._app(scope, receive, send)
        finally:
            request.end(self._give_back)

    def _take(self) -> ThreadPoolExecutor:
        return self._free.pop() if self._free else ThreadPoolExecutor(1, thread_name_prefix="request")

    def _give_back(self, thread: ThreadPoolExecutor) -> None:
        if len(self._free) < KEPT_THREADS:
            self._free.append(thread)
            return
        thread.submit(connections.close_all)
        thread.shutdown(wait=False)


class _Request(Executor):
    """Takes a thread with its first call, since it may wait long before (a slow body, the turnstile)."""

    def __init__(self, take: Callable[[], ThreadPoolExecutor]) -> None:
        self._take = take
        self._thread: ThreadPoolExecutor | None = None
        self._last: Future[Any] | None = None

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        self._thread = self._thread or self._take()
        future = self._thread.submit(fn, *args, **kwargs)
        self._last = future
        return future

    def end(self, give_back: Callable[[ThreadPoolExecutor], None]) -> None:
        """Gives the thread back when its last call is done: who hung up is not waited for, but may still be at work."""
        thread, last = self._thread, self._last
        if thread is not None and last is not None:
            last.add_done_callback(lambda _: give_back(thread))
