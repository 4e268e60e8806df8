"""What a room says of itself: joins, topics and the like are messages, too."""

from functools import partial

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from chat.markup import system_html
from chat.models import Aside, Message, Room
from chat.streams import message_frame
from chatsite.realtime.announce import announce

# In English, for programs; browsers say it in the reader's language by the event's name.
TEXTS = {
    "joined": "joined",
    "left": "left",
    "added": "added {}",
    "removed": "removed {}",
    "renamed": "renamed the room to “{}”",
    "topic": "changed the topic to “{}”",
    "archived": "archived the room",
    "reopened": "opened the room again",
}


def say(room: Room, actor: User, event: str, argument: str = "") -> Message:
    """Appends a system message. Wants the room's row locked in a transaction."""
    now = timezone.now()
    text = TEXTS[event].format(argument)
    seq = next_aside(room)
    message = Message.objects.create(
        room=room, kind=Message.Kind.SYSTEM, author=actor, body=text, html=system_html(text, event, argument),
        seq=seq, changed_seq=seq, changed_at=now, created_at=now,
    )  # fmt: skip
    message.given_reactions = []  # yet
    announcement = partial(announce, f"room:{room.pk}", [message_frame(message)], room.access_version)
    transaction.on_commit(announcement, robust=True)
    return message


def next_aside(room: Room) -> int:
    """Gives out the room's next seq for something that is no talk. Wants the room's row locked in a transaction."""
    room.head_seq += 1
    room.asides += 1
    room.save(update_fields=["head_seq", "asides"])
    Aside.objects.create(room=room, seq=room.head_seq, number=room.asides)
    return room.head_seq
