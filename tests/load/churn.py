"""People come, talk, leave and are followed by others, for an hour: does the site's memory stay what it is?

The number of people, sockets and followed rooms is constant; who they are is not, and what is stored grows.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from operator import attrgetter
from statistics import fmean, linear_regression
from typing import Any, NamedTuple

from pydantic_core import from_json

from tests.load.calls import call
from tests.load.figures import Goal, Outcome, Watch
from tests.load.stage import Key, Stage, set_up
from tests.load.visitors import Talker, Visitor, Worker
from tests.support.patching import patched

CIRCLES, CIRCLE_PEOPLE, CIRCLE_WORKERS = 20, 10, 5
HISTORY = 200
NEW_CIRCLE_SECONDS = 60.0
SAMPLES, ROWS = 60, 12
FORGOTTEN_SECONDS = 70.0  # after which nothing is kept of who has left: neither their streams nor their presence
MAX_GROWTH_MB, MAX_MORE = 5, 5
MIN_CONNECTS_PER_SECOND = 5
TYPES_SHOWN = 12
CENSUS = "tests.load.census:answer_census"
HEADER = (
    *("minute", "sockets", "connects", "events heard", "memory", "malloc", "events kept"),
    *("blocks", "streams", "tasks", "threads", "files"),
)


class Circle(NamedTuple):
    """People who share a room, besides the lobby that all are in."""

    keys: Sequence[Key]
    visitors: Sequence[Visitor]


class Sample(NamedTuple):
    at: float  # seconds since the start
    connects: int
    events: int
    memory: float  # MB
    in_use: float  # MB
    kept: float  # MB
    blocks: int
    sockets: int
    streams: int
    tasks: int
    threads: int
    files: int  # open ones that are no sockets of visitors

    def row(self) -> list[object]:
        megabytes = [f"{value:.1f} MB" for value in (self.memory, self.in_use, self.kept)]
        tail = (f"{self.blocks:,}", self.streams, self.tasks, self.threads, self.files)
        return [f"{self.at / 60:.0f}", self.sockets, f"{self.connects:,}", f"{self.events:,}", *megabytes, *tail]


class House:
    """A lobby and circles of people, the oldest of which are followed by new ones."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.lobby = stage.rooms[0]
        self.tally: Counter[str] = Counter()
        self.circles: deque[Circle] = deque()
        for number, room in enumerate(stage.rooms[1:]):
            self.enter(room, stage.keys[number * CIRCLE_PEOPLE : (number + 1) * CIRCLE_PEOPLE])

    def enter(self, room: int, keys: Sequence[Key]) -> None:
        port, streams = self.stage.site.port, [f"room:{self.lobby}", f"room:{room}"]
        talkers = [Talker(port, key, streams, self.tally) for key in keys]
        workers = [Worker(port, key, self.tally, talkers) for key in keys[:CIRCLE_WORKERS]]
        circle = Circle(keys, [*talkers, *workers])
        self.circles.append(circle)
        for visitor in circle.visitors:
            visitor.start()

    async def renew_for_ever(self) -> None:
        while True:
            await asyncio.sleep(NEW_CIRCLE_SECONDS)
            (room,), keys = await asyncio.to_thread(self.stage.seed, CIRCLE_PEOPLE, 1, HISTORY)
            for key in keys:
                await self._call(key, "POST", "", {"user": key.user})
            self.enter(room, keys)
            await self.leave()

    async def close(self) -> None:
        await asyncio.gather(*(visitor.stop() for circle in self.circles for visitor in circle.visitors))

    async def leave(self) -> None:
        """The oldest circle, for good."""
        circle = self.circles.popleft()
        await asyncio.gather(*(visitor.stop() for visitor in circle.visitors))
        for key in circle.keys:
            await self._call(key, "DELETE", f"/{key.user}")

    async def _call(self, key: Key, method: str, path: str, body: object = None) -> None:
        bearer = {"Authorization": f"Bearer {key.token}"}
        path = f"/api/rooms/{self.lobby}/members{path}"
        status, _ = await call(self.stage.site.port, method, path, bearer, body)
        self.tally[f"HTTP {status}"] += 1


async def run(minutes: float) -> Outcome:
    people = CIRCLES * CIRCLE_PEOPLE
    with set_up(people, 1 + CIRCLES, HISTORY, RATE_LIMITS="on", **patched(CENSUS)) as stage:
        house = House(stage)
        async with Watch(stage.resident) as watch:
            renewing = asyncio.create_task(house.renew_for_ever())
            samples, types = await watch_house(house, minutes * 60)
            renewing.cancel()
        await house.close()
        await asyncio.sleep(FORGOTTEN_SECONDS)
        after = await take_sample(house, samples[-1].at + FORGOTTEN_SECONDS)
        assert not renewing.done() or renewing.cancelled(), renewing.exception()
    tell_what_grew(*types)
    print("what happened:", ", ".join(f"{what} {number:,}" for what, number in sorted(house.tally.items())))
    print(f"our share of a core: {watch.own_share:.2f}")
    return outcome(samples, after, house.tally)


async def watch_house(house: House, seconds: float) -> tuple[list[Sample], list[Counter[str]]]:
    """The samples, and the objects of each type at the beginning and the end of what is judged."""
    samples: list[Sample] = []
    types: list[Counter[str]] = []
    began = time.monotonic()
    for number in range(1, SAMPLES + 1):
        await asyncio.sleep(began + seconds * number / SAMPLES - time.monotonic())
        samples.append(await take_sample(house, time.monotonic() - began))
        if number in (SAMPLES // 3, SAMPLES):
            types.append(Counter((await ask(house.stage, "?types"))["types"]))
        print(" | ".join(map(str, samples[-1].row())), flush=True)
    return samples, types


async def take_sample(house: House, at: float) -> Sample:
    stage, found = house.stage, await ask(house.stage)
    files = stage.open_files() - found["sockets"]
    return Sample(at, house.tally["connects"], house.tally["events"], stage.own(), threads=stage.threads(),
                  files=files, **found)  # fmt: skip


async def ask(stage: Stage, query: str = "") -> dict[str, Any]:
    _, content = await call(stage.site.port, "GET", f"/census{query}", {})
    found: dict[str, Any] = from_json(content)
    return found


def outcome(samples: Sequence[Sample], after: Sample, tally: Counter[str]) -> Outcome:
    every = SAMPLES // ROWS
    hourly = {name: per_hour(samples, attrgetter(name)) for name in Sample._fields}
    megabytes = [f"{hourly[name]:+.1f} MB" for name in ("memory", "in_use", "kept")]
    tail = [f"{hourly[name]:+,.0f}" for name in ("blocks", "streams", "tasks", "threads", "files")]
    rows: list[list[object]] = [
        *(sample.row() for sample in samples[every - 1 :: every]),
        ["nobody there any more", *after.row()[1:]],
        ["an hour, by the last two thirds", "", "", "", *megabytes, *tail],
    ]
    return Outcome(HEADER, rows, goals(samples, after, tally, hourly["memory"]))


def goals(samples: Sequence[Sample], after: Sample, tally: Counter[str], growth: float) -> list[Goal]:
    rate = samples[-1].connects / samples[-1].at
    bad = [what for what in tally if what.startswith(("error internal", "not let in", "HTTP 5", "page 5"))]
    return [
        Goal(f"memory grows by {growth:.1f} MB an hour ≤ {MAX_GROWTH_MB} MB", growth <= MAX_GROWTH_MB),
        *(steady(samples, name) for name in ("streams", "tasks", "threads", "files")),
        Goal(f"afterwards {after.sockets} sockets and {after.streams} streams", not (after.sockets or after.streams)),
        Goal(f"{rate:.1f} connects a second ≥ {MIN_CONNECTS_PER_SECOND}", rate >= MIN_CONNECTS_PER_SECOND),
        Goal(f"nothing failed ({', '.join(bad)})", not bad),
    ]


def steady(samples: Sequence[Sample], name: str) -> Goal:
    """Whether there are hardly more in the last third than in the one before."""
    third = len(samples) // 3
    values = [getattr(sample, name) for sample in samples]
    before, now = fmean(values[third:-third]), fmean(values[-third:])
    return Goal(f"{name}: {now:.0f}, a third of the time before {before:.0f}", now <= before * 1.05 + MAX_MORE)


def per_hour(samples: Sequence[Sample], value: Callable[[Sample], float]) -> float:
    """The slope of a straight line through the last two thirds."""
    judged = samples[len(samples) // 3 :]
    return linear_regression([sample.at / 3600 for sample in judged], [value(sample) for sample in judged]).slope


def tell_what_grew(before: Counter[str], now: Counter[str]) -> None:
    grown = [(name, now[name] - before[name]) for name in now]
    top = sorted(grown, key=lambda each: -each[1])[:TYPES_SHOWN]
    print("objects that became more:", ", ".join(f"{name} {number:+,} ({now[name]:,})" for name, number in top))
