"""Work in groups: what arrives together is done together.

While one batch is worked on, the next one gathers; an idle batcher adds no wait. One
transaction for many posts is what makes durable posting fast, one query for many who
come back what makes a storm short.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from chatsite.realtime.outages import UnavailableError
from chatsite.realtime.threads import in_pool

MAX_BATCH = 128

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batcher(Generic[Item, Result]):
    """Feeds `work` with lists of items, one list at a time, in order of arrival, in a thread of its own.

    `work` returns one result per item; a result that is an exception is raised to
    that item's submitter alone. If it raises, each item of the batch is tried by itself,
    so that one poisonous item harms no other. A list may be worked on again whose commit nobody
    heard of: what writes has to know what it has seen.
    """

    def __init__(self, work: Callable[[Sequence[Item]], Sequence[Result | Exception]]) -> None:
        self._work = work
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._task: asyncio.Task[None] | None = None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="batches")

    def submit(self, item: Item) -> "asyncio.Future[Result]":
        """Queues an item now; the future is done when its batch is."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return future

    async def drain(self) -> None:
        """Returns when everything submitted so far is done or refused."""
        while self._task is not None and not self._task.done():
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
            results = await self._results([item for item, _ in batch])
            for (_, future), result in zip(batch, results, strict=True):
                if future.cancelled():
                    continue
                if isinstance(result, Exception):
                    future.set_exception(result)
                else:
                    future.set_result(result)

    async def _results(self, items: list[Item]) -> list[Result | Exception]:
        try:
            return list(await in_pool(self._pool, self._work, items))
        except UnavailableError as error:
            self._refuse_waiting()
            return [error] * len(items)
        except Exception as error:
            if len(items) == 1:
                return [error]
        results: list[Result | Exception] = []
        for item in items:
            away = bool(results) and isinstance(results[-1], UnavailableError)
            results += [results[-1]] if away else await self._results([item])
        return results

    def _refuse_waiting(self) -> None:
        """What gathered while the database was away shares the batch's fate.

        Each batch after it would wait as long again; and who posts in order must not have a later
        post saved and an earlier one refused.
        """
        waiting, self._waiting = self._waiting, []
        for _, future in waiting:
            if not future.done():
                future.set_exception(UnavailableError())
