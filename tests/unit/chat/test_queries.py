"""What is read: pages of history, unread counts, search; never more than one may see."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from chat import queries, seen
from chat.models import Membership, Message, Room
from chat.payloads import room_payload
from chat.services.changing import delete_message, edit_message
from chat.services.reading import read_room
from chat.services.rooms import change_room
from chatsite.realtime.commands import CommandError
from tests.support.cast import add_member, make_room
from tests.unit.chat.conftest import speak


def page(user: User, room: Room, before: int | None = None, after: int | None = None, limit: int = 3) -> dict[str, Any]:
    return queries.history(user, room.pk, before=before, after=after, limit=limit)


def seqs(found: dict[str, Any]) -> list[int]:
    return [message["seq"] for message in found["messages"]]


def bodies(found: dict[str, Any]) -> list[str]:
    return [message["body"] for message in found["messages"]]


def test_history_comes_in_pages_oldest_first(alice: User, room: Room) -> None:
    for number in range(1, 8):
        speak(alice, room, f"Number {number}")
    newest = page(alice, room)
    assert (seqs(newest), newest["has_more"]) == ([5, 6, 7], True)
    middle = page(alice, room, before=5)
    assert (seqs(middle), middle["has_more"]) == ([2, 3, 4], True)
    oldest = page(alice, room, before=2)
    assert (seqs(oldest), oldest["has_more"]) == ([1], False)
    onwards = page(alice, room, after=4)
    assert (seqs(onwards), onwards["has_more"]) == ([5, 6, 7], False)
    assert seqs(page(alice, room, after=7)) == []


def test_history_stays_in_its_order_when_something_is_changed(alice: User, room: Room) -> None:
    first = speak(alice, room, "1")
    speak(alice, room, "2")
    edit_message(alice, first["id"], "1, edited")
    assert bodies(page(alice, room)) == ["1, edited", "2"]


def test_history_keeps_the_place_of_what_was_deleted(alice: User, room: Room) -> None:
    delete_message(alice, speak(alice, room, "Secret")["id"])
    (gone,) = page(alice, room)["messages"]
    assert (gone["body"], gone["html"], gone["seq"]) == ("", "", 1)


def test_history_brings_what_was_answered_elsewhere(alice: User, room: Room) -> None:
    asked = speak(alice, room, "When?")
    for _ in range(2):
        speak(alice, room)
    speak(alice, room, "Now", reply_to=asked["id"])
    assert [message["body"] for message in page(alice, room, limit=2)["quoted"]] == ["When?"]
    assert page(alice, room, limit=4)["quoted"] == [], "it is on the page"


def test_history_is_for_who_may_see_the_room(alice: User, charlie: User, room: Room, public_room: Room) -> None:
    speak(alice, public_room, "Open")
    assert bodies(page(charlie, public_room)) == ["Open"]
    with pytest.raises(CommandError) as refused:
        page(charlie, room)
    assert refused.value.code == "not_found"


def test_unread_counts_what_others_said(alice: User, bob: User, room: Room) -> None:
    first = speak(alice, room)
    speak(alice, room)
    speak(bob, room)
    change_room(alice, room.pk, topic="Autumn")
    assert queries.visible_room(bob, pk=room.pk).unread == 2
    delete_message(alice, first["id"])
    assert queries.visible_room(bob, pk=room.pk).unread == 1
    read_room(bob, room.pk, 2)
    assert queries.visible_room(bob, pk=room.pk).unread == 0
    assert queries.visible_room(alice, pk=room.pk).unread == 1


def test_a_room_one_is_not_in_has_nothing_unread(alice: User, charlie: User, public_room: Room) -> None:
    speak(alice, public_room)
    detail = queries.room_detail(charlie, public_room.pk)
    assert (detail["unread"], detail["role"], detail["last_read_seq"]) == (0, None, 0)


def test_rooms_are_those_one_is_in_and_the_public_ones(
    alice: User, bob: User, charlie: User, room: Room, public_room: Room
) -> None:
    assert {r.pk for r in seen.visible_rooms(bob)} == {room.pk, public_room.pk}
    assert [r.pk for r in seen.visible_rooms(charlie)] == [public_room.pk]
    assert seen.rooms_of(charlie) == []
    with pytest.raises(CommandError):
        queries.visible_room(charlie, pk=room.pk)


def test_a_direct_room_is_named_after_the_others(alice: User, bob: User) -> None:
    direct = make_room("dm-1", alice, [bob], kind=Room.Kind.DIRECT, people_key=f"{alice.pk}-{bob.pk}", name="")
    assert queries.room_detail(alice, direct.pk)["name"] == "Bob"
    assert queries.room_detail(bob, direct.pk)["name"] == "Alice"
    assert queries.sidebar(alice)["people"][0]["person"]["id"] == bob.pk


def test_the_sidebar_has_no_archived_rooms(alice: User, room: Room) -> None:
    assert len(queries.sidebar(alice)["rooms"]) == 1
    Room.objects.update(archived_at=timezone.now())
    assert queries.sidebar(alice) == {"rooms": [], "people": []}


def test_a_public_room_without_a_name_is_listed_by_its_address(alice: User) -> None:
    make_room("room-x7", alice, kind=Room.Kind.PUBLIC, name="")
    (found,) = seen.public_rooms(alice, "")
    assert room_payload(found)["name"] == "room-x7"


def test_search_finds_only_what_one_may_see(
    alice: User, bob: User, charlie: User, room: Room, public_room: Room
) -> None:
    speak(alice, room, "A secret apple")
    speak(alice, public_room, "An open APPLE")
    assert bodies(queries.search(bob, "apple")) == ["An open APPLE", "A secret apple"]
    assert bodies(queries.search(charlie, "apple")) == ["An open APPLE"]
    assert bodies(queries.search(charlie, "apple", room_id=room.pk)) == []


def test_search_forgets_with_the_membership(alice: User, bob: User, room: Room) -> None:
    speak(alice, room, "A secret apple")
    Membership.objects.filter(user=bob).delete()
    assert bodies(queries.search(bob, "apple")) == []
    add_member(room, bob)
    assert bodies(queries.search(bob, "apple")) == ["A secret apple"]


def test_search_leaves_out_what_was_deleted_and_what_the_room_says(alice: User, room: Room) -> None:
    delete_message(alice, speak(alice, room, "apple")["id"])
    change_room(alice, room.pk, topic="apple")
    assert bodies(queries.search(alice, "apple")) == []


def test_search_is_narrowed(alice: User, bob: User, room: Room, public_room: Room) -> None:
    speak(alice, room, "apple 1")
    speak(bob, public_room, "apple 2")
    Message.objects.filter(body="apple 1").update(created_at=timezone.now() - timedelta(days=2))
    yesterday = timezone.now() - timedelta(days=1)
    assert bodies(queries.search(bob, "apple", room_id=room.pk)) == ["apple 1"]
    assert bodies(queries.search(bob, "apple", author_id=bob.pk)) == ["apple 2"]
    assert bodies(queries.search(bob, "apple", before=yesterday)) == ["apple 1"]
    assert bodies(queries.search(bob, "apple", after=yesterday)) == ["apple 2"]


@pytest.mark.parametrize("text", ["100%", "a_b", "\\", "'", '"'])
def test_search_takes_signs_as_they_are(alice: User, room: Room, text: str) -> None:
    speak(alice, room, f"x {text} y")
    speak(alice, room, "100 a-b")
    assert bodies(queries.search(alice, text)) == [f"x {text} y"]
