"""The real server ends in the middle of a conversation and of a process: what was acknowledged stands."""

import asyncio
import itertools
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from websockets.exceptions import ConnectionClosed

from tests.consumers.test_inbox import call, durable, inbox_of, read_until
from tests.consumers.test_inbox_survives import follow_to_the_end
from tests.support.cast import Person
from tests.support.sites import Site
from tests.support.sockets import Message, WsClient

SENDERS = 8
UNDER_WAY = 4  # posts that each sender has not had answered, at any moment
ACKNOWLEDGED = 200  # before the server ends
PROCESS = {"title": "Stitch", "kind": "simulated", "params": {"steps": 40, "seconds": 12}}  # longer than that takes
CLOSED_WITH = {"kill": 1006, "stop": 1012}
ATTEMPTS = {"kill": 2, "stop": 1}  # in order, a job is handed on rather than lost


@dataclass
class Sender:
    """Somebody who posts without end, and notes what was sent, acknowledged and heard."""

    person: Person
    sent: list[str] = field(default_factory=list)
    acknowledged: dict[str, Message] = field(default_factory=dict)  # the message as it was answered, by client_id
    heard: list[tuple[int, str]] = field(default_factory=list)  # (seq, client_id), as applied
    messages: dict[str, Message] = field(default_factory=dict)  # the same, as heard
    position: int = 0

    def apply(self, event: Message) -> None:
        """By the contract: what is old is dropped; a hole is a fault here."""
        if event["seq"] <= self.position:
            return
        assert event.get("after", event["seq"] - 1) <= self.position, f"a hole before {event['seq']}"
        self.position = event["seq"]
        client_id = event["message"]["client_id"]
        self.heard.append((event["seq"], client_id))
        self.messages[client_id] = event["message"]


class Conversation:
    """Eight senders in one room; two of three times it is somebody's second socket."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.room = site.room["id"]
        cast = itertools.cycle(site.people[name] for name in ("alice", "bob", "dina"))
        self.senders = [Sender(person) for person in itertools.islice(cast, SENDERS)]
        self.all_here = asyncio.Barrier(SENDERS)
        self.enough = asyncio.Event()

    async def goes_on_until(self, end: Callable[[], object]) -> set[int | None]:
        """Ends the server in the middle of it; returns what the sockets were closed with."""
        talking = [asyncio.create_task(self.talk(sender)) for sender in self.senders]
        await self.enough.wait()
        await asyncio.to_thread(end)
        return set(await asyncio.gather(*talking))

    async def talk(self, sender: Sender) -> int | None:
        async with self.socket_of(sender) as client:
            await client.request("stream.subscribe", stream=f"room:{self.room}", after=0)
            await self.all_here.wait()
            await asyncio.gather(*(self.post_without_end(client, sender) for _ in range(UNDER_WAY)))
        for event in durable(list(client.events)):
            sender.apply(event)
        return client.close_code

    async def post_without_end(self, client: WsClient, sender: Sender) -> None:
        try:
            while True:
                sender.sent.append(str(uuid.uuid4()))
                await self.post(client, sender, sender.sent[-1])
        except (ConnectionError, ConnectionClosed):
            return

    async def post(self, client: WsClient, sender: Sender, client_id: str) -> None:
        fields = {"room": self.room, "client_id": client_id, "body": f"as {client_id}"}
        sender.acknowledged[client_id] = (await client.request("message.post", **fields))["message"]
        if sum(len(each.acknowledged) for each in self.senders) >= ACKNOWLEDGED:
            self.enough.set()

    async def returns(self, sender: Sender) -> None:
        """Resumes after the last event, and posts again what nobody acknowledged."""
        async with self.socket_of(sender) as client:
            await client.request("stream.subscribe", stream=f"room:{self.room}", after=sender.position)
            for client_id in sender.sent:
                if client_id not in sender.acknowledged:
                    await self.post(client, sender, client_id)
            head = len(self.all_sent)
            while sender.position < head:
                sender.apply(await client.next_event(stream=f"room:{self.room}"))

    @property
    def all_sent(self) -> list[str]:
        return [client_id for sender in self.senders for client_id in sender.sent]

    def socket_of(self, sender: Sender) -> WsClient:
        return WsClient(self.site.ws_url("/ws/chat/"), sender.person.cookie)

    async def stored(self) -> list[tuple[int, str]]:
        """The room's messages in the database, whose places have no holes: (seq, client_id)."""
        rows = f"SELECT seq, client_id FROM chat_message WHERE room_id = {self.room} ORDER BY seq"
        stored = await asyncio.to_thread(self.site.rows, rows)
        ((head,),) = await asyncio.to_thread(self.site.rows, f"SELECT head_seq FROM chat_room WHERE id = {self.room}")
        assert [seq for seq, _ in stored] == list(range(1, head + 1))
        return [(seq, str(uuid.UUID(str(client_id)))) for seq, client_id in stored]


@pytest.fixture
def conversation(make_site: Callable[..., Site]) -> Conversation:
    return Conversation(make_site(RATE_LIMITS="off"))


@pytest.mark.parametrize("how", ["kill", "stop"])
async def test_what_was_acknowledged_stands_once_and_everybody_hears_all_in_order(
    conversation: Conversation, how: str
) -> None:
    site = conversation.site
    alice = site.people["alice"]
    job = await a_running_job(site, alice)
    reached = []

    def end() -> None:
        reached.append(site.call("GET", f"/api/jobs/{job}", alice)[1]["done"])
        getattr(site, how)()

    assert await conversation.goes_on_until(end) == {CLOSED_WITH[how]}
    await asyncio.to_thread(site.start)

    times = Counter(client_id for _, client_id in await conversation.stored())
    for sender in conversation.senders:
        assert [times[client_id] for client_id in sender.acknowledged] == [1] * len(sender.acknowledged)
        assert {times[client_id] for client_id in sender.sent} <= {0, 1}
    assert set(times) <= set(conversation.all_sent)

    await asyncio.gather(*(conversation.returns(sender) for sender in conversation.senders))
    stored = await conversation.stored()
    assert sorted(client_id for _, client_id in stored) == sorted(conversation.all_sent)
    for sender in conversation.senders:
        assert sender.heard == stored
        assert {client_id: sender.messages[client_id] for client_id in sender.acknowledged} == sender.acknowledged
    assert (await follow_to_the_end(site, reached[0]))["attempt"] == ATTEMPTS[how]


async def a_running_job(site: Site, owner: Person) -> int:
    job = await call(site, "POST", "/api/jobs", owner, PROCESS)
    async with inbox_of(site, owner) as client:
        await client.request("stream.subscribe", stream=f"inbox:{owner.id}", after=0)
        await read_until(client, lambda event: event["type"] == "job.progressed" and event["job"]["done"] > 2)
    return int(job["id"])
