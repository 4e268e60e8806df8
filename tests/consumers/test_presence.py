"""Who is here: told to everybody once, and remembered for whoever comes later."""

import asyncio
import time

import pytest

from accounts.models import User
from chat import presence
from chat.models import Room
from chat.presence import attendance
from chatsite.realtime.threads import in_database
from tests.support.local import LocalClient

MANY = 20

pytestmark = pytest.mark.usefixtures("here")


async def test_who_comes_is_told_to_everybody(alice: User, bob: User, charlie: User) -> None:
    async with LocalClient(charlie) as stranger, LocalClient(bob):
        await stranger.next_event("presence.changed", users=[bob.pk], presence="online")


async def test_those_who_come_at_once_are_told_together(
    alice: User, bob: User, charlie: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with LocalClient(alice) as client:
        await client.next_event("presence.changed", users=[alice.pk])
        told, go_on = asyncio.Event(), asyncio.Event()
        attempt = attendance._attempt

        async def held(*args: object) -> None:
            told.set()
            await go_on.wait()
            await attempt(*args)

        monkeypatch.setattr(attendance, "_attempt", held)
        attendance.enter(-1)  # while its statement runs, two more come
        await told.wait()
        attendance.enter(bob.pk)
        attendance.enter(charlie.pk)
        go_on.set()
        seen = await client.next_event("presence.changed", users=[-1])
        assert seen["presence"] == "online"
        both = await client.next_event("presence.changed", presence="online")
        assert sorted(both["users"]) == sorted([bob.pk, charlie.pk])
        for user_id in (-1, bob.pk, charlie.pk):
            attendance.leave(user_id)


async def test_many_are_not_told_of_each_one_by_itself(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    rest = 0.05
    async with LocalClient(alice) as client:
        await client.next_event("presence.changed", users=[alice.pk])
        monkeypatch.setattr(presence, "REST_A_PERSON", rest)  # and there is one person at least
        began = time.monotonic()
        for number in range(1, MANY + 1):
            attendance.enter(-number)
            await in_database(presence.refresh, [alice.pk])  # as long as telling of one takes, about
        heard: set[int] = set()
        rounds = 0
        while len(heard) < MANY:
            heard.update((await client.next_event("presence.changed"))["users"])
            rounds += 1
        assert rounds <= (time.monotonic() - began) / rest + 1
        for number in range(1, MANY + 1):
            attendance.leave(-number)


async def test_a_second_tab_is_no_news(alice: User, bob: User) -> None:
    async with LocalClient(alice) as client, LocalClient(bob):
        await client.next_event("presence.changed", users=[bob.pk])
        async with LocalClient(bob) as tab:
            await tab.quiet()
            await client.quiet()
            assert not [event for event in client.events if event.get("users") == [bob.pk]]


async def test_a_room_s_greeting_shows_who_is_here(alice: User, bob: User, room: Room) -> None:
    async with LocalClient(alice) as client:
        await client.next_event("presence.changed", users=[alice.pk])
        ok = await client.request("stream.subscribe", stream=f"room:{room.pk}", after=None)
        shown = {member["name"]: member["presence"] for member in ok["room"]["members"]}
        assert shown == {alice.name: "online", bob.name: "offline"}


async def test_who_has_gone_is_told_when_nobody_serves_them_any_more(
    alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with LocalClient(alice) as client:
        await in_database(presence.refresh, [bob.pk])
        await in_database(presence.part, [bob.pk])  # another process has just seen him
        monkeypatch.setattr(presence, "HERE_SECONDS", 0)
        await in_database(presence.part, [alice.pk, bob.pk])
        gone = await client.next_event("presence.changed", presence="offline")
        assert sorted(gone["users"]) == sorted([alice.pk, bob.pk])
        assert not [event for event in client.events if event.get("presence") == "offline"]
