"""A room full of people of whom some talk at a steady rate."""

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from tests.load.client import Client
from tests.load.stage import Key

CONNECTING_AT_ONCE = 50
BACK_SECONDS = 60.0
LOOK_SECONDS = 0.05


class Crowd:
    """`deliveries` has the seconds from each post to its arrival, at each of its hearers; empty it at will."""

    def __init__(self, port: int, keys: Sequence[Key], rooms: Sequence[Sequence[int]]) -> None:
        """`rooms[n]`: which those of `keys[n]` follow."""
        self.deliveries: list[float] = []
        self.members = [
            Client(port, *each, self.deliveries.append) for each in zip(keys, map(list, rooms), strict=True)
        ]

    async def enter(self) -> None:
        """Returns when all follow their rooms. A few at a time, as on an ordinary morning."""
        for at in range(0, len(self.members), CONNECTING_AT_ONCE):
            batch = self.members[at : at + CONNECTING_AT_ONCE]
            for member in batch:
                member.start()
            async with asyncio.timeout(BACK_SECONDS):
                await asyncio.gather(*(member.is_back() for member in batch))

    async def leave(self) -> None:
        await asyncio.gather(*(member.stop() for member in self.members))

    @contextmanager
    def talking(self, speakers: Sequence[Client], per_second: float, filling: str = "") -> Iterator[None]:
        """Everybody in turn posts into the first of their rooms, `per_second` for all together."""
        task = asyncio.create_task(self._talk(speakers, per_second, filling))
        try:
            yield
        finally:
            task.cancel()

    async def _talk(self, speakers: Sequence[Client], per_second: float, filling: str) -> None:
        began = time.monotonic()
        for number, speaker in enumerate(itertools.cycle(speakers)):
            await asyncio.sleep(max(0.0, began + number / per_second - time.monotonic()))
            speaker.post(speaker.rooms[0], filling)

    async def acknowledged(self, seconds: float) -> bool:
        """Waits for the answers to all posts; whether they came in time."""
        return await comes_true(lambda: not any(member.unacknowledged for member in self.members), seconds)


async def at_same_heads(members: Sequence[Client], seconds: float) -> bool:
    """Waits until all who follow a room stand at the same place of it; whether that came in time."""

    def agree() -> bool:
        places = {place for member in members for place in member.positions.items()}
        return len(places) == len({stream for stream, _ in places})

    return await comes_true(agree, seconds)


async def comes_true(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(LOOK_SECONDS)
    return True
