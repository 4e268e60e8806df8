"""Nothing is written, and no stream opened, for who lost their identity before: the transaction itself asks.

Here nobody looks after the sockets in the background, so that a refusal can only come from the command.
"""

import asyncio
import threading
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import identities, tokens
from accounts.models import User
from chat import consumers
from chat.models import Membership, Message, Reaction, Room
from chat.services.changing import add_reaction
from chat.services.posting import Post, post_messages
from chatsite.realtime.threads import in_database
from chatsite.realtime.watch import Watch
from tests.access.conftest import LOSSES, Loss, delete_account, revoke_token, sign_in, sign_out
from tests.support import cast
from tests.support.local import LocalClient
from tests.support.sockets import RefusedError
from tests.unit.chat.conftest import post_of, speak

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture(autouse=True)
def nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    async def look(watch: Watch) -> None: ...

    monkeypatch.setattr(Watch, "_look", look)


class Traces:
    """What is in the database, as far as a command could have changed it; Bob's own row apart."""

    def __init__(self, bob: User, room: Room) -> None:
        message = speak(bob, room, "As it was")["id"]
        add_reaction(bob, message, "👍")
        self.room, self.message = room, message
        self.before = self.now()

    def now(self) -> list[Any]:
        return [
            list(Message.objects.order_by("pk").values_list("body", "changed_seq", "deleted_at")),
            list(Room.objects.values_list("head_seq", flat=True)),
            Membership.objects.filter(last_read_seq__gt=0).count(),
        ]

    def commands(self) -> list[dict[str, Any]]:
        room, message = {"room": self.room.pk}, {"message": self.message}
        return [
            {"type": "message.post", **room, "client_id": str(uuid4()), "body": "After the end"},
            {"type": "message.post", **room, "client_id": str(uuid4()), "body": "@alice, **after** the end"},
            {"type": "message.edit", **message, "body": "Changed after the end"},
            {"type": "message.delete", **message},
            {"type": "reaction.add", **message, "emoji": "🎉"},
            {"type": "reaction.remove", **message, "emoji": "👍"},
            {"type": "room.read", **room, "seq": 1},
            {"type": "typing.start", **room},
            {"type": "stream.subscribe", "stream": f"room:{self.room.pk}", "after": 0},
        ]


async def refused(client: LocalClient, command: dict[str, Any]) -> tuple[str, str, int | None]:
    """How a command was refused, and what the socket was closed with right after."""
    with pytest.raises(RefusedError) as refusal:
        await client.request(**command)
    return refusal.value.code, refusal.value.answer["message"], await client.wait_closed()


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)
async def test_each_command_is_refused_and_ends_the_socket(alice: User, bob: User, room: Room, loss: Loss) -> None:
    traces = await in_database(Traces, bob, room)
    commands = traces.commands()
    assert {command["type"] for command in commands} == set(consumers.ChatConsumer.handlers) - {
        "ping", "stream.unsubscribe",
    }  # fmt: skip
    async with AsyncExitStack() as open_sockets, LocalClient(alice) as witness:
        await witness.request("stream.subscribe", stream=f"room:{room.pk}", after=None)
        bobs = await in_database(sign_in, bob, loss)
        clients = [await open_sockets.enter_async_context(bobs.socket()) for _ in commands]
        inbox = await open_sockets.enter_async_context(bobs.socket("/ws/notifications/"))
        await in_database(loss, bobs)
        if loss is delete_account:  # takes Bob's reaction and membership with it: the room is not found any more
            traces.before = await in_database(traces.now)
            commands.pop()
            clients.pop()
        own_stream = {"type": "stream.subscribe", "stream": f"inbox:{bob.pk}", "after": 0}
        for client, command in [*zip(clients, commands, strict=True), (inbox, own_stream)]:
            assert await refused(client, command) == ("forbidden", "You are signed out.", 4401), command
        assert await in_database(traces.now) == traces.before
        await witness.quiet()
        assert [event for event in witness.events if event["type"] != "presence.changed"] == []


@pytest.mark.parametrize("loss", [sign_out, revoke_token], ids=lambda loss: loss.__name__)
async def test_another_sign_in_of_the_same_person_goes_on(bob: User, room: Room, loss: Loss) -> None:
    bobs = await in_database(sign_in, bob, loss)
    async with LocalClient(bob) as other:
        await in_database(loss, bobs)
        await other.request("message.post", room=room.pk, client_id=str(uuid4()), body="Still here")
        await other.quiet()
        assert other.close_code is None


async def test_what_waits_for_its_turn_is_judged_when_it_comes(
    alice: User, bob: User, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Posts queue while an earlier batch is written; Bob signs out meanwhile. Alice's in the same batch is saved."""
    started, go_on = threading.Event(), threading.Event()
    honest = consumers.writer._work

    def write(posts: Sequence[Post]) -> Any:
        if not started.is_set():
            started.set()
            go_on.wait(10)
        return honest(posts)

    monkeypatch.setattr(consumers.writer, "_work", write)
    waiting = asyncio.Semaphore(0)
    submit = consumers.writer.submit
    monkeypatch.setattr(consumers.writer, "submit", lambda post: (waiting.release(), submit(post))[1])

    async def post(client: LocalClient, body: str) -> str:
        try:
            return (await client.request("message.post", room=room.pk, client_id=str(uuid4()), body=body))["type"]
        except RefusedError as error:
            return str(error.code)

    bobs = await in_database(sign_in, bob, sign_out)
    async with LocalClient(alice) as a, bobs.socket() as b:
        first = asyncio.create_task(post(a, "First"))
        await asyncio.to_thread(started.wait)
        queued = [asyncio.create_task(post(a, "Alice waits")), asyncio.create_task(post(b, "Bob waits"))]
        for _ in range(3):
            await waiting.acquire()
        await in_database(sign_out, bobs)
        go_on.set()
        assert await first == "ok"
        assert await asyncio.gather(*queued) == ["ok", "forbidden"]
        assert await b.wait_closed() == 4401
    assert await in_database(lambda: sorted(Message.objects.values_list("body", flat=True))) == ["Alice waits", "First"]


async def test_commands_sent_at_once_are_all_refused(bob: User, room: Room) -> None:
    """A socket that floods gets not one through between the first refusal and its end."""
    bobs = await in_database(sign_in, bob, sign_out)
    async with bobs.socket() as b:
        await in_database(sign_out, bobs)
        for number in range(20):
            await b.send({"type": "message.post", "room": room.pk, "client_id": str(uuid4()), "body": str(number)})
            await b.send({"type": "room.read", "room": room.pk, "seq": 0})
        assert await b.wait_closed() == 4401
        assert {event.get("code") for event in b.events if event["type"] == "error"} <= {"forbidden"}
    assert not await in_database(Message.objects.exists)
    assert not await in_database(Reaction.objects.exists)


async def test_it_is_said_in_the_readers_language(bob: User, room: Room) -> None:
    def speaks_spanish() -> None:
        User.objects.filter(pk=bob.pk).update(language="es")

    await in_database(speaks_spanish)
    bobs = await in_database(sign_in, bob, sign_out)
    async with bobs.socket() as b:
        await in_database(sign_out, bobs)
        with pytest.raises(RefusedError, match="Ya no tienes la sesión iniciada"):
            await b.request("typing.start", room=room.pk)


def test_confirming_takes_few_queries(alice: User, bob: User, room: Room, django_assert_num_queries: Any) -> None:
    """A batch asks for its sessions and tokens where it asks for all else; another command asks once in all."""
    keys = [tokens.create(user, "tests", ["write"])[1] for user in (alice, bob)]
    sessions = [cast.session_of(user) for user in (alice, bob)]
    found = [*identities.by_sessions(sessions).values(), *identities.by_keys(keys).values()]
    known = [identity for identity in found if identity]
    posts = [post_of(User(pk=identity.user_id), room) for identity in known]
    with CaptureQueriesContext(connection) as unasked:
        post_messages(posts)
    posts = [replace(post, client_id=uuid4(), identity=who) for post, who in zip(posts, known, strict=True)]
    with django_assert_num_queries(len(unasked)):
        assert not [posted for posted in post_messages(posts) if isinstance(posted, Exception)]
    with django_assert_num_queries(1):
        assert identities.confirmed(known[0]).pk == known[0].user_id
