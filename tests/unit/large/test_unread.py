"""Unread counts are reckoned from seqs. They are what counting would give."""

import random
from collections.abc import Callable

import pytest

from accounts.models import User
from chat import seen
from chat.models import Aside, Membership, Message, Room
from chat.queries import visible_room
from chat.services.changing import add_reaction, delete_message, edit_message
from chat.services.reading import read_room
from chat.services.rooms import change_room
from tests.support.cast import add_member
from tests.unit.chat.conftest import speak

STEPS = 40


def counted(user: User, room: Room) -> int:
    """The definition: what others said after the mark, and that is still there."""
    mark = Membership.objects.get(user=user, room=room).last_read_seq
    said = Message.objects.filter(room=room, seq__gt=mark, deleted_at=None).exclude(kind="system")
    return sum(message.author_id != user.pk for message in said)


@pytest.mark.parametrize("seed", range(2))
def test_they_are_what_counting_gives(alice: User, bob: User, charlie: User, room: Room, seed: int) -> None:
    add_member(room, charlie)
    chance, people = random.Random(seed), [alice, bob, charlie]
    deeds: list[Callable[[], object]] = [
        lambda: speak(chance.choice(people), room),
        lambda: speak(alice, room, "More"),
        lambda: edit_message(alice, some_message(chance, room, alice), f"Edited {chance.random()}"),
        lambda: add_reaction(bob, some_message(chance, room), chance.choice("👍🎉👀")),
        lambda: delete_message(alice, some_message(chance, room, alice)),
        lambda: change_room(alice, room.pk, topic=f"Topic {chance.random()}"),
        lambda: read_room(charlie, room.pk, chance.randint(0, Room.objects.get().head_seq)),
    ]
    for _ in range(STEPS):
        if Message.objects.filter(kind="text", author=alice, deleted_at=None).count() < 3:
            speak(alice, room)
        chance.choice(deeds)()
        for person in people:
            (listed,) = seen.rooms_of(person)
            assert (listed.unread, visible_room(person, pk=room.pk).unread) == (counted(person, room),) * 2
    told = Room.objects.get()
    assert list(Aside.objects.order_by("seq").values_list("number", flat=True)) == list(range(1, told.asides + 1))
    assert Message.objects.exclude(kind="system").count() == told.head_seq - told.asides


def some_message(chance: random.Random, room: Room, author: User | None = None) -> int:
    found = Message.objects.filter(room=room, kind="text", deleted_at=None)
    if author is not None:
        found = found.filter(author=author)
    return chance.choice(list(found.values_list("pk", flat=True)))


def test_they_belong_to_the_head_that_is_told(alice: User, bob: User, room: Room) -> None:
    """What comes while a room is read is told as an event afterwards, and counted then."""
    first = speak(alice, room)
    speak(alice, room)
    as_read = Room.objects.get()
    speak(bob, room)
    delete_message(alice, first["id"])
    speak(alice, room)
    assert seen.seen_by({as_read: [bob.pk]})[as_read.pk, bob.pk].unread == 2
    assert visible_room(bob, pk=room.pk).unread == 2, "one deleted, one new"
