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

    @property
    def max_growth(self) -> int:
        """MB. Several may cost what each of them may leave unread as well."""
        return MAX_GROWTH_MB + (self.nuisances if self.nuisances > 1 else 0)


class Figures(NamedTuple):
    phase: Phase
    deliveries: list[float]
    growth: float  # MB
    sent: int  # frames, by those who behave badly
    thrown_out: int
    own_share: float

    @property
    def p99(self) -> float:
        return percentile(self.deliveries, 0.99)

    def row(self) -> list[object]:
        shares = [ms(percentile(self.deliveries, share)) for share in (0.5, 0.99)]
        tail = [self.sent, self.thrown_out, f"{self.own_share:.2f}"]
        return [self.phase.title, len(self.deliveries), *shares, f"{self.growth:.1f} MB", *tail]


HEADER = ("with", "deliveries", "p50", "p99", "memory grew", "frames sent", "thrown out", "our share of a core")
QUIET = Phase("nobody else")
NEVER_READS = (
    Phase("1 that never reads", "never-reads", 1),
    Phase("20 that never read", "never-reads", 20),
)
FLOOD = (
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
    """Before each phase, and after the last, there is a quiet one; what all of these show together is the norm."""
    with set_up(MEMBERS + max(phase.nuisances for phase in phases), 1, RATE_LIMITS=rate_limits) as stage:
        crowd = Crowd(stage.site.port, stage.keys[:MEMBERS], [stage.rooms] * MEMBERS)
        await crowd.enter()
        with crowd.talking(crowd.members[:SPEAKERS], POSTS_PER_SECOND, filling):
            await asyncio.sleep(WARM_UP_SECONDS)
            quiet, loud = [await measure(stage, crowd, QUIET, seconds)], []
            for phase in phases:
                loud.append(await measure(stage, crowd, phase, seconds))
                quiet.append(await measure(stage, crowd, QUIET, seconds))
        all_acknowledged = await crowd.acknowledged(ACKNOWLEDGED_SECONDS)
        await crowd.leave()
    norm = together(quiet)
    return Outcome(HEADER, [each.row() for each in [norm, *loud]], goals(norm, loud, crowd, all_acknowledged))


async def measure(stage: Stage, crowd: Crowd, phase: Phase, seconds: float) -> Figures:
    crowd.deliveries.clear()
    async with Watch(stage.resident) as watch, nuisances(stage, phase) as said:
        await asyncio.sleep(seconds)
        heard = list(crowd.deliveries)
    sent = [int(line.split()[1]) for line in said if line.startswith("sent")]
    return Figures(phase, heard, watch.growth, max(sent, default=0), said.count("thrown out"), watch.own_share)


@asynccontextmanager
async def nuisances(stage: Stage, phase: Phase) -> AsyncIterator[list[str]]:
    """Gives the lines that they print, when the block has ended."""
    said: list[str] = []
    if not phase.nuisances:
        yield said
        return
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.load.nuisance", phase.kind, str(stage.site.port), str(stage.rooms[0])),
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    tokens = "\n".join(key.token for key in stage.keys[-phase.nuisances :])
    reading = asyncio.create_task(process.communicate(tokens.encode()))
    try:
        yield said
    finally:
        process.kill()
        output, _ = await reading
        said += output.decode().splitlines()


def together(quiet: Sequence[Figures]) -> Figures:
    deliveries = [seconds for each in quiet for seconds in each.deliveries]
    return Figures(QUIET, deliveries, max(each.growth for each in quiet), 0, 0, max(each.own_share for each in quiet))


def goals(norm: Figures, loud: Sequence[Figures], crowd: Crowd, all_acknowledged: bool) -> list[Goal]:
    refused = [error for member in crowd.members for error in member.refused]
    ends = sum(len(member.closed_with) for member in crowd.members)
    return [
        *(Goal(f"{each.phase.title}: p99 {each.p99 / norm.p99:.1f} times ≤ {MAX_P99_TIMES} times",
               each.p99 <= norm.p99 * MAX_P99_TIMES) for each in loud),
        *(Goal(f"{each.phase.title}: {each.growth:.1f} MB ≤ {each.phase.max_growth} MB",
               each.growth <= each.phase.max_growth) for each in loud),
        Goal("all who behave badly got in", all(each.sent for each in loud)),
        Goal(f"no post of the others refused ({len(refused)}), all acknowledged", all_acknowledged and not refused),
        Goal(f"none of the others' sockets ended ({ends})", not ends),
    ]  # fmt: skip
