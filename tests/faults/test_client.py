"""The client keeps to the contract, against a site that says what the test wants."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from tests.faults.client import Client, Endpoint, Headers, Message, Pace
from tests.faults.journal import Ack, Attempt, Hole, Journal, Page, Receipt, Unknown

ROOM = "room:7"
SECONDS = 10
QUICK = Pace(silence=0.5, backoff_ceiling=0.05)


class Puppet:
    """The site's end: what the client said waits in `said`; pings are left out."""

    def __init__(self) -> None:
        self.said: asyncio.Queue[Message] = asyncio.Queue()
        self.connection: ServerConnection | None = None
        self.answers_pings = True

    async def serve(self, connection: ServerConnection) -> None:
        self.connection = connection
        async for text in connection:
            message = json.loads(text)
            if message["type"] != "ping":
                self.said.put_nowait(message)
            elif self.answers_pings:
                await self.say(type="pong")

    async def hears(self, type: str) -> Message:
        async with asyncio.timeout(SECONDS):
            message = await self.said.get()
        assert message["type"] == type
        return message

    async def say(self, **fields: Any) -> None:
        assert self.connection is not None
        await self.connection.send(json.dumps(fields))

    async def agrees(self, head: int, after: int = 0, **fields: Any) -> Message:
        """Answers the next subscription, which has to ask for what comes after that."""
        asked = await self.hears("stream.subscribe")
        assert asked["after"] == after
        await self.say(type="ok", ref=asked["ref"], stream=ROOM, head=head, epoch="one", **fields)
        return asked

    async def tells(self, *seqs: int, **fields: Any) -> None:
        for seq in seqs:
            message = {"id": seq, "client_id": None, "kind": "system", "deleted_at": None, "room": 7}
            await self.say(type="message.posted", stream=ROOM, seq=seq, message=message, **fields)


@pytest.fixture
def puppet() -> Puppet:
    return Puppet()


@pytest.fixture
async def client(puppet: Puppet) -> AsyncIterator[Client]:
    def load_page(room: int, headers: Headers) -> list[Message]:
        return [{"id": 1, "seq": 1}]

    async with serve(puppet.serve, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        endpoint = Endpoint(f"ws://127.0.0.1:{port}/", load_page)
        client = Client(Journal("Fay", 1), endpoint, {}, [ROOM], QUICK, random.Random(1))
        client.start()
        yield client
        await client.stop()


async def stands_at(client: Client, position: int) -> None:
    async with asyncio.timeout(SECONDS):
        while client.positions[ROOM] != position:  # noqa: ASYNC110 - its events are noted, not told
            await asyncio.sleep(0.005)


def fates(client: Client) -> list[tuple[int, str]]:
    return [(entry.seq, entry.fate) for entry in client.journal.all(Receipt)]


async def test_it_applies_what_follows_and_drops_what_it_has(puppet: Puppet, client: Client) -> None:
    await puppet.agrees(head=2)
    await puppet.tells(1, 2, 2)
    await puppet.tells(5, after=2)
    await stands_at(client, 5)
    assert fates(client) == [(1, "applied"), (2, "applied"), (2, "dropped"), (5, "applied")]


async def test_it_asks_again_after_a_hole_once(puppet: Puppet, client: Client) -> None:
    await puppet.agrees(head=1)
    await puppet.tells(1, 3, 4)
    asked = await puppet.agrees(head=4, after=1)
    assert asked["epoch"] == "one"
    await puppet.tells(2, 3, 4)
    await stands_at(client, 4)
    assert puppet.said.empty()
    assert [hole.seen_by for hole in client.journal.all(Hole)] == ["event"]


async def test_it_asks_again_where_a_heartbeat_is_ahead(puppet: Puppet, client: Client) -> None:
    await puppet.agrees(head=1)
    await puppet.tells(1)
    await puppet.say(type="heartbeat", heads={ROOM: 2})
    await puppet.agrees(head=2, after=1)
    assert [hole.seen_by for hole in client.journal.all(Hole)] == ["heartbeat"]


async def test_after_a_reset_it_loads_a_page_and_goes_on_from_the_head(puppet: Puppet, client: Client) -> None:
    await puppet.agrees(head=2_000, reset=True)
    await puppet.tells(2_001)
    await stands_at(client, 2_001)
    async with asyncio.timeout(SECONDS):
        while not client.is_settled:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    assert [page.messages for page in client.journal.all(Page)] == [((1, 1),)]


async def test_it_resumes_and_sends_again_what_nobody_answered(puppet: Puppet, client: Client) -> None:
    await puppet.agrees(head=1)
    await puppet.tells(1)
    await stands_at(client, 1)
    client_id = client.outbox.put(7, "hello")
    await puppet.hears("message.post")
    assert puppet.connection is not None
    puppet.connection.transport.abort()
    await puppet.agrees(head=1, after=1)
    again = await puppet.hears("message.post")
    assert again["client_id"] == client_id
    await puppet.say(type="ok", ref=again["ref"], message={"id": 9, "seq": 2})
    async with asyncio.timeout(SECONDS):
        while client.outbox.posts:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    kinds = [type(entry) for entry in client.journal.entries if isinstance(entry, Attempt | Unknown | Ack)]
    assert kinds == [Attempt, Unknown, Attempt, Ack]


async def test_a_window_is_settled_before_the_next_is_sent(puppet: Puppet, client: Client) -> None:
    await puppet.agrees(head=0)
    sent = [client.outbox.put(7, str(number)) for number in range(6)]
    first = await puppet.hears("message.post")
    assert first["client_id"] == sent[0]
    assert puppet.said.empty()
    await puppet.say(type="ok", ref=first["ref"], message={"id": 9, "seq": 1})
    assert [(await puppet.hears("message.post"))["client_id"] for _ in range(4)] == sent[1:5]


async def test_it_connects_again_after_a_silence(puppet: Puppet, client: Client) -> None:
    await puppet.agrees(head=0)
    puppet.answers_pings = False
    await puppet.agrees(head=0)
