"""How this process is doing: its event loop's latency, open sockets, deliveries.

A task sleeps for a known time and notes how late it woke up. What keeps the loop busy
for 40 ms (a slow callback, a query on the wrong thread) makes it 40 ms late, and every
other socket and request of the process with it; that is the figure shown on /progress.
"""

import asyncio
from collections import deque
from typing import Any, NamedTuple

from chatsite.realtime import hub

PULSE_SECONDS = 0.25
PULSES_PER_SAMPLE = 4
SAMPLES_KEPT = 60  # one a second: the last minute


class Sample(NamedTuple):
    """One second. `latency_ms` is the mean of its pulses, `worst_ms` the latest of them."""

    latency_ms: float
    worst_ms: float
    sockets: int
    deliveries: int  # in this second


class Vitals:
    """The last minute of one event loop and of the hub that runs in it, a sample a second."""

    def __init__(self) -> None:
        self.samples: deque[Sample] = deque(maxlen=SAMPLES_KEPT)
        self._pulses: list[float] = []
        self._delivered = _counters()[1]

    async def watch(self) -> None:
        """Runs until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + PULSE_SECONDS
            await asyncio.sleep(PULSE_SECONDS)
            self.note_pulse((loop.time() - due) * 1000)

    def note_pulse(self, late_ms: float) -> None:
        self._pulses.append(max(0.0, late_ms))
        if len(self._pulses) < PULSES_PER_SAMPLE:
            return
        sockets, delivered = _counters()
        mean = sum(self._pulses) / len(self._pulses)
        self.samples.append(Sample(mean, max(self._pulses), sockets, delivered - self._delivered))
        self._pulses.clear()
        self._delivered = delivered

    def payload(self) -> dict[str, Any]:
        """The page's figures, oldest sample first:
        `{"latency_ms": [1.8, …], "worst_ms": 6.1, "sockets": [206, …], "deliveries": 1326}`.

        Empty lists and zeros before the first second is over.
        """
        return {
            "latency_ms": [round(sample.latency_ms, 2) for sample in self.samples],
            "worst_ms": round(max((sample.worst_ms for sample in self.samples), default=0.0), 2),
            "sockets": [sample.sockets for sample in self.samples],
            "deliveries": self.samples[-1].deliveries if self.samples else 0,
        }


_vitals: Vitals | None = None
_task: asyncio.Task[None] | None = None


def start(loop: asyncio.AbstractEventLoop) -> None:
    """Watches `loop` from now on; called in that loop. Again for the same one: nothing happens."""
    global _vitals, _task
    if _task is not None and not _task.done() and _task.get_loop() is loop:
        return
    _vitals = Vitals()
    _task = loop.create_task(_vitals.watch(), name="vitals")


def payload() -> dict[str, Any]:
    """What `Vitals.payload` says of this process; of one that is not watched: empty."""
    return (_vitals or Vitals()).payload()


def latency_ms() -> float:
    """How late the loop woke up in the last second. From any thread."""
    return _vitals.samples[-1].latency_ms if _vitals is not None and _vitals.samples else 0.0


def _counters() -> tuple[int, int]:
    """Sockets open now, and events handed to sockets since the start."""
    serving = hub.current()
    return (serving.sockets_open, serving.deliveries) if serving else (0, 0)
