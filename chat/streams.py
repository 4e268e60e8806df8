"""The stream `room:<room id>`: a room's messages, each at its latest change."""

from collections.abc import Collection, Mapping
from typing import Any

from chat.events import MESSAGE_EVENTS, MessagePosted
from chat.models import Membership, Message, Room
from chat.payloads import message_payload
from chat.queries import room_details
from chatsite.realtime.events import Frame, encode
from chatsite.realtime.streams import State, StreamKind, register


class RoomKind(StreamKind):
    """Catching up is one indexed query; it needs no second log.

    A message that changed again comes once, at its last place, so a run has positions
    that it skips; each frame says which one it follows.
    """

    name = "room"

    def states(self, pks: Collection[int]) -> dict[int, State]:
        rooms = Room.objects.filter(pk__in=pks).values_list("pk", "head_seq", "access_version")
        return {pk: State(head, access) for pk, head, access in rooms}

    def read(self, pk: int, after: int, limit: int) -> list[Frame]:
        frames = []
        for message in Message.objects.changed_after(pk, after).whole()[:limit]:
            frames.append(message_frame(message, after))
            after = message.changed_seq
        return frames

    def readers(self, pk: int, user_ids: Collection[int]) -> set[int]:
        room = Room.objects.filter(pk=pk).values_list("kind", flat=True).first()
        if room is None:
            return set()
        if room == Room.Kind.PUBLIC:
            return set(user_ids)
        return set(Membership.objects.filter(room=pk, user__in=user_ids).values_list("user", flat=True))

    def greetings(self, readers: Mapping[int, Collection[int]]) -> dict[tuple[int, int], dict[str, Any]]:
        return {pair: {"room": detail} for pair, detail in room_details(readers).items()}


def message_frame(message: Message, after: int | None = None) -> Frame:
    """The event of a message's latest change. Wants the message whole."""
    event = MESSAGE_EVENTS[message.change](message_payload(message))
    return encode(event, f"room:{message.room_id}", message.changed_seq, message.changed_at, after)


def posted_frame(room_id: int, seq: int, at: str, message: str) -> Frame:
    """As `message_frame`, for one just posted, whose JSON is there already."""
    head = f'{{"type":"{MessagePosted.type}","stream":"room:{room_id}","seq":{seq},"at":"{at}","message":'
    return Frame(seq - 1, seq, head + message + "}")


register(RoomKind())
