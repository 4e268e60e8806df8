"""The serving processes' memory and descriptors, from /proc."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from tests.faults.stage import Stage

SAMPLE_SECONDS = 0.5
PAGE_BYTES = 4096
MB = 1024 * 1024


@dataclass(frozen=True)
class Sample:
    """`memory` is the largest process's resident set in MB, `descriptors` all of them together."""

    memory: float
    descriptors: int


def sample(pids: list[int]) -> Sample | None:
    try:
        sizes = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES / MB for pid in pids]
        descriptors = sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in pids)
    except OSError:
        return None
    return Sample(max(sizes), descriptors) if sizes else None


class Vitals:
    """Samples until it is left: the peaks, and the last sample."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.peak = Sample(0, 0)

    async def __aenter__(self) -> "Vitals":
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._task.cancel()

    def now(self) -> Sample | None:
        found = sample(self.stage.workers())
        if found:
            memory = max(self.peak.memory, found.memory)
            self.peak = Sample(memory, max(self.peak.descriptors, found.descriptors))
        return found

    async def _watch(self) -> None:
        while True:
            await asyncio.to_thread(self.now)
            await asyncio.sleep(SAMPLE_SECONDS)
