"""Do clients that behave badly cost the others anything? A room that talks: without them, then with them."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from tests.load.figures import Goal, Outcome, Watch, ms, percentile
from tests.load.stage import Stage, set_up
from tests.load.talk import Crowd
from tests.support.sites import ROOT

MEMBERS, SPEAKERS, POSTS_PER_SECOND = 50, 10, 20.0
LONG = "long " * 700  # 3,500 characters: the system itself takes some 3 MB before a server notices
WARM_UP_SECONDS = 5
MAX_GROWTH_MB, MAX_P99_TIMES = 20, 2
ACKNOWLEDGED_SECONDS = 10


class Phase(NamedTuple):
    title: str
    kind: str = ""
    nuisances: int = 0


class Figures(NamedTuple):
    phase: Phase
    deliveries: list[float]
    growth: float  # MB
    thrown_out: int
    own_share: float

    @property
    def p99(self) -> float:
        return percentile(self.deliveries, 0.99)

    def row(self) -> list[object]:
        shares = [ms(percentile(self.deliveries, share)) for share in (0.5, 0.99)]
        tail = [self.thrown_out, f"{self.own_share:.2f}"]
        return [self.phase.title, len(self.deliveries), *shares, f"{self.growth:.1f} MB", *tail]


HEADER = ("with", "deliveries", "p50", "p99", "memory grew", "thrown out", "our share of a core")
NEVER_READS = (
    Phase("nobody else"),
    Phase("1 that never reads", "never-reads", 1),
    Phase("20 that never read", "never-reads", 20),
)
FLOOD = (
    Phase("nobody else"),
    Phase("a flood of pings", "commands", 1),
    Phase("the same, answers unread", "pings-unread", 1),
    Phase("a flood of writes", "expensive", 1),
    Phase("messages of 15 MB", "huge", 1),
    Phase("a message without end", "endless", 1),
)


async def never_reads(seconds: float) -> Outcome:
    return await compare(NEVER_READS, seconds, LONG, "off")


async def flood(seconds: float) -> Outcome:
    """With the rate limits that every site has, since they are part of the answer."""
    return await compare(FLOOD, seconds, "", "on")


async def compare(phases: Sequence[Phase], seconds: float, filling: str, rate_limits: str) -> Outcome:
    """The first phase is what the others are compared with."""
    with set_up(MEMBERS + max(phase.nuisances for phase in phases), 1, RATE_LIMITS=rate_limits) as stage:
        crowd = Crowd(stage.site.port, stage.keys[:MEMBERS], [stage.rooms] * MEMBERS)
        await crowd.enter()
        with crowd.talking(crowd.members[:SPEAKERS], POSTS_PER_SECOND, filling):
            await asyncio.sleep(WARM_UP_SECONDS)
            figures = [await measure(stage, crowd, phase, seconds) for phase in phases]
        all_acknowledged = await crowd.acknowledged(ACKNOWLEDGED_SECONDS)
        await crowd.leave()
    return Outcome(HEADER, [each.row() for each in figures], list(goals(figures, crowd, all_acknowledged)))


async def measure(stage: Stage, crowd: Crowd, phase: Phase, seconds: float) -> Figures:
    crowd.deliveries.clear()
    async with Watch(stage.resident) as watch, nuisances(stage, phase) as thrown_out:
        await asyncio.sleep(seconds)
        heard = list(crowd.deliveries)
    return Figures(phase, heard, watch.growth, len(thrown_out), watch.own_share)


@asynccontextmanager
async def nuisances(stage: Stage, phase: Phase) -> AsyncIterator[list[bytes]]:
    """Gives a line for each time that one of them was thrown out; complete when the block has ended."""
    thrown_out: list[bytes] = []
    if not phase.nuisances:
        yield thrown_out
        return
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.load.nuisance", phase.kind, str(stage.site.port), str(stage.rooms[0])),
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    tokens = "\n".join(key.token for key in stage.keys[-phase.nuisances :])
    reading = asyncio.create_task(process.communicate(tokens.encode()))
    try:
        yield thrown_out
    finally:
        process.kill()
        output, _ = await reading
        thrown_out += output.splitlines()


def goals(figures: Sequence[Figures], crowd: Crowd, all_acknowledged: bool) -> list[Goal]:
    quiet, *loud = figures
    refused = [error for member in crowd.members for error in member.refused]
    ends = sum(len(member.closed_with) for member in crowd.members)
    return [
        *(Goal(f"{each.phase.title}: p99 {each.p99 / quiet.p99:.1f} times ≤ {MAX_P99_TIMES} times",
               each.p99 <= quiet.p99 * MAX_P99_TIMES) for each in loud),
        *(Goal(f"{each.phase.title}: {each.growth:.1f} MB ≤ {MAX_GROWTH_MB} MB",
               each.growth <= MAX_GROWTH_MB) for each in loud),
        Goal(f"no post of the others refused ({len(refused)}), all acknowledged", all_acknowledged and not refused),
        Goal(f"none of the others' sockets ended ({ends})", not ends),
    ]  # fmt: skip
