"""`/ws/chat/`: what one says, the others get, in order, without holes and only if they may."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.test import Client

from accounts.models import User
from chat import consumers
from chat.models import Message, Room
from chat.services.changing import delete_message, edit_message
from chat.services.members import put_member, remove_member
from chat.services.posting import Post
from chatsite.realtime import hub as hubs
from chatsite.realtime.hub import Hub
from chatsite.realtime.threads import in_database
from tests.support.local import LocalClient
from tests.support.runs import Reader
from tests.support.sockets import RefusedError
from tests.unit.chat.conftest import speak

pytestmark = pytest.mark.usefixtures("here")

HEALED_SECONDS = 2


async def follow(client: LocalClient, room: Room, after: int | None = None) -> dict[str, Any]:
    return await client.request("stream.subscribe", stream=f"room:{room.pk}", after=after)


async def post(client: LocalClient, room: Room, body: str, **fields: Any) -> dict[str, Any]:
    fields.setdefault("client_id", str(uuid4()))
    return (await client.request("message.post", room=room.pk, body=body, **fields))["message"]


async def until_seq(client: LocalClient, seq: int, timeout: float = 10) -> list[dict[str, Any]]:
    """The durable events up to the one with that seq."""
    found = [await next_durable(client, timeout)]
    while found[-1]["seq"] != seq:
        found.append(await next_durable(client, timeout))
    return found


async def next_durable(client: LocalClient, timeout: float = 10) -> dict[str, Any]:
    while "seq" not in (event := await client.next_event(timeout=timeout)):
        pass
    return event


def bodies(events: Sequence[dict[str, Any]]) -> list[str]:
    return [event["message"]["body"] for event in events if "seq" in event]


async def test_what_one_says_the_others_get_in_order(alice: User, bob: User, room: Room) -> None:
    async with LocalClient(alice) as a, LocalClient(bob) as b, LocalClient(bob) as tab:
        for client in (a, b, tab):
            await follow(client, room)
        said = [await post(a, room, "1"), await post(b, room, "2"), await post(a, room, "3")]
        for client in (a, b, tab):
            events = await until_seq(client, 3)
            assert bodies(events) == ["1", "2", "3"]
            assert [event["message"] for event in events] == said


async def test_the_ack_and_the_event_follow_the_commit(
    alice: User, bob: User, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved, commit = threading.Event(), threading.Event()
    honest = consumers.writer._work

    def write(posts: Sequence[Post]) -> Any:
        with transaction.atomic():
            results = honest(posts)
            saved.set()
            commit.wait(10)
        return results

    monkeypatch.setattr(consumers.writer, "_work", write)
    async with LocalClient(alice) as a, LocalClient(bob) as b:
        await follow(b, room)
        answer = asyncio.create_task(post(a, room, "1"))
        await asyncio.to_thread(saved.wait)
        await b.quiet()
        assert (answer.done(), bodies(b.events)) == (False, [])
        commit.set()
        message = await answer
        assert await in_database(Message.objects.filter(pk=message["id"]).exists)
        assert bodies(await until_seq(b, 1)) == ["1"]


async def test_who_comes_back_gets_what_came_after_their_place(alice: User, bob: User, room: Room) -> None:
    async with LocalClient(alice) as a:
        for number in range(1, 6):
            await post(a, room, str(number))
        async with LocalClient(bob) as b:
            ok = await follow(b, room, after=2)
            assert ok["head"] == 5
            assert bodies(await until_seq(b, 5)) == ["3", "4", "5"]
            await post(a, room, "6")
            assert bodies(await until_seq(b, 6)) == ["6"]


async def test_a_replay_is_compacted(alice: User, bob: User, room: Room) -> None:
    def changes() -> None:
        first, second = speak(alice, room, "1"), speak(alice, room, "2")
        speak(alice, room, "3")
        edit_message(alice, first["id"], "1, edited")
        delete_message(alice, second["id"])

    await in_database(changes)
    async with LocalClient(bob) as b:
        ok = await follow(b, room, after=0)
        events = await until_seq(b, ok["head"])
    told = [(event.get("after"), event["seq"], event["type"], event["message"]["body"]) for event in events]
    assert told == [
        (0, 3, "message.posted", "3"),
        (None, 4, "message.edited", "1, edited"),
        (None, 5, "message.deleted", ""),
    ]


async def test_what_was_said_long_ago_leaves_memory(
    alice: User, bob: User, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory tells every event, the database only what became of the messages."""

    def change() -> None:
        edit_message(alice, speak(alice, room, "1")["id"], "1, edited")

    monkeypatch.setattr(hubs, "RING_SECONDS", 0.3)
    async with LocalClient(alice) as a, LocalClient(bob) as b, asyncio.timeout(20):
        await follow(a, room, after=0)
        await in_database(change)
        assert len(await until_seq(a, 2)) == 2
        told: list[Any] = []
        while len(told) != 1:
            await asyncio.sleep(0.1)
            await follow(b, room, after=0)
            told = await until_seq(b, 2)
        assert (told[0]["after"], told[0]["seq"], told[0]["message"]["body"]) == (0, 2, "1, edited")


async def test_a_subscription_has_no_hole_while_others_post(alice: User, bob: User, room: Room) -> None:
    """Threads post on and on; Bob subscribes again and again, from everywhere, and always ends with all of it."""
    stop = threading.Event()

    def post_on(user: User) -> None:
        for number in range(200):
            if stop.is_set():
                return
            speak(user, room, str(number))

    writers = [asyncio.create_task(asyncio.to_thread(in_thread, post_on, user)) for user in (alice, bob)]
    async with LocalClient(bob) as b:
        reader, ok = Reader(0), await follow(b, room, after=0)
        for _ in range(12):
            while reader.position < ok["head"]:
                reader.apply(await next_durable(b))
            await b.request("stream.unsubscribe", stream=f"room:{room.pk}")
            while b.events:  # what was sent before the answer
                reader.apply_all([b.events.popleft()], f"room:{room.pk}")
            ok = await follow(b, room, after=reader.position)
        stop.set()
        await asyncio.gather(*writers)
        head = (await in_database(Room.objects.get, pk=room.pk)).head_seq
        while reader.position < head:
            reader.apply(await next_durable(b))
        await b.quiet()
    assert not bodies(b.events)
    assert len(reader.messages) == head


def in_thread(function: Any, *args: Any) -> None:
    from django.db import connections

    try:
        function(*args)
    finally:
        connections.close_all()


async def test_who_is_removed_gets_nothing_of_it_or_after_it(alice: User, bob: User, room: Room) -> None:
    async with LocalClient(alice) as a, LocalClient(bob) as b:
        await follow(a, room)
        await follow(b, room)
        await post(a, room, "Before")
        await in_database(remove_member, alice, room.pk, bob.pk)
        await post(a, room, "After")
        assert bodies(await until_seq(a, 3)) == ["Before", "removed Bob", "After"]
        await b.quiet()
        assert bodies(b.events) == ["Before"]
        with pytest.raises(RefusedError, match="not_found"):
            await follow(b, room, after=1)
        with pytest.raises(RefusedError, match="not_found"):
            await post(b, room, "Still here")


async def test_a_removal_that_nobody_pushed_is_noticed(
    alice: User, bob: User, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with LocalClient(alice) as a, LocalClient(bob) as b:
        await follow(a, room)
        await follow(b, room)
        monkeypatch.setattr(Hub, "announce", lambda *args: None)
        await in_database(remove_member, alice, room.pk, bob.pk)
        await in_database(speak, alice, room, "After")
        assert bodies(await until_seq(a, 2, timeout=HEALED_SECONDS)) == ["removed Bob", "After"]
        await b.quiet()
        assert not bodies(b.events)


async def test_a_lost_push_followed_by_silence_heals(
    alice: User, bob: User, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with LocalClient(alice) as a, LocalClient(bob) as b:
        await follow(b, room)
        monkeypatch.setattr(Hub, "announce", lambda *args: None)
        await post(a, room, "Lost on the way")
        assert bodies(await until_seq(b, 1, timeout=HEALED_SECONDS)) == ["Lost on the way"]


async def test_a_slow_query_of_one_holds_nobody_else_up(
    alice: User, bob: User, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, go_on = threading.Event(), threading.Event()

    def slow(*args: Any) -> None:
        started.set()
        go_on.wait(10)

    monkeypatch.setattr(consumers, "start_typing", slow)
    async with LocalClient(alice) as a, LocalClient(bob) as b:
        await follow(b, room)
        waiting = asyncio.create_task(a.request("typing.start", room=room.pk))
        await asyncio.to_thread(started.wait)
        for number in range(5):
            await post(b, room, str(number))
        assert bodies(await until_seq(b, 5)) == ["0", "1", "2", "3", "4"]
        assert not waiting.done()
        go_on.set()
        await waiting


async def test_commands_are_answered_in_the_order_sent(alice: User, room: Room) -> None:
    async with LocalClient(alice) as a:
        await follow(a, room)
        for number in range(12):
            await a.send({"type": "message.post", "ref": f"p{number}", "room": room.pk,
                          "client_id": str(uuid4()), "body": str(number)})  # fmt: skip
            await a.send({"type": "nonsense", "ref": f"n{number}"} if number % 3 == 0 else
                         {"type": "room.read", "ref": f"r{number}", "room": room.pk, "seq": 1})  # fmt: skip
        await a.quiet()
    posts = [event["ref"] for event in a.events if event.get("ref", "").startswith("p")]
    reads = [event["ref"] for event in a.events if event.get("ref", "").startswith("r")]
    assert posts == [f"p{number}" for number in range(12)]
    assert reads == [f"r{number}" for number in range(12) if number % 3]
    assert len([event for event in a.events if event["type"] == "error"]) == 4
    refs = [event["ref"] for event in a.events if "ref" in event]
    assert all(refs.index(f"p{n}") < refs.index(f"r{n}") for n in range(12) if n % 3), "a read waits for the posts"


async def test_the_same_client_id_again_gets_the_same_ok(alice: User, bob: User, room: Room) -> None:
    client_id = str(uuid4())
    async with LocalClient(alice) as a, LocalClient(bob) as b:
        await follow(b, room)
        first = await post(a, room, "Once", client_id=client_id)
        again = await post(a, room, "Once", client_id=client_id)
        await post(a, room, "Twice")
        assert bodies(await until_seq(b, 2)) == ["Once", "Twice"]
    async with LocalClient(alice) as a:
        assert await post(a, room, "Once", client_id=client_id) == again == first


async def test_changes_reach_the_others(alice: User, bob: User, room: Room) -> None:
    async with LocalClient(alice) as a, LocalClient(bob) as b:
        await follow(b, room)
        message = await post(a, room, "Helo")
        await a.request("message.edit", message=message["id"], body="Hello")
        await b.request("reaction.add", message=message["id"], emoji="👍")
        await b.request("reaction.remove", message=message["id"], emoji="👍")
        await a.request("message.delete", message=message["id"])
        events = await until_seq(b, 5)
    assert [event["type"] for event in events] == [
        "message.posted", "message.edited", "message.reacted", "message.reacted", "message.deleted",
    ]  # fmt: skip
    assert {event["message"]["id"] for event in events} == {message["id"]}


async def test_what_comes_by_http_and_by_the_administration_is_live_too(
    admin: User, alice: User, bob: User, room: Room
) -> None:
    web = Client()
    await in_database(web.force_login, alice)
    site = Client()
    await in_database(site.force_login, admin)
    async with LocalClient(bob) as b:
        await follow(b, room)
        path = f"/api/rooms/{room.pk}/messages"
        answer = await in_database(web.post, path, {"body": "By HTTP"}, content_type="application/json")
        assert answer.status_code == 201
        (posted,) = await until_seq(b, 1)
        assert posted["message"] == answer.json()
        bury = {"action": "bury", "_selected_action": posted["message"]["id"]}
        assert (await in_database(site.post, "/admin/chat/message/", bury)).status_code == 302
        (gone,) = await until_seq(b, 2)
        assert (gone["type"], gone["message"]["body"]) == ("message.deleted", "")


async def test_typing_is_told_to_the_others_only(alice: User, bob: User, charlie: User, room: Room) -> None:
    async with LocalClient(alice) as a, LocalClient(bob) as b, LocalClient(charlie) as c:
        await follow(a, room)
        await follow(b, room)
        await a.request("typing.start", room=room.pk)
        event = await b.next_event("typing.started")
        assert event == {
            "type": "typing.started",
            "stream": f"room:{room.pk}",
            "room": room.pk,
            "user": {"id": alice.pk, "name": "Alice", "avatar": None},
        }
        await a.quiet()
        assert "typing.started" not in [event["type"] for event in a.events]
        with pytest.raises(RefusedError, match="not_found"):
            await c.request("typing.start", room=room.pk)


async def test_reading_is_told_to_ones_other_tabs(alice: User, bob: User, room: Room) -> None:
    async with LocalClient(alice) as a, LocalClient(bob) as b, LocalClient(bob, "/ws/notifications/") as tab:
        await post(a, room, "1")
        await tab.request("stream.subscribe", stream=f"inbox:{bob.pk}", after=None)
        ok = await b.request("room.read", room=room.pk, seq=1)
        mark = {"room": room.pk, "last_read_seq": 1, "unread": 0, "mentions": 0}
        assert {key: ok[key] for key in mark} == mark
        event = await tab.next_event("room.read")
        assert {key: event[key] for key in mark} == mark


async def test_who_is_added_is_told_and_may_follow(alice: User, charlie: User, room: Room) -> None:
    async with LocalClient(charlie, "/ws/notifications/") as inbox, LocalClient(charlie) as c:
        await inbox.request("stream.subscribe", stream=f"inbox:{charlie.pk}", after=None)
        with pytest.raises(RefusedError, match="not_found"):
            await follow(c, room)
        await in_database(put_member, alice, room.pk, charlie.pk)
        assert (await inbox.next_event("room.added"))["room"]["id"] == room.pk
        ok = await follow(c, room)
        assert (ok["room"]["role"], ok["head"]) == ("member", 1)


async def test_who_unsubscribed_gets_no_more(alice: User, bob: User, room: Room) -> None:
    async with LocalClient(alice) as a, LocalClient(bob) as b:
        await follow(b, room)
        await b.request("stream.unsubscribe", stream=f"room:{room.pk}")
        await post(a, room, "1")
        await b.quiet()
        assert bodies(b.events) == []


async def test_flooding_is_refused_with_the_time_to_wait(alice: User, room: Room) -> None:
    async with LocalClient(alice) as a:
        for number in range(consumers.POSTS_BURST + 5):
            await a.send({"type": "message.post", "room": room.pk, "client_id": str(uuid4()), "body": str(number)})
        error = await a.next_event("error")
        assert error["code"] == "rate_limited"
        assert 0 < error["retry_after"] <= 1
        await a.quiet()
