"""What both sockets have in common: who gets in, how long it holds, and what nobody's mistake can break."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from channels.layers import get_channel_layer
from django.contrib.sessions.models import Session

from accounts import tokens
from accounts.models import AccessToken, User
from chat.consumers import TYPING_BURST
from chat.models import Room
from chatsite.realtime import consumers, delivery, relay
from chatsite.realtime import hub as hubs
from chatsite.realtime.threads import in_database
from tests.support.local import HandshakeRefusedError, LocalClient
from tests.support.sockets import RefusedError
from tests.unit.chat.conftest import speak

pytestmark = pytest.mark.usefixtures("here")

SOCKETS = ["/ws/chat/", "/ws/notifications/"]
NOTICED_SECONDS = 3  # the contract's two, and some for a busy machine


@pytest.mark.parametrize("path", SOCKETS)
@pytest.mark.parametrize(
    "headers",
    [
        {"X-Nothing": "1"},
        {"Cookie": "sessionid=nonsense"},
        {"Authorization": "Bearer chat_nonsense"},
        {"Authorization": "Basic YWxpY2U6eA=="},
    ],
)
async def test_it_refuses_who_is_not_signed_in(alice: User, path: str, headers: dict[str, str]) -> None:
    with pytest.raises(HandshakeRefusedError):
        async with LocalClient(alice, path, headers=headers):
            pass


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example", "file://"])
async def test_it_refuses_pages_of_other_sites(alice: User, origin: str) -> None:
    _, key = await in_database(tokens.create, alice, "tests", ["read"])
    door = {"Authorization": f"Bearer {key}", "Host": "localhost"}
    with pytest.raises(HandshakeRefusedError):
        async with LocalClient(alice, headers=door | {"Origin": origin}):
            pass
    async with LocalClient(alice, headers=door | {"Origin": "http://localhost"}) as client:
        await client.quiet()


async def test_the_hub_knows_when_somebody_was_last_active(alice: User, bob: User, room: Room) -> None:
    async with LocalClient(alice) as client:
        hub = hubs.ensure()
        began = hub.loop.time()
        assert hub.active_at < began
        await client.quiet()
        asked = hub.active_at
        assert asked >= began
        await in_database(speak, bob, room)
        await asyncio.sleep(0)
        assert hub.active_at == asked, "nobody here hears it"
        await client.request("stream.subscribe", stream=f"room:{room.pk}", after=None)
        asked = hub.active_at
        await in_database(speak, bob, room)
        await client.next_event("message.posted")
        assert hub.active_at > asked


async def test_it_knows_no_other_socket(alice: User) -> None:
    with pytest.raises(HandshakeRefusedError):
        async with LocalClient(alice, "/ws/else/"):
            pass


def sign_out(client: LocalClient) -> None:
    Session.objects.filter(session_key=client.session).delete()


def deactivate(client: LocalClient) -> None:
    User.objects.filter(pk=client.user.pk).update(is_active=False)


def change_password(client: LocalClient) -> None:
    client.user.set_password("another quiet lake")
    client.user.save()


def remove(client: LocalClient) -> None:
    client.user.delete()


@pytest.mark.parametrize("lose", [sign_out, deactivate, change_password, remove])
@pytest.mark.parametrize("path", SOCKETS)
async def test_an_identity_that_is_lost_closes_the_socket(
    charlie: User, path: str, lose: Callable[[LocalClient], None]
) -> None:
    async with LocalClient(charlie, path) as client:
        await client.quiet()
        await in_database(lose, client)
        assert await client.wait_closed(NOTICED_SECONDS) == 4401


async def test_a_revoked_token_closes_its_sockets_only(alice: User) -> None:
    async with LocalClient(alice, scopes=("read",)) as program, LocalClient(alice) as browser:
        await in_database(lambda: tokens.revoke(AccessToken.objects.get()))
        assert await program.wait_closed(NOTICED_SECONDS) == 4401
        await browser.quiet()
        assert browser.close_code is None


async def test_heartbeats_carry_the_heads(alice: User, room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "HEARTBEAT_SECONDS", 0)
    monkeypatch.setattr(hubs, "RECONCILE_SECONDS", 0.05)
    async with LocalClient(alice) as client:
        assert (await client.next_event("heartbeat"))["heads"] == {}
        await client.request("stream.subscribe", stream=f"room:{room.pk}", after=None)
        await client.next_event("heartbeat", heads={f"room:{room.pk}": 0})
        await in_database(speak, alice, room)
        await client.next_event("heartbeat", heads={f"room:{room.pk}": 1})


@pytest.mark.parametrize(
    "message",
    [
        {"type": "of.tomorrow", "stream": "room:1"},
        {"type": "frames"},
        {"type": "frames", "stream": "room:1", "frames": "x", "access": None},
        {"type": "whisper", "stream": 7},
        {},
    ],
)
async def test_announcements_of_another_version_are_ignored(alice: User, room: Room, message: dict[str, Any]) -> None:
    async with LocalClient(alice) as client:
        await client.request("stream.subscribe", stream=f"room:{room.pk}", after=None)
        layer = get_channel_layer()
        for group in (relay.EVERYONE, f"room.{room.pk}"):
            await layer.group_send(group, message)
        hub = hubs.current()
        assert hub is not None
        await in_database(speak, alice, room)
        assert (await client.next_event("message.posted"))["seq"] == 1
        assert not any(task.done() for task in hub._tasks)


async def test_streams_of_others_and_of_the_other_socket_are_not_found(alice: User, bob: User, room: Room) -> None:
    async with LocalClient(alice) as chat, LocalClient(alice, "/ws/notifications/") as inbox:
        for client, stream in (
            (inbox, f"inbox:{bob.pk}"),
            (chat, f"inbox:{bob.pk}"),
            (chat, f"inbox:{alice.pk}"),
            (inbox, f"room:{room.pk}"),
            (chat, "room:999999"),
        ):
            with pytest.raises(RefusedError, match="not_found"):
                await client.request("stream.subscribe", stream=stream, after=0)
        await inbox.request("stream.subscribe", stream=f"inbox:{alice.pk}", after=0)


async def test_a_token_does_what_its_scopes_allow(alice: User, room: Room) -> None:
    message = await in_database(speak, alice, room)
    async with LocalClient(alice, scopes=("read",)) as reader, LocalClient(alice, scopes=("write",)) as writer:
        await reader.request("stream.subscribe", stream=f"room:{room.pk}", after=0)
        with pytest.raises(RefusedError, match="forbidden"):
            await reader.request("message.edit", message=message["id"], body="x")
        await writer.request("message.edit", message=message["id"], body="x")
        with pytest.raises(RefusedError, match="forbidden"):
            await writer.request("stream.subscribe", stream=f"room:{room.pk}", after=0)


async def test_a_client_too_slow_to_keep_up_is_closed(alice: User, bob: User, room: Room, monkeypatch: Any) -> None:
    async with LocalClient(alice) as client, LocalClient(bob) as other:
        for each in (client, other):
            await each.request("stream.subscribe", stream=f"room:{room.pk}", after=None)
        hub = hubs.current()
        assert hub is not None
        (socket,) = [socket for socket in hub.sockets if socket.identity.user_id == alice.pk]
        socket.outlet._unsent = delivery.MAX_UNSENT_BYTES  # type: ignore[attr-defined]
        await in_database(speak, bob, room)
        assert await client.wait_closed() == 4408
        assert (await other.next_event("message.posted"))["seq"] == 1
        assert len(hub.sockets) == 1


async def test_a_reply_has_the_ref_of_its_command(alice: User) -> None:
    async with LocalClient(alice) as client:
        await client.send({"type": "ping"})
        assert await client.next_event("pong") == {"type": "pong"}
        await client.send({"type": "ping", "ref": "é" * 64})
        assert await client.next_event("pong") == {"type": "pong", "ref": "é" * 64}
        await client.send({"type": "stream.unsubscribe", "stream": "room:1"})
        await client.quiet()
        assert [e for e in client.events if e["type"] == "ok"] == [], "no ref, no ok"


async def test_nonsense_is_counted_as_well(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "COMMANDS_BURST", 3)
    monkeypatch.setattr(consumers, "COMMANDS_PER_SECOND", 0.1)
    async with LocalClient(alice) as a:
        for _ in range(5):
            await a.send_raw("{")
        answers = [(await a.next_event("error"))["code"] for _ in range(5)]
    assert answers == ["bad_json"] * 3 + ["rate_limited"] * 2


async def test_who_goes_beyond_a_limit_is_answered_slowly(alice: User, room: Room) -> None:
    """So that what comes then stays outside: the flood of refused commands costs no more than a few a second."""
    loop = asyncio.get_running_loop()
    async with LocalClient(alice) as a:
        began = loop.time()
        for _ in range(TYPING_BURST + 5):
            await a.send({"type": "typing.start", "room": room.pk})
        await a.quiet()
    refused = [event for event in a.events if event.get("code") == "rate_limited"]
    assert refused
    assert loop.time() - began > (len(refused) - 1) * consumers.SLOWED_DOWN_SECONDS
