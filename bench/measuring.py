"""One measurement: what the load generator reports, and what the server used meanwhile."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench.generator import Generator
from bench.servers import Layout, Running

SETTLED_SHARE = 0.002
SETTLE_SECONDS, SETTLE_AT_MOST_SECONDS = 1.0, 20.0


class Pace(NamedTuple):
    """How long each measurement takes, and the windows of posts under way of which each server's best is taken.

    After `patience` seconds without a delivery, what is missing is lost.
    """

    seconds: float
    warm_up: float
    patience: float
    windows: Sequence[int]


def crowd(running: Running, present: Layout, senders: int, pace: Pace) -> dict[str, object]:
    """The generator's options for so many people in so many rooms."""
    numbers = {"connections": present.members, "rooms": present.rooms, "senders": senders}
    times = {"seconds": pace.seconds, "warm_up": pace.warm_up, "patience": pace.patience}
    return running.options | numbers | times


def talk(load: Path, running: Running, options: dict[str, object]) -> tuple[dict[str, Any], float]:
    """The generator's report, and the processor seconds that the server used within the measured time."""
    with Generator(load, options) as generator:
        generator.until("begin")
        before = running.cpu_seconds()
        generator.until("end")
        cpu = running.cpu_seconds() - before
        return generator.until("report"), cpu


def rates(report: dict[str, Any], cpu: float) -> dict[str, float]:
    return {
        "deliveries": report["deliveries"] / report["seconds"],
        "posts": report["acks"] / report["seconds"],
        "megabytes": report["bytes"] / report["seconds"] / 1e6,
        "cpu_us": share(cpu * 1e6, report["deliveries"]),
        "generator": 100 * report["cpu_share"],
    }


def latency(samples: dict[str, float]) -> dict[str, float]:
    return {name: samples[name] for name in ("p50", "p99", "max")}


def share(amount: float, number: int) -> float:
    return amount / number if number else float("nan")


def settled_memory(running: Running) -> int:
    """Bytes, once they don't change any more."""
    deadline = time.monotonic() + SETTLE_AT_MOST_SECONDS
    now = running.memory_bytes()
    while time.monotonic() < deadline:
        before = now
        time.sleep(SETTLE_SECONDS)
        now = running.memory_bytes()
        if abs(now - before) <= before * SETTLED_SHARE:
            break
    return now
