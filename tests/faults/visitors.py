"""Faults that clients bring along: those who never read, who flood, who dawdle, and too many of them."""

import asyncio
import json
import resource
import time
from contextlib import suppress
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.faults.crowd import bearer
from tests.faults.registry import Context, fault
from tests.faults.vitals import sample

COSTS_MB = 20.0  # the most that one such client may add to a process
NOISE_MB = 10.0  # what the others add meanwhile
DAWDLERS = 50
HEADER_SECONDS = 0.2
CROWDING = 40
SPARE_DESCRIPTORS = 3
PING = json.dumps({"type": "ping", "ref": "x" * 60})
AT_ONCE = 200


@fault(essential=True)
async def never_reads(context: Context) -> None:
    """Asks for all of a room's history over and over and takes nothing in."""
    stream = f"room:{context.stage.scene.rooms['plaza']}"
    await _visit(context, json.dumps({"type": "stream.subscribe", "ref": "1", "stream": stream, "after": 0}), 0.002)


@fault(essential=True)
async def floods(context: Context) -> None:
    """Sends as fast as it can."""
    await _visit(context, PING, 0)


async def _visit(context: Context, command: str, pause: float) -> None:
    """Sends without ever reading, until it is thrown out or the time is over."""
    before = sample(context.stage.workers())
    most = before.memory if before else 0.0
    with suppress(ConnectionClosed, OSError):
        async with _stranger(context) as connection:
            ends = asyncio.get_running_loop().call_later(context.seconds(5, 15, 2), connection.transport.abort)
            try:
                while True:
                    for _ in range(1 if pause else AT_ONCE):
                        await connection.send(command)
                    now = sample(context.stage.workers())
                    most = max(most, now.memory if now else 0.0)
                    await asyncio.sleep(pause)
            finally:
                ends.cancel()
                connection.transport.abort()
    cost = most - (before.memory if before else most)
    context.notes["memory of a rude client in MB"] = max(cost, context.notes.get("memory of a rude client in MB", 0.0))
    if cost > COSTS_MB + NOISE_MB:
        context.verdict.accuse("resources", f"a client that does not read cost {cost:.0f} MB")


def _stranger(context: Context) -> connect:
    """A socket beside the proxy, of somebody who is in no private room."""
    url = context.stage.site.ws_url("/ws/chat/")
    headers = bearer(context.crowd.people[-1])
    options: dict[str, Any] = {"ping_interval": None, "compression": None, "close_timeout": 0.1, "proxy": None}
    return connect(url, additional_headers=headers, max_queue=1, **options)


@fault()
async def slow_headers(context: Context) -> None:
    """Many connections whose request never gets complete."""
    ends = time.monotonic() + context.seconds(5, 20, 2)
    await asyncio.gather(*(_dawdle(context.stage.site.port, ends) for _ in range(DAWDLERS)))


async def _dawdle(port: int, ends: float) -> None:
    with suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nX-Slow: ")
        while time.monotonic() < ends:
            writer.write(b"a")
            await writer.drain()
            await asyncio.sleep(HEADER_SECONDS)
        writer.close()


@fault()
async def few_descriptors(context: Context) -> None:
    """A worker comes to its limit of open files while many knock."""
    worker = context.rng.choice(context.stage.workers())
    soft, hard = resource.prlimit(worker, resource.RLIMIT_NOFILE)
    here = sample([worker])
    used = here.descriptors if here else 0
    resource.prlimit(worker, resource.RLIMIT_NOFILE, (used + SPARE_DESCRIPTORS, hard))
    try:
        ends = time.monotonic() + context.seconds(4, 12, 2)
        await asyncio.gather(*(_dawdle(context.stage.site.port, ends) for _ in range(CROWDING)))
    finally:
        with suppress(ProcessLookupError):
            resource.prlimit(worker, resource.RLIMIT_NOFILE, (soft, hard))
