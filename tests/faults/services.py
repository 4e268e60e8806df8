"""Faults of what the site leans on: Redis, PostgreSQL, and pushes that get lost."""

import asyncio
import signal
import time

import redis

from tests.faults.patches import LOSE_PUSHES
from tests.faults.registry import Context, fault
from tests.support.sites import frozen

HEAL_LIMIT_SECONDS = 2.0  # of the contract, after a lost push
SLACK_SECONDS = 1.5  # for a machine that is busy with the run itself
SAVED_SECONDS = 15.0


@fault("pg", essential=True)
async def kill_redis(context: Context) -> None:
    server = context.stage.redis
    assert server is not None
    await context.in_thread(server.end, signal.SIGKILL)
    await context.wait(2, 20, 2)
    await context.in_thread(server.start)


@fault("pg")
async def flush_redis(context: Context) -> None:
    assert context.stage.redis is not None
    client = redis.Redis.from_url(context.stage.redis.url)
    await context.in_thread(client.flushall)
    client.close()


@fault("pg", essential=True)
async def pause_redis(context: Context) -> None:
    """It accepts and answers nothing."""
    server = context.stage.redis
    assert server is not None
    assert server.process is not None
    with frozen([server.process.pid]):
        await context.wait(3, 20, 3)


@fault("pg", essential=True)
async def restart_postgres(context: Context) -> None:
    """Immediate shutdown, as after a crash; then recovery."""
    server = context.stage.postgres
    assert server is not None
    await context.in_thread(server.end, signal.SIGQUIT)
    await context.wait(1, 10, 1)
    await context.in_thread(server.start)


@fault(essential=True)
async def lost_push(context: Context) -> None:
    """Posts whose announcement is lost, and silence after them: all have them within two seconds."""
    crowd = context.crowd
    context.load.pause()
    if await crowd.settle(SAVED_SECONDS):
        context.load.resume()
        return  # not healed from what came before; the driver tells
    context.stage.switches.set(LOSE_PUSHES)
    for client in context.rng.sample([client for client in crowd.chatting if client.connection], 3):
        context.load.post(client)
    while any(client.outbox.posts for client in crowd.chatting):  # noqa: ASYNC110 - their answers are no event of ours
        await asyncio.sleep(0.005)
    saved = time.monotonic()
    behind = await crowd.settle(SAVED_SECONDS)
    seconds = time.monotonic() - saved
    context.stage.switches.clear(LOSE_PUSHES)
    context.load.resume()
    context.notes["lost push healed in s"] = max(seconds, context.notes.get("lost push healed in s", 0.0))
    if behind or seconds > HEAL_LIMIT_SECONDS + SLACK_SECONDS:
        context.verdict.accuse("stuck", f"a lost push took {seconds:.1f} s to heal: {behind[:5]}")
