"""What was measured, and how it is told."""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import NamedTuple

SAMPLE_SECONDS = 0.1


class Goal(NamedTuple):
    text: str
    is_met: bool


class Outcome(NamedTuple):
    """A scenario's table, and what it had to show."""

    header: Sequence[str]
    rows: Sequence[Sequence[object]]
    goals: Sequence[Goal]


def percentile(values: Sequence[float], share: float) -> float:
    """NaN where there are no values."""
    if not values:
        return float("nan")
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


class Watch:
    """While a block runs: the peak of some quantity, and this process's own share of a core.

    `async with Watch(stage.resident) as watch:` then `watch.growth`, `watch.own_share`.
    """

    def __init__(self, quantity: Callable[[], float]) -> None:
        self.quantity = quantity

    async def __aenter__(self) -> "Watch":
        self.at_first = self.peak = self.quantity()
        self._began = time.monotonic(), time.process_time()
        self._task = asyncio.create_task(self._sample())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        self.peak = max(self.peak, self.quantity())
        began, cpu = self._began
        self.own_share = (time.process_time() - cpu) / (time.monotonic() - began)

    @property
    def growth(self) -> float:
        return self.peak - self.at_first

    async def _sample(self) -> None:
        while True:
            await asyncio.sleep(SAMPLE_SECONDS)
            self.peak = max(self.peak, self.quantity())


def show(title: str, outcome: Outcome) -> None:
    cores, busy = os.cpu_count(), os.getloadavg()[0]
    print(f"\n{title} ({cores} cores, load average {busy:.1f})\n")
    print("| " + " | ".join(outcome.header) + " |")
    print("|" + " --- |" * len(outcome.header))
    for row in outcome.rows:
        print("| " + " | ".join(str(value) for value in row) + " |")
    print()
    for goal in outcome.goals:
        print(f"{'met   ' if goal.is_met else 'MISSED'}  {goal.text}")
