"""Events: one definition per kind, one encoding per event.

An event is a past-tense fact. Durable ones stand in a stream and carry its `seq`;
ephemeral ones may be lost and are never needed for correctness.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, ClassVar, NamedTuple

from pydantic_core import to_json

EVENT_TYPES: dict[str, type["Event"]] = {}


@dataclass(frozen=True, slots=True)
class Event:
    """A fact told to clients; a subclass's fields are the event's own keys."""

    type: ClassVar[str]

    def __init_subclass__(cls) -> None:
        # A slotted dataclass is made twice; the class that comes later is the real one.
        if "type" in cls.__dict__:
            EVENT_TYPES[cls.type] = cls

    def payload(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, slots=True)
class DurableEvent(Event):
    """Stands in a stream, in commit order, for good."""


@dataclass(frozen=True, slots=True)
class EphemeralEvent(Event):
    """Told once to whoever listens now."""


class Frame(NamedTuple):
    """One encoded durable event: it takes a client from any position in [after, seq) to seq."""

    after: int
    seq: int
    text: str


def rfc3339(moment: datetime) -> str:
    """`2026-11-21T09:24:00.123456Z`."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def json_text(value: Any) -> str:
    return to_json(value).decode()


def encode(event: DurableEvent, stream: str, seq: int, at: datetime, after: int | None = None) -> Frame:
    """The frame of an event at its place in a stream.

    `after` names the position that the event follows where that isn't `seq - 1`: in a
    replay that leaves out what a later change made obsolete.
    """
    return frame_from(event.type, event.payload(), stream, seq, at, after)


def frame_from(
    type: str, payload: Mapping[str, Any], stream: str, seq: int, at: datetime, after: int | None = None
) -> Frame:
    """As `encode`, for an event kept in columns."""
    follows = seq - 1 if after is None else after
    head: dict[str, Any] = {"type": type, "stream": stream, "seq": seq, "at": rfc3339(at)}
    if follows != seq - 1:
        head["after"] = follows
    return Frame(follows, seq, json_text(head | dict(payload)))


def encode_ephemeral(event: EphemeralEvent, stream: str | None) -> str:
    head = {"type": event.type} if stream is None else {"type": event.type, "stream": stream}
    return json_text(head | event.payload())
