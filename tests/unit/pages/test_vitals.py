"""The event loop's latency, as it is measured."""

import asyncio
import time

import pytest

from chatsite import vitals
from chatsite.vitals import PULSES_PER_SAMPLE, SAMPLES_KEPT, Vitals


def test_a_sample_is_the_mean_of_its_pulses_and_keeps_the_worst() -> None:
    watched = Vitals()
    for late_ms in (1.0, 2.0, 9.0, 0.0):
        watched.note_pulse(late_ms)
    assert watched.payload() == {"latency_ms": [3.0], "worst_ms": 9.0, "sockets": [0], "deliveries": 0}


def test_it_keeps_a_minute() -> None:
    watched = Vitals()
    for second in range(SAMPLES_KEPT + 5):
        for _ in range(PULSES_PER_SAMPLE):
            watched.note_pulse(float(second))
    latency = watched.payload()["latency_ms"]
    assert (len(latency), latency[0], latency[-1]) == (SAMPLES_KEPT, 5.0, SAMPLES_KEPT + 4.0)


def test_an_early_pulse_counts_as_none_late() -> None:
    watched = Vitals()
    for _ in range(PULSES_PER_SAMPLE):
        watched.note_pulse(-0.4)
    assert watched.payload()["latency_ms"] == [0.0]


async def test_a_busy_loop_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vitals, "PULSE_SECONDS", 0.005)
    watched = Vitals()
    task = asyncio.create_task(watched.watch())
    while not watched.samples:
        time.sleep(0.03)  # noqa: ASYNC251 - keeps the loop from everything else, as a bad callback would
        await asyncio.sleep(0)
    task.cancel()
    assert watched.samples[0].worst_ms >= 20


async def test_starting_again_in_the_same_loop_changes_nothing() -> None:
    loop = asyncio.get_running_loop()
    vitals.start(loop)
    task = vitals._task
    vitals.start(loop)
    assert vitals._task is task
    assert task is not None
    task.cancel()
