"""Faults of SQLite's file, and a backup that is restored."""

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from tests.faults.calls import call
from tests.faults.checker import check
from tests.faults.load import post_until_answered
from tests.faults.registry import Context, NotHereError, fault

WRITERS = 8
HELD_SECONDS = 1.0  # the write lock, by somebody else's script
CHUNK = b"\0" * (64 * 1024)
SETTLED_SECONDS = 60.0


@fault("sqlite", essential=True)
async def many_writers(context: Context) -> None:
    """Eight programs that post, while a script takes the file for itself again and again: nobody is refused."""
    ends = time.monotonic() + context.seconds(5, 15, 3)
    writers = [_write_until(context, number, ends) for number in range(WRITERS)]
    assert context.stage.sqlite is not None
    script = asyncio.create_task(context.in_thread(_hold_the_lock, context.stage.sqlite, ends))
    statuses = await asyncio.gather(*writers)
    await script
    refused = [status for each in statuses for status in each if status >= 500]
    if refused:
        context.verdict.accuse("stuck", f"{len(refused)} posts were refused while somebody else wrote: {set(refused)}")


async def _write_until(context: Context, number: int, ends: float) -> list[int]:
    program = context.load.program(f"writer-{number}", number)
    room = context.stage.scene.rooms["plaza"]
    statuses: list[int] = []
    while time.monotonic() < ends:
        statuses += await post_until_answered(context.crowd, program, room, f"written by {number}")
        await asyncio.sleep(context.rng.uniform(0.1, 0.4))
    return statuses


def _hold_the_lock(path: Path, ends: float) -> None:
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as connection:
        while time.monotonic() < ends:
            connection.execute("BEGIN IMMEDIATE")
            time.sleep(HELD_SECONDS)
            connection.execute("ROLLBACK")
            time.sleep(HELD_SECONDS / 2)


@fault("sqlite", essential=True)
async def full_disk(context: Context) -> None:
    """Writing is refused, reading goes on, and it recovers by itself."""
    disk = context.stage.disk
    if disk is None:
        raise NotHereError("a small disk needs the right to mount one")
    ballast = disk / "ballast"
    await asyncio.to_thread(_fill, ballast)
    try:
        await context.wait(3, 10, 2)
        origin, owner = context.stage.site.origin, context.crowd.owner
        status, _ = await asyncio.to_thread(call, origin, "GET", "/api/rooms", owner)
        if status != 200:
            context.verdict.accuse("stuck", f"with a full disk, GET /api/rooms answers {status}")
    finally:
        ballast.unlink()


def _fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(CHUNK):
                pass
        except OSError:
            return


@fault()
async def restored_backup(context: Context) -> None:
    """A backup is made while everybody talks, and put back later: everybody starts afresh from what it holds."""
    stage, crowd, load = context.stage, context.crowd, context.load
    file = stage.switches.folder.parent / f"backup-{len(context.eras.past)}"
    began = time.monotonic()
    await context.in_thread(stage.site.manage, "backup", str(file))
    await context.wait(3, 10, 2)
    load.pause()
    ends = time.monotonic() + SETTLED_SECONDS
    while await asyncio.to_thread(stage.jobs_open) and time.monotonic() < ends:  # noqa: ASYNC110 - not our process
        await asyncio.sleep(0.2)
    if await crowd.settle(SETTLED_SECONDS):
        return  # the driver finds so, too, and tells
    truth = await asyncio.to_thread(stage.truth)
    context.verdict.add(check(context.eras.close(truth, began)))
    await context.in_thread(stage.site.stop)
    await context.in_thread(stage.site.manage, "restore", str(file), "--yes")
    context.eras.begin(await asyncio.to_thread(stage.truth))
    await context.in_thread(stage.site.start)
    load.resume()
