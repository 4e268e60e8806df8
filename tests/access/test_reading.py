"""Open sockets stop reading: within 2 s where an identity is lost, with the removal itself where a room is closed."""

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest
from channels.layers import get_channel_layer
from django.db import connection, connections, transaction
from django.test import Client

from accounts.models import User
from chat.models import Room
from chat.services.members import change_kind, put_member, remove_member
from chatsite.realtime import announce, hub, relay, subscribing, watch
from chatsite.realtime.announce import doubt_identities
from chatsite.realtime.batches import Batcher
from chatsite.realtime.hub import Hub
from chatsite.realtime.opening import open_all
from chatsite.realtime.threads import DATABASE_THREADS, in_database
from tests.access.conftest import LOSSES, Loss, SignIn, deactivate, revoke_token, sign_in, sign_out
from tests.support import cast
from tests.support.local import LocalClient
from tests.support.sockets import RefusedError
from tests.unit.chat.conftest import speak

pytestmark = pytest.mark.usefixtures("here")

NOTICED_SECONDS = 2 + 1  # the contract's two, and one for a busy machine; what these tests wait for comes after one
NEVER_SECONDS = 3600


async def follow(client: LocalClient, room: Room) -> dict[str, Any]:
    return await client.request("stream.subscribe", stream=f"room:{room.pk}", after=None)


def bodies(client: LocalClient) -> list[str]:
    return [event["message"]["body"] for event in client.events if "seq" in event]


# --- Identities -------------------------------------------------------------


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)
async def test_silence_ends_within_two_seconds_though_nobody_told(
    bob: User, room: Room, loss: Loss, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lost word of it, as when Redis is away, costs no more than the second until the next look."""
    monkeypatch.setattr(Hub, "doubt", lambda hub: None)
    bobs = await in_database(sign_in, bob, loss)
    async with bobs.socket() as chat, bobs.socket("/ws/notifications/") as inbox:
        await follow(chat, room)
        await in_database(loss, bobs)
        assert [await client.wait_closed(NOTICED_SECONDS) for client in (chat, inbox)] == [4401, 4401]


def browser_of(of: SignIn) -> Client:
    browser = Client()
    browser.cookies["sessionid"] = of.session
    return browser


def change_password_by_page(of: SignIn) -> None:
    form = {"oldpassword": cast.PASSWORD, "password1": "another quiet lake", "password2": "another quiet lake"}
    assert browser_of(of).post("/accounts/password/change/", form).status_code == 302


def close_account_at_the_admin_site(of: SignIn) -> None:
    browser = Client()
    browser.force_login(cast.make_user("admin", is_staff=True, is_superuser=True))
    action = {"action": "deactivate", "_selected_action": of.user.pk}
    assert browser.post("/admin/accounts/user/", action).status_code == 302


def end_from_another_device(of: SignIn) -> None:
    browser = Client()
    browser.force_login(of.user)
    for client in (browser, browser_of(of)):
        assert client.get("/").status_code == 200  # each device is listed from its first page on
    assert browser.post("/accounts/sessions/").status_code == 302


@pytest.mark.parametrize(
    "loss",
    [sign_out, revoke_token, deactivate, change_password_by_page, close_account_at_the_admin_site,
     end_from_another_device],
    ids=lambda loss: loss.__name__,
)  # fmt: skip
async def test_what_is_told_ends_sockets_at_once(bob: User, loss: Loss, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next look by itself would be in an hour."""
    monkeypatch.setattr(watch, "LOOK_SECONDS", NEVER_SECONDS)
    monkeypatch.setattr(Hub, "_hear", lambda *args: None)  # what other processes say: here, of the fixtures' own doings
    bobs = await in_database(sign_in, bob, loss)
    async with bobs.socket() as chat:
        await chat.quiet()
        await in_database(loss, bobs)
        assert await chat.wait_closed() == 4401


async def test_what_another_process_tells_ends_sockets_at_once(bob: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LOOK_SECONDS", NEVER_SECONDS)
    monkeypatch.setattr(Hub, "doubt", lambda hub: None)
    bobs = await in_database(sign_in, bob, sign_out)
    async with bobs.socket() as chat:
        await chat.quiet()
        await in_database(sign_out, bobs)
        while chat.close_code is None:  # until this process listens: word of it may be lost
            await get_channel_layer().group_send(relay.EVERYONE, {"type": "doubt", "origin": "another"})
            with suppress(TimeoutError):
                await chat.wait_closed(0.2)
        assert chat.close_code == 4401


async def test_slow_queries_and_a_stuck_comparison_keep_nobody_in(
    alice: User, bob: User, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All threads of the sockets' database work are taken; so the comparison of heads does not come on either."""
    stuck, go_on = threading.Barrier(DATABASE_THREADS + 1), threading.Event()

    def slow() -> None:
        stuck.wait(10)
        go_on.wait(20)

    monkeypatch.setattr(Hub, "doubt", lambda hub: None)
    bobs = await in_database(sign_in, bob, sign_out)
    async with bobs.socket() as chat:
        await follow(chat, room)
        waiting = [asyncio.create_task(in_database(slow)) for _ in range(DATABASE_THREADS)]
        await asyncio.to_thread(stuck.wait, 10)
        await asyncio.to_thread(sign_out, bobs)
        try:
            assert await chat.wait_closed(NOTICED_SECONDS) == 4401
        finally:
            go_on.set()
            await asyncio.gather(*waiting)


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no pool of connections")
async def test_requests_that_have_taken_every_connection_keep_nobody_in(
    bob: User, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Hub, "doubt", lambda hub: None)
    go_on = threading.Event()
    requests: list[threading.Thread] = []

    def hold(then: Callable[[], None]) -> None:
        """Returns when a request of another thread has a connection, which then does something and keeps it."""
        has_it = threading.Event()

        def request() -> None:
            connection.ensure_connection()
            has_it.set()
            then()
            go_on.wait(20)
            connections.close_all()

        requests.append(threading.Thread(target=request))
        requests[-1].start()
        assert has_it.wait(10)

    bobs = await in_database(sign_in, bob, sign_out)
    async with bobs.socket() as chat:
        await follow(chat, room)
        last = threading.Event()
        await asyncio.to_thread(hold, lambda: (last.wait(10), sign_out(bobs)))
        while (stats := connection.pool.get_stats())["pool_available"] or stats["pool_size"] < connection.pool.max_size:
            await asyncio.to_thread(hold, lambda: None)
        last.set()
        try:
            assert await chat.wait_closed(NOTICED_SECONDS) == 4401
        finally:
            go_on.set()
            for thread in requests:
                await asyncio.to_thread(thread.join)


async def test_many_doubts_make_few_looks(bob: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is asked for more often than ten times a second, however many people sign out."""
    looks: list[int] = []
    monkeypatch.setattr(watch, "lost", lambda identities: looks.append(len(identities)) or set())
    async with LocalClient(bob) as chat:
        began = time.monotonic()
        for _ in range(500):
            await asyncio.to_thread(doubt_identities)
        await chat.quiet()
        assert 1 <= len(looks) <= (time.monotonic() - began) / 0.1 + 2


async def test_a_reader_of_a_public_room_who_is_no_member_loses_it_with_the_account(
    alice: User, charlie: User, public_room: Room
) -> None:
    charlies = await in_database(sign_in, charlie, deactivate)
    async with charlies.socket() as c:
        await follow(c, public_room)
        await in_database(speak, alice, public_room, "While he may")
        await c.next_event("message.posted")
        await in_database(deactivate, charlies)
        assert await c.wait_closed(NOTICED_SECONDS) == 4401


# --- Rooms ------------------------------------------------------------------


def make_private(room: Room) -> None:
    with transaction.atomic():
        change_kind(Room.objects.select_for_update(no_key=True).get(pk=room.pk), kind=Room.Kind.PRIVATE)


@pytest.mark.parametrize("pushed", [True, False], ids=["pushed", "lost"])
async def test_a_room_made_private_is_read_by_its_members_alone(
    alice: User, bob: User, charlie: User, public_room: Room, pushed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with LocalClient(bob) as b, LocalClient(charlie) as c:
        await follow(b, public_room)
        await follow(c, public_room)
        await in_database(speak, alice, public_room, "For all")
        await c.next_event("message.posted")
        if not pushed:
            monkeypatch.setattr(Hub, "announce", lambda *args: None)
        await in_database(make_private, public_room)
        await in_database(speak, alice, public_room, "Among us")
        await b.next_event("message.posted", timeout=NOTICED_SECONDS)
        await b.next_event("message.posted", timeout=NOTICED_SECONDS)
        await c.quiet()
        assert bodies(c) == []
        with pytest.raises(RefusedError, match="not_found"):
            await c.request("stream.subscribe", stream=f"room:{public_room.pk}", after=0)


async def test_who_is_removed_hears_no_more_typing_or_hints(
    alice: User, bob: User, charlie: User, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with LocalClient(alice) as a, LocalClient(bob) as b, LocalClient(alice) as other:
        for client in (b, other):
            await follow(client, room)
        await in_database(remove_member, alice, room.pk, bob.pk)
        await in_database(put_member, alice, room.pk, charlie.pk)
        await a.request("typing.start", room=room.pk)
        await other.next_event("member.left", user=bob.pk)
        await other.next_event("member.joined")
        await b.quiet()
        assert {event["type"] for event in b.events} <= {"presence.changed"}


async def test_a_removal_of_which_nothing_was_heard_counts_for_typing_too(
    alice: User, bob: User, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The frame that says so was lost between two processes, and the next comparison is not due."""
    carol = await in_database(cast.make_user, "carol")
    await in_database(cast.add_member, room, carol)
    monkeypatch.setattr(hub, "RECONCILE_SECONDS", NEVER_SECONDS)
    async with LocalClient(alice) as a, LocalClient(bob) as b, LocalClient(carol) as c:
        await follow(b, room)
        await follow(c, room)
        monkeypatch.setattr(Hub, "announce", lambda *args: None)
        monkeypatch.setattr(announce, "_whisper", lambda *args: None)
        await in_database(remove_member, alice, room.pk, bob.pk)
        monkeypatch.undo()
        monkeypatch.setattr(hub, "RECONCILE_SECONDS", NEVER_SECONDS)
        await a.request("typing.start", room=room.pk)
        await c.next_event("typing.started")
        await b.quiet()
        assert {event["type"] for event in b.events} <= {"presence.changed"}


async def test_a_first_reader_who_is_removed_while_the_stream_is_opened(
    alice: User, bob: User, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bob's permission is read, then he is removed, then he is answered.

    Nobody follows the room yet, so no check of the readers concerns Bob; what was read for him must be read again.
    """
    read, go_on = threading.Event(), threading.Event()

    def held_up(requests: Any) -> Any:
        outcomes = open_all(requests)
        if requests[0].identity.user_id == bob.pk and not read.is_set():
            read.set()
            go_on.wait(10)
        return outcomes

    monkeypatch.setattr(subscribing, "openings", Batcher(held_up))
    async with LocalClient(alice) as a, LocalClient(bob) as b:
        bobs = asyncio.create_task(follow(b, room))
        await asyncio.to_thread(read.wait, 10)
        await in_database(remove_member, alice, room.pk, bob.pk)
        go_on.set()
        with pytest.raises(RefusedError, match="not_found"):
            await bobs
        await follow(a, room)
        await in_database(speak, alice, room, "Among us")
        await a.next_event("message.posted")
        await b.quiet()
        assert bodies(b) == []


async def test_the_end_of_a_stream_leaves_the_socket_and_its_other_streams(
    alice: User, bob: User, room: Room, public_room: Room
) -> None:
    async with LocalClient(bob) as b:
        await follow(b, room)
        await follow(b, public_room)
        await in_database(remove_member, alice, room.pk, bob.pk)
        await in_database(speak, alice, public_room, "Still for all")
        assert (await b.next_event("message.posted"))["stream"] == f"room:{public_room.pk}"
        posted = await b.request("message.post", room=public_room.pk, client_id=str(uuid4()), body="And from me")
        assert posted["message"]["seq"] == 2
