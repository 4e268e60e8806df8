"""A run: everybody talks, one fault after the other is injected, and in the end all evidence is checked."""

import asyncio
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.checker import check
from tests.faults.client import Pace
from tests.faults.crowd import Crowd
from tests.faults.eras import Eras
from tests.faults.load import Load
from tests.faults.proxy import Proxy
from tests.faults.registry import Context, Fault, NotHereError
from tests.faults.report import Report
from tests.faults.stage import Stage, set_up
from tests.faults.vitals import Vitals
from tests.support import stack

SHORT_MINUTES = 2.0  # up to which the faults take their short form
START_SECONDS = 60.0
HEAL_SECONDS = 60.0  # after which somebody who isn't up to date never will be
FAULT_SECONDS = 180.0
JOBS_SECONDS = 60.0
LOOK_SECONDS = 0.2
MEMORY_TOLERANCE_MB = 60.0
DESCRIPTOR_TOLERANCE = 40

SHORT_PACE = Pace(silence=4.5, backoff_ceiling=1.0, ask_again=2.0)
LONG_PACE = Pace(silence=15.0, backoff_ceiling=4.0, ask_again=5.0)


@dataclass(frozen=True)
class Plan:
    """`faults` by name, in that order; none chooses all that the stack has, by the seed.

    `patches` are further patches of the server (`tests.support.patching`); `workers` as of `Site`.
    """

    minutes: float
    seed: int
    faults: tuple[str, ...] = ()
    patches: tuple[str, ...] = ()
    workers: int = 0
    posts_per_second: float = 20.0
    say: Callable[[str], None] = field(default=lambda _line: None)

    @property
    def short(self) -> bool:
        return self.minutes <= SHORT_MINUTES


def run(plan: Plan) -> Report:
    """On the stack that `TEST_STACK` chose."""
    with (
        tempfile.TemporaryDirectory(prefix="chat-faults-", ignore_cleanup_errors=True) as folder,
        set_up(Path(folder), plan.workers, plan.patches) as stage,
    ):
        return asyncio.run(_Run(plan, stage).whole())


class _Run:
    def __init__(self, plan: Plan, stage: Stage) -> None:
        self.plan = plan
        self.stage = stage
        self.rng = random.Random(plan.seed)
        self.report = Report(plan.seed, stack.STACK, plan.minutes)
        self.vitals = Vitals(stage)

    async def whole(self) -> Report:
        plan, report = self.plan, self.report
        pace = SHORT_PACE if plan.short else LONG_PACE
        async with (
            Proxy(self.stage.site.port) as proxy,
            Crowd(self.stage, proxy, random.Random(self.rng.random()), pace) as crowd,
            self.vitals,
        ):
            self.crowd, self.eras = crowd, Eras(crowd)
            if behind := await crowd.settle(START_SECONDS):
                report.verdict.accuse("stuck", f"at the start: {behind}")
                return report
            async with Load(crowd, random.Random(self.rng.random()), plan.posts_per_second) as load:
                self.context = Context(
                    self.stage, proxy, crowd, load, self.rng, plan.short, report.verdict, self.eras, report.notes
                )
                await self._inject_all()
                await self._conclude()
        return report

    async def _inject_all(self) -> None:
        calm = 0.5 if self.plan.short else 3.0
        await asyncio.sleep(2 * calm)
        self.report.baseline = await asyncio.to_thread(self.vitals.now)
        ends = time.monotonic() + self.plan.minutes * 60
        for fault in self._schedule():
            if time.monotonic() > ends or not await self._one(fault):
                return
            await asyncio.sleep(self.rng.uniform(calm, 2 * calm))

    def _schedule(self) -> Iterator[Fault]:
        """The named ones once, else all of them in ever new orders, in a short run the essential ones first."""
        if self.plan.faults:
            yield from (Fault.known[name] for name in self.plan.faults)
            return
        here = [fault for fault in Fault.known.values() if stack.STACK in fault.stacks]
        while True:
            self.rng.shuffle(here)
            yield from sorted(here, key=lambda fault: self.plan.short and not fault.essential)

    async def _one(self, fault: Fault) -> bool:
        """Injects and heals; False where somebody does not get up to date any more."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(FAULT_SECONDS):
                await fault.inject(self.context)
        except NotHereError as reason:
            self.report.not_here[fault.name] = str(reason)
            return True
        except Exception as error:
            self.report.verdict.accuse("stuck", f"{fault.name} could not be injected: {error!r}")
            return False
        lasted, healed = time.monotonic() - began, time.monotonic()
        self.context.load.pause()
        behind = await self.crowd.settle(HEAL_SECONDS)
        self.report.injected(fault.name, heal=time.monotonic() - healed)
        self.plan.say(f"{fault.name}: {lasted:.1f} s, healed in {time.monotonic() - healed:.1f} s")
        if behind:
            self.report.verdict.accuse("stuck", f"{HEAL_SECONDS:.0f} s after {fault.name}: {behind[:8]}")
            return False
        self.context.load.resume()
        return True

    async def _conclude(self) -> None:
        """Lets the jobs end and everybody hear of it, reads the database and judges."""
        self.context.load.with_jobs = False
        self.context.load.pause()
        deadline = time.monotonic() + JOBS_SECONDS
        while await asyncio.to_thread(self.stage.jobs_open) and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_SECONDS)
        await self.crowd.settle(HEAL_SECONDS)
        self.report.end = await asyncio.to_thread(self.vitals.now)
        self._judge_resources()
        truth = await asyncio.to_thread(self.stage.truth)
        self.report.verdict.add(check(self.eras.evidence(truth)))
        eras = [*self.eras.past, self.eras.evidence(truth)]
        journals = [journal for era in eras for journal in era.journals]
        self.report.measure(journals, [absence for era in eras for absence in era.absences])

    def _judge_resources(self) -> None:
        report = self.report
        report.peak = self.vitals.peak
        if report.end is None or report.baseline is None:
            report.verdict.accuse("resources", "the serving processes could not be looked at")
            return
        if report.end.memory > report.baseline.memory + MEMORY_TOLERANCE_MB:
            report.verdict.accuse("resources", f"memory went from {report.baseline} to {report.end}")
        if report.end.descriptors > report.baseline.descriptors + DESCRIPTOR_TOLERANCE:
            report.verdict.accuse("resources", f"descriptors went from {report.baseline} to {report.end}")
