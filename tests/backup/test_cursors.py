"""After a restore, whoever has cursors of before starts afresh: pages that come back, and those that are open."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

from accounts.models import User
from chat.models import Message, Room
from chatsite.realtime.hub import CLOSE_START_AFRESH
from chatsite.realtime.streams import renew_epoch
from chatsite.realtime.threads import in_database
from tests.backup.contents import say
from tests.support.local import LocalClient
from tests.support.sites import Site
from tests.support.sockets import WsClient


async def test_cursors_of_before_are_reset(make_site: Callable[..., Site], file: Path) -> None:
    """Also one that lies before the backup, and one that the restored site has reached again meanwhile."""
    site = make_site()
    await asyncio.to_thread(say, site, "one", "two", "three")
    epoch = await subscription(site, 3, None)
    assert "reset" not in epoch
    await asyncio.to_thread(site.manage, "backup", str(file))
    await asyncio.to_thread(say, site, "lost", "lost too")
    await asyncio.to_thread(site.stop)
    await asyncio.to_thread(site.manage, "restore", str(file), "--yes")
    await asyncio.to_thread(site.start)
    for position in (5, 3, 1):
        ok = await subscription(site, position, epoch["epoch"])
        assert (ok["head"], ok.get("reset")) == (3, True)
    await asyncio.to_thread(say, site, "four", "five", "six")
    ok = await subscription(site, 5, epoch["epoch"])
    assert (ok["head"], ok.get("reset")) == (6, True)
    assert ok["epoch"] != epoch["epoch"]
    assert "reset" not in await subscription(site, 3, ok["epoch"])


async def subscription(site: Site, after: int, epoch: str | None) -> dict[str, Any]:
    """The `ok` of somebody who comes with a cursor."""
    known = {} if epoch is None else {"epoch": epoch}
    async with WsClient(site.ws_url("/ws/chat/"), site.people["bob"].cookie) as client:
        return await client.request("stream.subscribe", stream=f"room:{site.room['id']}", after=after, **known)


async def test_open_sockets_are_closed_at_every_process_and_hear_everything_after_that(
    make_site: Callable[..., Site], file: Path
) -> None:
    site = make_site()
    stream = f"room:{site.room['id']}"
    await asyncio.to_thread(say, site, "one", "two")
    await asyncio.to_thread(site.manage, "backup", str(file))
    await asyncio.to_thread(say, site, "lost", "lost too")
    async with AsyncExitStack() as stack:
        sockets = [
            WsClient(site.ws_url("/ws/chat/"), site.people[name].cookie) for name in ("alice", "bob", "dina") * 2
        ]
        clients = [await stack.enter_async_context(socket) for socket in sockets]
        oks = [await client.request("stream.subscribe", stream=stream, after=0) for client in clients]
        await asyncio.to_thread(site.manage, "restore", str(file), "--yes", "--while-serving")
        assert {await client.wait_closed() for client in clients} == {CLOSE_START_AFRESH}
    async with WsClient(site.ws_url("/ws/chat/"), site.people["bob"].cookie) as client:
        ok = await client.request("stream.subscribe", stream=stream, after=4, epoch=oks[0]["epoch"])
        assert (ok["head"], ok.get("reset")) == (2, True)
        await asyncio.to_thread(say, site, "three", "four", "five")
        told = [(await client.next_event("message.posted"))["message"]["body"] for _ in range(3)]
    assert told == ["three", "four", "five"]


async def test_nobody_gets_frames_of_the_other_history(here: None, alice: User, room: Room) -> None:
    """The process still has them in memory when the first one comes after the restore."""
    stream = f"room:{room.pk}"
    async with LocalClient(alice) as before, LocalClient(alice) as after:
        for number in range(3):
            await before.request("message.post", room=room.pk, client_id=str(uuid4()), body=f"{number}")
        old = await before.request("stream.subscribe", stream=stream, after=0)
        await in_database(go_back_to, room, 1)
        await after.send({"type": "stream.subscribe", "ref": "x", "stream": stream, "after": 3, "epoch": old["epoch"]})
        assert {await after.wait_closed(), await before.wait_closed()} == {CLOSE_START_AFRESH}
        assert [event for event in after.events if "seq" in event or event["type"] == "ok"] == []
    async with LocalClient(alice) as again:
        ok = await again.request("stream.subscribe", stream=stream, after=3, epoch=old["epoch"])
        assert (ok["head"], ok.get("reset")) == (1, True)
        posted = await again.request("message.post", room=room.pk, client_id=str(uuid4()), body="another second")
        assert posted["message"]["seq"] == 2
        assert (await again.next_event("message.posted"))["message"] == posted["message"]
        assert [event for event in again.events if "seq" in event] == []


def go_back_to(room: Room, seq: int) -> None:
    """As a restore does: an earlier state, and a new epoch."""
    Message.objects.filter(room=room, seq__gt=seq).delete()
    Room.objects.filter(pk=room.pk).update(head_seq=seq)
    renew_epoch()
