"""What happens in rooms, one definition per kind of event."""

from dataclasses import dataclass
from typing import Any, ClassVar

from chat.models import Message
from chatsite.realtime.events import DurableEvent, EphemeralEvent


@dataclass(frozen=True, slots=True)
class MessagePosted(DurableEvent):
    """On the room's stream: the whole message as it now is; so in the three that follow."""

    type: ClassVar[str] = "message.posted"
    message: dict[str, Any]


@dataclass(frozen=True, slots=True)
class MessageEdited(DurableEvent):
    type: ClassVar[str] = "message.edited"
    message: dict[str, Any]


@dataclass(frozen=True, slots=True)
class MessageDeleted(DurableEvent):
    type: ClassVar[str] = "message.deleted"
    message: dict[str, Any]


@dataclass(frozen=True, slots=True)
class MessageReacted(DurableEvent):
    type: ClassVar[str] = "message.reacted"
    message: dict[str, Any]


MESSAGE_EVENTS: dict[str, type[MessagePosted | MessageEdited | MessageDeleted | MessageReacted]] = {
    Message.Change.POSTED: MessagePosted,
    Message.Change.EDITED: MessageEdited,
    Message.Change.DELETED: MessageDeleted,
    Message.Change.REACTED: MessageReacted,
}


@dataclass(frozen=True, slots=True)
class RoomRead(DurableEvent):
    """On the reader's own inbox: their mark in a room moved, here or in another tab."""

    type: ClassVar[str] = "room.read"
    room: int
    last_read_seq: int
    unread: int
    mentions: int


@dataclass(frozen=True, slots=True)
class RoomAdded(DurableEvent):
    """On the inbox of somebody who is now in a room."""

    type: ClassVar[str] = "room.added"
    room: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RoomRemoved(DurableEvent):
    """On the inbox of somebody who left a room or was removed from it."""

    type: ClassVar[str] = "room.removed"
    room: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RoomChanged(EphemeralEvent):
    """A hint that name, topic, kind or archive changed."""

    type: ClassVar[str] = "room.changed"
    room: dict[str, Any]


@dataclass(frozen=True, slots=True)
class MemberJoined(EphemeralEvent):
    """Somebody is in a room now, or has another role there or another right to write."""

    type: ClassVar[str] = "member.joined"
    room: int
    member: dict[str, Any]


@dataclass(frozen=True, slots=True)
class MemberLeft(EphemeralEvent):
    type: ClassVar[str] = "member.left"
    room: int
    user: int


@dataclass(frozen=True, slots=True)
class TypingStarted(EphemeralEvent):
    """Somebody writes; believe it for 5 s."""

    type: ClassVar[str] = "typing.started"
    room: int
    user: dict[str, Any]


@dataclass(frozen=True, slots=True)
class PresenceChanged(EphemeralEvent):
    type: ClassVar[str] = "presence.changed"
    users: list[int]
    presence: str
