"""The chat's socket on the real server: on PostgreSQL two processes behind one address."""

import asyncio
from contextlib import AsyncExitStack
from uuid import uuid4

from tests.support.runs import Reader
from tests.support.sites import Site
from tests.support.sockets import WsClient

MESSAGES = 20


async def test_members_at_whichever_process_get_everything_in_order(site: Site) -> None:
    """Who sends many posts without waiting for answers has them told in the order in which they were sent."""
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
            for person in people:
                told = [message for message in reader.messages.values() if message["author"]["id"] == person.id]
                assert [message["body"] for message in told] == [str(number) for number in range(MESSAGES)]
