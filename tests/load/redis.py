"""Redis hangs, dies and comes back while people talk in two processes: does anybody who posts wait for it?"""

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack
from itertools import chain
from typing import NamedTuple

from tests.load.client import Client
from tests.load.figures import Goal, Outcome, ms, percentile
from tests.load.stage import Stage, set_up
from tests.load.talk import Crowd, at_same_heads
from tests.support.servers import Server
from tests.support.sites import frozen

SPEAKERS, LISTENERS = 5, 15  # of each process
POSTS_PER_SECOND = 10.0  # in each process
WARM_UP_SECONDS = 3
MAX_ACK_MORE_SECONDS, MAX_DELIVERY_SECONDS = 0.2, 2.0
ACKNOWLEDGED_SECONDS = 10
HEADER = ("Redis", "posts", "ack p50", "ack p99", "ack max", "heard by the other process", "p50", "p99", "max")


class Side(NamedTuple):
    """Who is connected to one process: some speak in a room, the others hear what is said in the other side's."""

    speakers: Crowd
    listeners: Crowd


class Figures(NamedTuple):
    title: str
    acks: list[float]
    deliveries: list[float]  # across processes

    def row(self) -> list[object]:
        cells: list[object] = [self.title]
        for times in (self.acks, self.deliveries):
            cells += [len(times), *(ms(percentile(times, share)) for share in (0.5, 0.99, 1))]
        return cells


async def run(seconds: float) -> Outcome:
    """Each state lasts so long. With the rate limits that every site has: they, too, could ask Redis."""
    with set_up(2 * (SPEAKERS + LISTENERS), 2, RATE_LIMITS="on") as stage:
        sides = [side async for side in _entering(stage)]
        with ExitStack() as talking:
            for side in sides:
                talking.enter_context(side.speakers.talking(side.speakers.members, POSTS_PER_SECOND))
            await asyncio.sleep(WARM_UP_SECONDS)
            phases = [await _measure(title, sides, seconds) async for title in _states(stage.site.redis)]
        crowds = list(chain(*sides))
        all_acknowledged = all([await crowd.acknowledged(ACKNOWLEDGED_SECONDS) for crowd in crowds])
        members = [member for crowd in crowds for member in crowd.members]
        is_complete = await at_same_heads(members, ACKNOWLEDGED_SECONDS)
        for crowd in crowds:
            await crowd.leave()
    return Outcome(HEADER, [phase.row() for phase in phases], _goals(phases, members, all_acknowledged and is_complete))


async def _entering(stage: Stage) -> AsyncIterator[Side]:
    """Lets people in at one process after the other; the others stand still meanwhile, and so take nobody."""
    processes, keys = stage.workers(), iter(stage.keys)
    for number, process in enumerate(processes):
        here, there = stage.rooms[number], stage.rooms[number - 1]
        side = Side(*(
            Crowd(stage.site.port, [next(keys) for _ in range(people)], [[room]] * people)
            for people, room in ((SPEAKERS, here), (LISTENERS, there))
        ))  # fmt: skip
        with frozen(pid for pid in processes if pid != process):
            for crowd in side:
                await crowd.enter()
        yield side


async def _states(redis: Server) -> AsyncIterator[str]:
    """Brings Redis into each of them, and says which it is."""
    assert redis.process is not None
    yield "as usual"
    with frozen([redis.process.pid]):
        yield "hangs (SIGSTOP)"
    yield "goes on"
    await asyncio.to_thread(redis.end, signal.SIGKILL)
    yield "is gone (SIGKILL)"
    await asyncio.to_thread(redis.start)
    yield "is started again"


async def _measure(title: str, sides: Sequence[Side], seconds: float) -> Figures:
    speakers = [speaker for side in sides for speaker in side.speakers.members]
    before = [len(speaker.acknowledged) for speaker in speakers]
    for side in sides:
        side.listeners.deliveries.clear()
    await asyncio.sleep(seconds)
    acks = [seconds for n, speaker in zip(before, speakers, strict=True) for seconds in speaker.acknowledged[n:]]
    return Figures(title, acks, [seconds for side in sides for seconds in side.listeners.deliveries])


def _goals(phases: Sequence[Figures], members: Sequence[Client], is_complete: bool) -> list[Goal]:
    usual = percentile(phases[0].acks, 0.99)
    refused = [error for member in members for error in member.refused]
    ends = sum(len(member.closed_with) for member in members)
    goals = []
    for phase in phases[1:]:
        more, slowest = percentile(phase.acks, 0.99) - usual, max(phase.deliveries, default=float("inf"))
        goals += [
            Goal(f"{phase.title}: ack p99 {ms(more)} above the usual ≤ {ms(MAX_ACK_MORE_SECONDS)}",
                 more <= MAX_ACK_MORE_SECONDS),
            Goal(f"{phase.title}: the other process hears after {slowest:.2f} s at most ≤ {MAX_DELIVERY_SECONDS} s",
                 slowest <= MAX_DELIVERY_SECONDS),
        ]  # fmt: skip
    return [
        *goals,
        Goal(f"no post refused ({len(refused)}), all acknowledged, all heard by all", is_complete and not refused),
        Goal(f"no socket ended ({ends})", not ends),
    ]
