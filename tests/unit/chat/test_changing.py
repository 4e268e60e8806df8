"""Editing, deleting, reacting: each by whom it is allowed, at the room's next seq."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from chat.models import Membership, Message, Reaction, Room
from chat.services.changing import MAX_EMOJI_PER_MESSAGE, add_reaction, delete_message, edit_message, remove_reaction
from chat.services.system import say
from chat.streams import RoomKind
from chatsite.realtime.commands import CommandError
from tests.unit.chat.conftest import FakeHub, speak


def code_of(function: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    with pytest.raises(CommandError) as refused:
        function(*args, **kwargs)
    return refused.value.code


def test_the_author_edits(bob: User, room: Room, told: FakeHub) -> None:
    message = speak(bob, room, "Helo")
    edited = told.commit(edit_message, bob, message["id"], "**Hello**")
    assert (edited["body"], edited["html"]) == ("**Hello**", "<p><strong>Hello</strong></p>")
    assert (edited["seq"], edited["changed_seq"]) == (1, 2)
    assert edited["edited_at"] is not None
    (event,) = told.of(room)
    assert (event["type"], event["seq"], event["message"]) == (
        "message.edited",
        2,
        edited | {"client_id": str(edited["client_id"])},
    )


def test_an_edit_that_changes_nothing_is_not_told(bob: User, room: Room, told: FakeHub) -> None:
    message = speak(bob, room, "Hello")
    assert told.commit(edit_message, bob, message["id"], "Hello")["edited_at"] is None
    assert (told.frames, Room.objects.get().head_seq) == ([], 1)


def test_nobody_else_edits(alice: User, bob: User, dina: User, charlie: User, room: Room) -> None:
    message = speak(bob, room)
    assert code_of(edit_message, alice, message["id"], "No") == "forbidden"
    assert code_of(edit_message, dina, message["id"], "No") == "forbidden"
    assert code_of(edit_message, charlie, message["id"], "No") == "not_found"
    assert Message.objects.get().body == "Hello"


def test_what_is_not_there_or_not_for_one_is_not_found(bob: User, charlie: User, room: Room) -> None:
    message = speak(bob, room)
    for function, args in (
        (edit_message, ("x",)),
        (delete_message, ()),
        (add_reaction, ("👍",)),
        (remove_reaction, ("👍",)),
    ):
        assert code_of(function, bob, 10**9, *args) == "not_found"
        assert code_of(function, charlie, message["id"], *args) == "not_found"


def test_who_left_changes_nothing(bob: User, room: Room) -> None:
    message = speak(bob, room)
    Membership.objects.filter(user=bob).delete()
    assert code_of(edit_message, bob, message["id"], "No") == "not_found"
    assert code_of(delete_message, bob, message["id"]) == "not_found"


def test_nothing_changes_in_an_archived_room_or_by_who_is_muted(bob: User, room: Room) -> None:
    message = speak(bob, room)
    Membership.objects.filter(user=bob).update(muted_at=timezone.now())
    assert code_of(edit_message, bob, message["id"], "No") == "muted"
    assert code_of(add_reaction, bob, message["id"], "👍") == "muted"
    Room.objects.update(archived_at=timezone.now())
    assert code_of(edit_message, bob, message["id"], "No") == "archived"
    assert code_of(delete_message, bob, message["id"]) == "archived"
    assert code_of(add_reaction, bob, message["id"], "👍") == "archived"


def test_the_author_deletes(bob: User, room: Room, told: FakeHub) -> None:
    message = speak(bob, room, "Secret")
    add_reaction(bob, message["id"], "👍")
    gone = told.commit(delete_message, bob, message["id"])
    assert (gone["body"], gone["html"], gone["reactions"]) == ("", "", [])
    assert gone["deleted_at"] is not None
    assert (Message.objects.get().body, Reaction.objects.count()) == ("", 0)
    assert "Secret" not in str(told.events)
    assert told.of(room)[-1]["type"] == "message.deleted"


def test_a_moderator_and_an_owner_delete(alice: User, bob: User, dina: User, room: Room) -> None:
    for who in (alice, dina):
        assert delete_message(who, speak(bob, room)["id"])["deleted_at"]


def test_a_member_deletes_only_their_own(alice: User, bob: User, room: Room) -> None:
    assert code_of(delete_message, bob, speak(alice, room)["id"]) == "forbidden"


def test_nobody_edits_or_deletes_what_the_room_says(alice: User, room: Room) -> None:
    line = say(room, alice, "topic", "Autumn")
    assert code_of(edit_message, alice, line.pk, "Spring") == "forbidden"
    assert code_of(delete_message, alice, line.pk) == "forbidden"


def test_deleting_twice_is_told_once(bob: User, room: Room, told: FakeHub) -> None:
    message = speak(bob, room)
    told.commit(delete_message, bob, message["id"])
    assert told.commit(delete_message, bob, message["id"])["deleted_at"]
    assert len(told.frames) == 1


def test_what_was_deleted_stays_as_it_is(bob: User, room: Room) -> None:
    message = speak(bob, room)
    delete_message(bob, message["id"])
    assert code_of(edit_message, bob, message["id"], "Back") == "forbidden"
    assert code_of(add_reaction, bob, message["id"], "👍") == "forbidden"


def test_the_administration_deletes_without_being_a_member(admin: User, bob: User, room: Room, told: FakeHub) -> None:
    message = speak(bob, room)
    assert told.commit(delete_message, admin, message["id"], as_admin=True)["deleted_at"]
    assert told.of(room)[-1]["type"] == "message.deleted"


def test_people_react(alice: User, bob: User, room: Room, told: FakeHub) -> None:
    message = speak(bob, room)
    add_reaction(alice, message["id"], "👍")
    told.commit(add_reaction, bob, message["id"], "👍")
    add_reaction(bob, message["id"], "🎉")
    expected = [{"emoji": "👍", "users": [alice.pk, bob.pk]}]
    assert told.of(room)[-1]["message"]["reactions"] == expected
    assert told.of(room)[-1]["type"] == "message.reacted"
    assert remove_reaction(bob, message["id"], "🎉")["reactions"] == expected


def test_reacting_and_taking_back_are_idempotent(bob: User, room: Room, told: FakeHub) -> None:
    message = speak(bob, room)
    for _ in range(2):
        assert told.commit(add_reaction, bob, message["id"], "👍")["reactions"]
    assert (Reaction.objects.count(), len(told.frames)) == (1, 1)
    for _ in range(2):
        assert told.commit(remove_reaction, bob, message["id"], "👍")["reactions"] == []
    assert (Reaction.objects.count(), len(told.frames)) == (0, 2)


def test_a_message_takes_only_so_many_different_reactions(bob: User, alice: User, room: Room) -> None:
    message = speak(bob, room)
    for number in range(MAX_EMOJI_PER_MESSAGE):
        add_reaction(bob, message["id"], chr(0x1F600 + number))
    assert code_of(add_reaction, bob, message["id"], "👍") == "invalid"
    assert add_reaction(alice, message["id"], chr(0x1F600))["reactions"][0]["users"] == [bob.pk, alice.pk]


def test_a_replay_is_compacted(alice: User, bob: User, room: Room) -> None:
    """A message changed meanwhile comes once, at its last place, and says what it follows."""
    first, second = speak(alice, room, "1"), speak(bob, room, "2")
    speak(alice, room, "3")
    edit_message(alice, first["id"], "1, edited")
    delete_message(bob, second["id"])
    frames = RoomKind().read(room.pk, 0, 10)
    assert [(frame.after, frame.seq) for frame in frames] == [(0, 3), (3, 4), (4, 5)]
    assert ['"after":0' in frame.text for frame in frames] == [True, False, False]
    assert [(f.after, f.seq) for f in RoomKind().read(room.pk, 3, 10)] == [(3, 4), (4, 5)]
