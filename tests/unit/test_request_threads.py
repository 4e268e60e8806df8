"""In which thread a request works: one that was used before, and is at work for nobody else."""

import asyncio
import threading
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from chatsite import request_threads
from chatsite.request_threads import RequestThreads

SECONDS = 10


class Site:
    """An application whose requests work until they are told to end."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []
        self._ends: list[threading.Event] = []
        self._begun = asyncio.Semaphore(0)
        self._loop = asyncio.get_running_loop()
        self._app = RequestThreads(self._answer)

    async def begins(self) -> "asyncio.Task[None]":
        """A request, once it is at work."""
        task = asyncio.create_task(self._app({"type": "http"}, None, None))
        async with asyncio.timeout(SECONDS):
            await self._begun.acquire()
        return task

    async def ends(self, *tasks: "asyncio.Task[None]") -> None:
        """Those that began first, one after the other."""
        for task in tasks:
            self._ends.pop(0).set()
            await task

    def stops_waiting(self) -> None:
        for end in self._ends:
            end.set()

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        end = threading.Event()
        self._ends.append(end)
        await sync_to_async(self._work)(end)

    def _work(self, end: threading.Event) -> None:
        self.threads.append(threading.current_thread())
        self._loop.call_soon_threadsafe(self._begun.release)
        assert end.wait(SECONDS)


async def test_requests_one_after_the_other_share_a_thread() -> None:
    site = Site()
    for _ in range(3):
        await site.ends(await site.begins())
    assert len(set(site.threads)) == 1


async def test_requests_at_the_same_time_have_a_thread_each() -> None:
    site = Site()
    tasks = [await site.begins() for _ in range(3)]
    assert len(set(site.threads)) == 3
    await site.ends(*tasks)


async def test_the_thread_of_an_abandoned_request_is_nobodys_until_it_is_done() -> None:
    site = Site()
    abandoned = await site.begins()
    abandoned.cancel()
    with pytest.raises(asyncio.CancelledError):
        await abandoned
    other = await site.begins()
    assert len(set(site.threads)) == 2
    site.stops_waiting()
    await other


async def test_a_request_that_waits_before_it_works_has_no_thread_yet() -> None:
    told = asyncio.Event()

    async def waits(scope: Any, receive: Any, send: Any) -> None:
        await told.wait()

    before = threading.active_count()
    tasks = [asyncio.create_task(RequestThreads(waits)({}, None, None)) for _ in range(5)]
    await asyncio.sleep(0)
    assert threading.active_count() == before
    told.set()
    await asyncio.gather(*tasks)


async def test_threads_beyond_those_that_are_kept_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_threads, "KEPT_THREADS", 1)
    site = Site()
    await site.ends(*[await site.begins() for _ in range(3)])
    for surplus in site.threads[1:]:
        await asyncio.to_thread(surplus.join, SECONDS)
    assert [thread.is_alive() for thread in site.threads] == [True, False, False]


@pytest.mark.django_db(transaction=True)
async def test_a_thread_keeps_its_database_until_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    opened, threads = [], []

    def opens() -> None:
        connections["default"].ensure_connection()
        opened.append(connections["default"])
        threads.append(threading.current_thread())

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await sync_to_async(opens)()

    app = RequestThreads(answer)
    for _ in range(2):
        await app({}, None, None)
    assert opened[0] is opened[1]
    assert opened[0].connection is not None
    monkeypatch.setattr(request_threads, "KEPT_THREADS", 0)
    await app({}, None, None)
    await asyncio.to_thread(threads[0].join, SECONDS)
    assert opened[0].connection is None
