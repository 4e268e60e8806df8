"""Making, changing and archiving rooms; who comes and goes; how far they have read."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import User
from chat.models import Membership, Message, Room
from chat.queries import visible_room
from chat.services.members import change_kind, put_member, remove_member
from chat.services.reading import read_room
from chat.services.rooms import change_room, create_room, free_slug
from chat.streams import RoomKind
from chatsite.realtime.commands import CommandError
from chatsite.realtime.streams import State
from notifications.models import InboxEvent, Notification
from tests.support.cast import add_member, make_user
from tests.unit.chat.conftest import FakeHub, speak


def code_of(function: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    with pytest.raises(CommandError) as refused:
        function(*args, **kwargs)
    return refused.value.code


def roles(room: Room) -> dict[str, str]:
    return dict(room.memberships.values_list("user__username", "role"))


def inbox_of(user: User) -> list[str]:
    return list(InboxEvent.objects.filter(inbox=user.pk).order_by("seq").values_list("type", flat=True))


def lines(room: Room) -> list[str]:
    return list(Message.objects.filter(room=room, kind="system").values_list("body", flat=True))


# --- Rooms ------------------------------------------------------------------


def test_who_makes_a_room_owns_it(alice: User, bob: User, told: FakeHub) -> None:
    room = told.commit(create_room, alice, name=" Garden ", kind="private", topic="Seeds", members=[bob.pk, alice.pk])
    assert (room.name, room.slug, room.topic, room.kind) == ("Garden", "garden", "Seeds", "private")
    assert roles(room) == {"alice": "owner", "bob": "member"}
    assert lines(room) == ["joined", "added Bob"]
    assert inbox_of(bob) == ["room.added", "notification.created"]
    assert [event["seq"] for event in told.of(room)] == [1, 2]


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"name": "  ", "kind": "public"}, "name"), ({"name": "", "kind": "direct"}, "members")],
)
def test_it_refuses_a_room_without_a_name_or_people(alice: User, fields: dict[str, Any], field: str) -> None:
    with pytest.raises(CommandError) as refused:
        create_room(alice, **fields)
    assert (refused.value.code, refused.value.field) == ("invalid", field)
    assert not Room.objects.exists()


def test_it_refuses_people_who_are_not_here(alice: User, bob: User) -> None:
    bob.is_active = False
    bob.save()
    assert code_of(create_room, alice, name="Garden", kind="public", members=[bob.pk]) == "invalid"
    assert code_of(create_room, alice, name="Garden", kind="public", members=[10**9]) == "invalid"
    assert code_of(create_room, alice, name="Garden", kind="public", members=range(1, 200)) == "invalid"


def test_a_direct_room_for_the_same_people_exists_once(alice: User, bob: User, charlie: User) -> None:
    first = create_room(alice, name="", kind="direct", members=[bob.pk])
    assert create_room(bob, name="", kind="direct", members=[alice.pk]) == first
    assert create_room(alice, name="", kind="direct", members=[bob.pk, charlie.pk]) != first
    assert not lines(first)


def test_an_address_comes_from_the_name_and_is_free(alice: User, room: Room) -> None:
    assert free_slug("Über die Wörter") == "uber-die-worter"
    assert free_slug("Green room").startswith("green-room-")
    assert free_slug("日本").startswith("room-")
    assert free_slug("new").startswith("new-")
    assert free_slug("dm-abc").startswith("dm-abc-")


def test_owners_and_moderators_change_a_room(alice: User, bob: User, dina: User, room: Room, told: FakeHub) -> None:
    told.commit(change_room, alice, room.pk, name="Blue room", topic="Sky")
    assert told.commit(change_room, dina, room.pk, topic="Sea").topic == "Sea"
    assert lines(room) == [
        "renamed the room to “Blue room”",
        "changed the topic to “Sky”",
        "changed the topic to “Sea”",
    ]
    assert [hint["type"] for _, hint, _ in told.hints] == ["room.changed", "room.changed"]
    assert code_of(change_room, bob, room.pk, topic="Sand") == "forbidden"


def test_a_change_to_what_is_already_says_nothing(alice: User, room: Room) -> None:
    change_room(alice, room.pk, name=room.name, topic="", archived=False)
    assert lines(room) == []


def test_an_outsider_changes_nothing_and_learns_nothing(charlie: User, room: Room, public_room: Room) -> None:
    assert code_of(change_room, charlie, room.pk, topic="Mine") == "not_found"
    assert code_of(change_room, charlie, public_room.pk, topic="Mine") == "forbidden"


def test_a_room_is_archived_and_opened_again(alice: User, bob: User, room: Room) -> None:
    assert change_room(alice, room.pk, archived=True).archived_at is not None
    assert code_of(speak, bob, room) == "archived"
    assert change_room(alice, room.pk, archived=False).archived_at is None
    assert speak(bob, room)["body"] == "Hello"
    assert lines(room) == ["archived the room", "opened the room again"]


def test_a_name_cannot_be_taken_away(alice: User, room: Room) -> None:
    assert code_of(change_room, alice, room.pk, name="  ") == "invalid"


def test_nobody_changes_a_direct_room(alice: User, bob: User) -> None:
    direct = create_room(alice, name="", kind="direct", members=[bob.pk])
    assert code_of(change_room, alice, direct.pk, topic="Ours") == "forbidden"


# --- Members ----------------------------------------------------------------


def test_anybody_joins_a_public_room(charlie: User, public_room: Room, told: FakeHub) -> None:
    _, new = told.commit(put_member, charlie, public_room.pk, charlie.pk)
    assert new
    assert roles(public_room)["charlie"] == "member"
    assert lines(public_room) == ["joined"]
    assert inbox_of(charlie) == ["room.added"]
    assert [hint["type"] for _, hint, _ in told.hints] == ["member.joined"]


def test_joining_twice_changes_nothing(bob: User, public_room: Room) -> None:
    assert put_member(bob, public_room.pk, bob.pk)[1] is False
    assert lines(public_room) == []


def test_what_was_said_before_one_joined_is_read(alice: User, charlie: User, public_room: Room) -> None:
    speak(alice, public_room)
    put_member(charlie, public_room.pk, charlie.pk)
    assert visible_room(charlie, pk=public_room.pk).unread == 0


def test_nobody_joins_a_private_room_by_themselves(charlie: User, room: Room) -> None:
    assert code_of(put_member, charlie, room.pk, charlie.pk) == "not_found"


def test_nobody_joins_with_a_rank(charlie: User, public_room: Room) -> None:
    assert code_of(put_member, charlie, public_room.pk, charlie.pk, "owner") == "forbidden"


def test_owners_and_moderators_invite_to_a_private_room(
    alice: User, bob: User, charlie: User, dina: User, room: Room
) -> None:
    assert code_of(put_member, bob, room.pk, charlie.pk) == "forbidden"
    assert put_member(dina, room.pk, charlie.pk)[1]
    assert Notification.objects.get().kind == "room.added"
    erin = make_user("erin")
    assert put_member(alice, room.pk, erin.pk, "moderator")[1]
    assert roles(room)["erin"] == "moderator"


def test_members_invite_to_a_public_room(bob: User, charlie: User, public_room: Room) -> None:
    assert put_member(bob, public_room.pk, charlie.pk)[1]


def test_nobody_gives_a_rank_above_their_own(bob: User, charlie: User, dina: User, room: Room) -> None:
    assert code_of(put_member, dina, room.pk, bob.pk, "owner") == "forbidden"
    assert code_of(put_member, dina, room.pk, charlie.pk, "owner") == "forbidden"
    assert code_of(put_member, bob, room.pk, bob.pk, "moderator") == "forbidden"
    assert put_member(dina, room.pk, bob.pk, "moderator")[0].role == "moderator"


def test_a_moderator_does_not_demote_an_owner(alice: User, dina: User, room: Room) -> None:
    assert code_of(put_member, dina, room.pk, alice.pk, "member") == "forbidden"


def test_it_refuses_to_add_who_is_not_there(alice: User, room: Room) -> None:
    assert code_of(put_member, alice, room.pk, 10**9) == "invalid"


def test_nobody_is_added_to_an_archived_or_a_direct_room(alice: User, bob: User, charlie: User, room: Room) -> None:
    direct = create_room(alice, name="", kind="direct", members=[bob.pk])
    assert code_of(put_member, alice, direct.pk, charlie.pk) == "forbidden"
    change_room(alice, room.pk, archived=True)
    assert code_of(put_member, alice, room.pk, charlie.pk) == "archived"


def test_who_is_removed_is_told_and_reads_no_more(alice: User, bob: User, room: Room, told: FakeHub) -> None:
    told.commit(remove_member, alice, room.pk, bob.pk)
    assert roles(room) == {"alice": "owner"}
    assert lines(room) == ["removed Bob"]
    assert inbox_of(bob) == ["room.removed"]
    assert RoomKind().readers(room.pk, [alice.pk, bob.pk]) == {alice.pk}
    assert RoomKind().states([room.pk]) == {room.pk: State(head=1, access=1)}
    (told_access,) = [access for stream, _, access in told.frames if stream == f"room:{room.pk}"]
    assert told_access == 1, "the frame that says so wants its readers checked"


def test_members_leave(bob: User, room: Room) -> None:
    remove_member(bob, room.pk, bob.pk)
    assert (lines(room), inbox_of(bob)) == (["left"], ["room.removed"])
    assert code_of(speak, bob, room) == "not_found"


def test_only_who_outranks_somebody_removes_them(alice: User, bob: User, charlie: User, dina: User, room: Room) -> None:
    assert code_of(remove_member, bob, room.pk, dina.pk) == "forbidden"
    assert code_of(remove_member, dina, room.pk, alice.pk) == "forbidden"
    assert code_of(remove_member, charlie, room.pk, bob.pk) == "not_found"
    assert code_of(remove_member, alice, room.pk, charlie.pk) == "not_found"
    remove_member(dina, room.pk, bob.pk)
    assert "bob" not in roles(room)


def test_the_last_owner_stays_while_others_are_there(alice: User, bob: User, room: Room) -> None:
    assert code_of(remove_member, alice, room.pk, alice.pk) == "forbidden"
    assert code_of(put_member, alice, room.pk, alice.pk, "member") == "forbidden"
    put_member(alice, room.pk, bob.pk, "owner")
    remove_member(alice, room.pk, alice.pk)
    assert roles(room) == {"bob": "owner"}
    remove_member(bob, room.pk, bob.pk)
    assert roles(room) == {}


def test_nobody_leaves_a_direct_room(alice: User, bob: User) -> None:
    direct = create_room(alice, name="", kind="direct", members=[bob.pk])
    assert code_of(remove_member, alice, direct.pk, alice.pk) == "forbidden"


def test_a_room_made_private_has_its_readers_checked(charlie: User, public_room: Room, told: FakeHub) -> None:
    assert RoomKind().readers(public_room.pk, [charlie.pk]) == {charlie.pk}
    told.commit(change_kind, public_room, kind="private")
    assert RoomKind().readers(public_room.pk, [charlie.pk]) == set()
    assert RoomKind().states([public_room.pk])[public_room.pk].access == 1
    assert [hint["room"]["kind"] for _, hint, _ in told.hints if hint["type"] == "room.changed"] == ["private"]


# --- Reading ----------------------------------------------------------------


def test_the_read_mark_moves_forwards_only(alice: User, bob: User, room: Room) -> None:
    for _ in range(3):
        speak(alice, room)
    assert read_room(bob, room.pk, 2) == {"room": room.pk, "last_read_seq": 2, "unread": 1, "mentions": 0}
    assert read_room(bob, room.pk, 1)["last_read_seq"] == 2
    assert Membership.objects.get(user=bob).last_read_seq == 2
    assert inbox_of(bob) == ["room.read"], "the other tabs are told once"


def test_nobody_reads_past_the_head(alice: User, bob: User, room: Room) -> None:
    speak(alice, room)
    assert read_room(bob, room.pk, 2**62)["last_read_seq"] == 1
    speak(alice, room)
    assert visible_room(bob, pk=room.pk).unread == 1


def test_reading_reads_what_waits_about_the_room(alice: User, bob: User, room: Room) -> None:
    speak(alice, room, "@bob")
    assert visible_room(bob, pk=room.pk).mentions == 1
    assert read_room(bob, room.pk, 1)["mentions"] == 0
    assert Notification.objects.get().read_at is not None
    assert inbox_of(bob) == ["notification.created", "notification.read", "room.read"]


def test_what_was_said_after_the_mark_still_waits(alice: User, bob: User, room: Room) -> None:
    speak(alice, room, "Hello")
    speak(alice, room, "@bob")
    assert read_room(bob, room.pk, 1)["mentions"] == 1
    assert Notification.objects.get().read_at is None


def test_only_members_have_a_read_mark(charlie: User, room: Room, public_room: Room) -> None:
    assert code_of(read_room, charlie, room.pk, 1) == "not_found"
    assert code_of(read_room, charlie, public_room.pk, 1) == "not_found"
    add_member(public_room, charlie)
    assert read_room(charlie, public_room.pk, 1)["last_read_seq"] == 0
