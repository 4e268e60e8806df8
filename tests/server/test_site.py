"""The site itself on our server: what one client can cost it, and what it refuses."""

import asyncio
import json
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from uuid import uuid4

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from chatsite.realtime.handshakes import SOCKETS_PER_USER
from tests.server.conftest import PATIENCE_SECONDS, TEXT, memory_of, raw
from tests.support.sites import Site
from tests.support.sockets import WsClient
from tests.test_house_serving import until

MIB = 1024 * 1024
MAY_COST = 20 * MIB
LONG = "x" * 4_000
PAUSE_SECONDS = 0.01  # of those who write and come all the time: the new processes have to start beside them
MakeSite = Callable[..., Site]


async def post(client: WsClient, room: int, body: str = "Hello") -> None:
    await client.request("message.post", room=room, client_id=str(uuid4()), body=body)


async def test_a_member_who_never_reads_costs_little_and_is_closed(make_site: MakeSite) -> None:
    site = make_site(RATE_LIMITS="off")
    room, pids = site.room["id"], serving_pids(site)
    follow = {"type": "stream.subscribe", "stream": f"room:{room}", "after": None, "ref": "s"}
    async with WsClient(site.ws_url("/ws/chat/"), site.people["alice"].cookie) as alice:
        for _ in range(10):  # what talking itself takes
            await asyncio.gather(*[post(alice, room, LONG) for _ in range(50)])
        before = {pid: memory_of(pid) for pid in pids}
        async with raw(site.port, "/ws/chat/", site.people["bob"].cookie) as bob:
            await bob.send(TEXT, json.dumps(follow).encode())
            for _ in range(30):
                await asyncio.gather(*[post(alice, room, LONG) for _ in range(50)])
                alice.events.clear()
            assert bytes([0x88, 2, 4408 >> 8, 4408 & 0xFF]) in await bob.rest()
        await alice.request("ping")
        for pid in pids:
            assert memory_of(pid) - before[pid] < MAY_COST


async def test_a_flooding_client_costs_little_and_is_slowed_down(make_site: MakeSite) -> None:
    site = make_site()
    pids = serving_pids(site)
    async with WsClient(site.ws_url("/ws/chat/"), site.people["alice"].cookie) as alice:
        await post(alice, site.room["id"])
        before = {pid: memory_of(pid) for pid in pids}
        async with raw(site.port, "/ws/chat/", site.people["bob"].cookie) as bob:
            reading = asyncio.create_task(bob.rest())
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(4):
                    while True:
                        await bob.send(TEXT, b'{"type": "ping", "x": "' + b"x" * 1_000 + b'"}', 1_000)
            reading.cancel()
            await post(alice, site.room["id"])
        for pid in pids:
            assert memory_of(pid) - before[pid] < MAY_COST


async def test_one_person_has_so_many_sockets(make_site: MakeSite) -> None:
    site = make_site(workers=1)
    alice = site.people["alice"]
    async with AsyncExitStack() as stack:
        for _ in range(SOCKETS_PER_USER):
            await stack.enter_async_context(WsClient(site.ws_url("/ws/notifications/"), alice.cookie))
        with pytest.raises(InvalidStatus) as refused:
            await stack.enter_async_context(WsClient(site.ws_url("/ws/chat/"), alice.bearer))
        assert refused.value.response.status_code == 429
        async with WsClient(site.ws_url("/ws/chat/"), site.people["bob"].cookie) as bob:
            await bob.request("ping")
    async with WsClient(site.ws_url("/ws/chat/"), alice.cookie) as client:
        await client.request("ping")


# --- Replacing the processes ------------------------------------------------


async def test_a_rolling_restart_refuses_nobody_and_loses_nothing(make_site: MakeSite) -> None:
    """Somebody posts all the time, and comes back when told to; somebody else connects anew all the time."""
    site = make_site(workers=2, RATE_LIMITS="off")
    room, old = site.room["id"], set(site.worker_pids())
    done = asyncio.Event()
    talking = asyncio.create_task(talk(site, done))
    visiting = asyncio.create_task(visit(site, done))
    assert site.process is not None
    site.process.send_signal(signal.SIGHUP)
    await asyncio.to_thread(until, lambda: len(site.worker_pids()) == 2 and not old & set(site.worker_pids()), 60)
    done.set()
    acknowledged, closed_with = await talking
    assert await visiting > 0
    assert closed_with <= {1012}
    async with WsClient(site.ws_url("/ws/chat/"), site.people["alice"].cookie) as alice:
        ok = await alice.request("stream.subscribe", stream=f"room:{room}", after=0)
        assert ok["head"] == acknowledged
    assert site.stop() == 0


async def test_a_new_version_that_does_not_start_leaves_the_old_one(make_site: MakeSite) -> None:
    site = make_site(workers=2)
    old = site.worker_pids()
    secret = site.var / "secret_key"
    secret.unlink()
    secret.mkdir()  # no process can start any more
    assert site.process is not None
    site.process.send_signal(signal.SIGHUP)
    await asyncio.to_thread(until, lambda: "left as they are" in site.log)
    assert sorted(site.worker_pids()) == sorted(old)
    assert site.is_up()


async def talk(site: Site, done: asyncio.Event) -> tuple[int, set[int | None]]:
    """Posts until `done`; returns how many were acknowledged and what the sockets were closed with.

    A post that was not answered is sent again, with the same client_id.
    """
    acknowledged, closed_with = 0, set()
    client_id = str(uuid4())
    while not done.is_set():
        async with WsClient(site.ws_url("/ws/chat/"), site.people["alice"].cookie) as client:
            try:
                while not done.is_set():
                    await client.request("message.post", room=site.room["id"], client_id=client_id, body="Hello")
                    acknowledged, client_id = acknowledged + 1, str(uuid4())
                    await asyncio.sleep(PAUSE_SECONDS)
            except (ConnectionError, ConnectionClosed):
                closed_with.add(await client.wait_closed(PATIENCE_SECONDS))
    return acknowledged, closed_with


async def visit(site: Site, done: asyncio.Event) -> int:
    visits = 0
    while not done.is_set():
        async with WsClient(site.ws_url("/ws/notifications/"), site.people["bob"].cookie) as client:
            try:
                await client.request("ping")
            except (ConnectionError, ConnectionClosed):
                assert await client.wait_closed(PATIENCE_SECONDS) == 1012
        assert await asyncio.to_thread(site.is_up)
        visits += 1
        await asyncio.sleep(PAUSE_SECONDS)
    return visits


def serving_pids(site: Site) -> list[int]:
    assert site.process is not None
    return site.worker_pids() if site.workers > 1 else [site.process.pid]
