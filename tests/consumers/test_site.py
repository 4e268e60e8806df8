"""The chat's socket on the real server: on PostgreSQL two processes behind one address."""

import asyncio
from contextlib import AsyncExitStack
from uuid import uuid4

from tests.support.runs import Reader
from tests.support.sites import Site
from tests.support.sockets import WsClient

MESSAGES = 20


async def test_members_at_whichever_process_get_everything_in_order(site: Site) -> None:
    room, people = site.room["id"], [site.people[name] for name in ("alice", "bob", "dina")]
    async with AsyncExitStack() as stack:
        sockets = [WsClient(site.ws_url("/ws/chat/"), person.cookie) for person in people * 3]
        clients = [await stack.enter_async_context(socket) for socket in sockets]
        for client in clients:
            await client.request("stream.subscribe", stream=f"room:{room}", after=0)
        acks = await asyncio.gather(
            *[
                client.request("message.post", room=room, client_id=str(uuid4()), body=f"{number}")
                for client in clients[:3]
                for number in range(MESSAGES)
            ]
        )
        acknowledged = {ack["message"]["id"]: ack["message"] for ack in acks}
        for client in clients:
            reader = Reader(0)
            while reader.position < len(acks):
                reader.apply(await client.next_event("message.posted"))
            assert reader.messages == acknowledged


async def test_an_authors_own_order_is_kept(site: Site) -> None:
    alice, room = site.people["alice"], site.room["id"]
    async with WsClient(site.ws_url("/ws/chat/"), alice.cookie) as client:
        await client.request("stream.subscribe", stream=f"room:{room}", after=0)
        for number in range(MESSAGES):
            await client.send(
                {
                    "type": "message.post",
                    "room": room,
                    "client_id": str(uuid4()),
                    "body": str(number),
                    "ref": str(number),
                }
            )
        told = [await client.next_event("message.posted") for _ in range(MESSAGES)]
    assert [event["message"]["body"] for event in told] == [str(number) for number in range(MESSAGES)]


async def test_what_was_acknowledged_is_there_after_the_server_was_killed(site: Site) -> None:
    alice, room = site.people["alice"], site.room["id"]
    async with WsClient(site.ws_url("/ws/chat/"), alice.cookie) as client:
        acks = [
            await client.request("message.post", room=room, client_id=str(uuid4()), body=str(number))
            for number in range(5)
        ]
        site.kill()
    await asyncio.to_thread(site.start)
    async with WsClient(site.ws_url("/ws/chat/"), alice.cookie) as client:
        ok = await client.request("stream.subscribe", stream=f"room:{room}", after=2)
        told = [await client.next_event("message.posted") for _ in range(ok["head"] - 2)]
    assert [event["message"] for event in told] == [ack["message"] for ack in acks[2:]]
