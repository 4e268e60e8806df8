"""The admin site changes rooms and messages through the services, so open sockets see it."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from chat.models import Membership, Message, Room
from tests.unit.chat.conftest import FakeHub, speak

FORM = {
    "memberships-TOTAL_FORMS": "0",
    "memberships-INITIAL_FORMS": "0",
    "memberships-MIN_NUM_FORMS": "0",
    "memberships-MAX_NUM_FORMS": "1000",
}


@pytest.fixture
def desk(client: Client, admin: User) -> Client:
    """The administrator's browser."""
    client.force_login(admin)
    return client


def act(desk: Client, told: FakeHub, page: str, action: str, *pks: int) -> Any:
    answer = told.commit(desk.post, page, {"action": action, "_selected_action": [str(pk) for pk in pks]}, follow=True)
    assert answer.status_code == 200
    return answer


def test_a_room_is_archived_and_the_room_told(desk: Client, room: Room, told: FakeHub) -> None:
    act(desk, told, "/admin/chat/room/", "archive", room.pk)
    room.refresh_from_db()
    assert room.archived_at is not None
    (event,) = told.of(room)
    assert (event["message"]["kind"], event["message"]["body"]) == ("system", "archived the room")
    act(desk, told, "/admin/chat/room/", "reopen", room.pk)
    room.refresh_from_db()
    assert room.archived_at is None


def test_a_message_becomes_a_tombstone_that_clients_see(desk: Client, bob: User, room: Room, told: FakeHub) -> None:
    message = speak(bob, room, "Regretted")
    act(desk, told, "/admin/chat/message/", "bury", message["id"])
    row = Message.objects.get()
    assert (row.body, row.html, row.changed_seq) == ("", "", 2)
    (event,) = told.of(room)
    assert (event["type"], event["message"]["body"]) == ("message.deleted", "")


def test_what_people_wrote_is_only_read(desk: Client, bob: User, room: Room) -> None:
    message = speak(bob, room, "Mine")
    page = desk.get(f"/admin/chat/message/{message['id']}/change/")
    assert page.status_code == 200
    assert b'name="body"' not in page.content
    assert desk.post(f"/admin/chat/message/{message['id']}/change/", {"body": "Yours"}).status_code == 403
    assert desk.get("/admin/chat/message/add/").status_code == 403
    assert desk.post(f"/admin/chat/message/{message['id']}/delete/", {"post": "yes"}).status_code == 403


def test_a_renamed_room_says_so(desk: Client, room: Room, told: FakeHub) -> None:
    form = {"name": "Blue room", "topic": "", "kind": "private", **FORM}
    answer = told.commit(desk.post, f"/admin/chat/room/{room.pk}/change/", form)
    assert answer.status_code == 302
    room.refresh_from_db()
    assert (room.name, room.head_seq) == ("Blue room", 1)
    assert [event["message"]["body"] for event in told.of(room)] == ["renamed the room to “Blue room”"]
    assert told.hints[-1][1]["type"] == "room.changed"


def test_a_room_made_private_counts_its_readers_anew(desk: Client, public_room: Room, told: FakeHub) -> None:
    form = {"name": public_room.name, "topic": "", "kind": "private", **FORM}
    told.commit(desk.post, f"/admin/chat/room/{public_room.pk}/change/", form)
    public_room.refresh_from_db()
    assert (public_room.kind, public_room.access_version) == ("private", 1)


def test_members_come_and_go_through_the_services(
    desk: Client, bob: User, charlie: User, room: Room, told: FakeHub
) -> None:
    theirs = Membership.objects.get(room=room, user=bob)
    page = f"/admin/chat/membership/{theirs.pk}/delete/"
    told.commit(desk.post, page, {"post": "yes"})
    room.refresh_from_db()
    assert not Membership.objects.filter(room=room, user=bob).exists()
    assert room.access_version == 1
    assert [event["message"]["body"] for event in told.of(room)] == ["removed Bob"]
    told.commit(desk.post, "/admin/chat/membership/add/", {"room": room.pk, "user": charlie.pk, "role": "member"})
    assert Membership.objects.get(room=room, user=charlie).joined_at <= timezone.now()
    assert told.of(room)[-1]["message"]["body"] == "added Charlie"


def test_members_are_edited_on_the_rooms_page(desk: Client, alice: User, bob: User, room: Room, told: FakeHub) -> None:
    rows = list(Membership.objects.filter(room=room).order_by("pk"))
    form = FORM | {"memberships-TOTAL_FORMS": "2", "memberships-INITIAL_FORMS": "2"}
    for number, row in enumerate(rows):
        form |= {f"memberships-{number}-{key}": str(value) for key, value in [("id", row.pk), ("room", room.pk)]}
        form |= {f"memberships-{number}-user": str(row.user_id), f"memberships-{number}-role": row.role}
    form["memberships-1-role"] = "moderator"
    answer = told.commit(
        desk.post, f"/admin/chat/room/{room.pk}/change/", {"name": room.name, "topic": "", "kind": "private", **form}
    )
    assert answer.status_code == 302
    assert Membership.objects.get(room=room, user=bob).role == "moderator"


def test_a_new_room_gets_its_address(desk: Client, admin: User, told: FakeHub) -> None:
    told.commit(desk.post, "/admin/chat/room/add/", {"name": "Harbour 2027", "topic": "", "kind": "public", **FORM})
    room = Room.objects.get()
    assert (room.slug, room.created_by) == ("harbour-2027", admin)


def test_rooms_are_not_deleted(desk: Client, room: Room) -> None:
    assert desk.post(f"/admin/chat/room/{room.pk}/delete/", {"post": "yes"}).status_code == 403
