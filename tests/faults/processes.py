"""Faults of the serving processes."""

import asyncio
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from tests.faults.patches import AFTER_ACK, AFTER_COMMIT, BEFORE_COMMIT, SHIFT_CLOCK
from tests.faults.registry import Context, fault

TAKEN_SECONDS = 20.0  # within which somebody posts and a process dies of it
LOOK_SECONDS = 0.02


@fault(essential=True)
async def kill_worker(context: Context) -> None:
    """SIGKILL at any moment."""
    await context.wait(0, 1, 0.2)
    await context.in_thread(context.stage.kill, context.rng.choice(context.stage.workers()))


@fault(essential=True)
async def kill_before_commit(context: Context) -> None:
    await _die_at(context, BEFORE_COMMIT)


@fault(essential=True)
async def kill_after_commit(context: Context) -> None:
    """The message is saved, and nobody has been told."""
    await _die_at(context, AFTER_COMMIT)


@fault(essential=True)
async def kill_after_ack(context: Context) -> None:
    await _die_at(context, AFTER_ACK)


async def _die_at(context: Context, point: str) -> None:
    stage = context.stage
    before = stage.workers()
    stage.switches.set(point)
    deadline = time.monotonic() + TAKEN_SECONDS
    while stage.switches.is_set(point):
        if time.monotonic() > deadline:
            stage.switches.clear(point)
            raise TimeoutError(f"no process came to {point}")
        await asyncio.sleep(LOOK_SECONDS)
    dead = await asyncio.to_thread(_who_died, before)
    await context.in_thread(stage.replace, dead)


def _who_died(pids: list[int]) -> int:
    deadline = time.monotonic() + TAKEN_SECONDS
    while time.monotonic() < deadline:
        for pid in pids:
            if not _is_alive(pid):
                return pid
        time.sleep(LOOK_SECONDS)
    raise TimeoutError(f"none of {pids} died")


def _is_alive(pid: int) -> bool:
    """A zombie is dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@fault(essential=True)
async def freeze_worker(context: Context) -> None:
    """SIGSTOP for a while: its sockets stay open and say nothing, then it goes on with what it had in hand."""
    worker = context.rng.choice(context.stage.workers())
    os.kill(worker, signal.SIGSTOP)
    try:
        await context.wait(6, 30, 3)
    finally:
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGCONT)


@fault(essential=True)
async def rolling_restart(context: Context) -> None:
    """SIGTERM to one worker after the other, each replaced before the next."""
    for worker in context.stage.workers():
        os.kill(worker, signal.SIGTERM)
        await context.in_thread(context.stage.replace, worker)


@fault()
async def shift_clock(context: Context) -> None:
    """A worker's clock is two seconds off, for as long as it lives."""
    context.stage.switches.set(SHIFT_CLOCK, str(context.rng.choice([-2, 2])))
    await context.in_thread(context.stage.kill, context.rng.choice(context.stage.workers()))
    await context.wait(5, 15, 2)
    context.stage.switches.clear(SHIFT_CLOCK)
