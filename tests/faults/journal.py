"""What one client lived through, in order: the evidence that `checker` judges.

All times are seconds of this process's monotonic clock.
"""

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeVar

Fate = Literal["applied", "dropped", "hole"]


class Connected(NamedTuple):
    at: float
    connection: int


class Disconnected(NamedTuple):
    """The socket went away; `code` is the close code, 1006 for none, or an HTTP status of a refused handshake."""

    at: float
    connection: int
    code: int


class Attempt(NamedTuple):
    """A post was sent; `connection` tells on which socket."""

    at: float
    connection: int
    room: int
    client_id: str


class Ack(NamedTuple):
    at: float
    client_id: str
    message: int
    seq: int


class Refusal(NamedTuple):
    at: float
    client_id: str
    code: str


class Deferred(NamedTuple):
    """A refusal that may pass, as `internal` or `rate_limited`: it is sent again."""

    at: float
    client_id: str
    code: str


class Unknown(NamedTuple):
    """The socket went away before the reply to this post."""

    at: float
    client_id: str


class Changed(NamedTuple):
    """An edit, a deletion or a reaction was acknowledged; the message then stood at `changed_seq`."""

    at: float
    command: str
    message: int
    changed_seq: int


class Subscribed(NamedTuple):
    """The server's `ok`; `began` is when it was asked, `after` what it was asked for."""

    at: float
    began: float
    stream: str
    after: int
    head: int
    epoch: str
    reset: bool


class Denied(NamedTuple):
    at: float
    stream: str
    code: str


class Receipt(NamedTuple):
    """A durable event. `message` is its id and `client_id` the sender's; in an inbox it is the job's id or 0."""

    at: float
    stream: str
    seq: int
    after: int
    type: str
    message: int
    client_id: str
    fate: Fate


class Page(NamedTuple):
    """History loaded after a reset: (message id, seq) in order, asked for at `began`."""

    at: float
    began: float
    stream: str
    messages: tuple[tuple[int, int], ...]


class Hole(NamedTuple):
    """The client saw that it lacks something after `position`, and asks again."""

    at: float
    stream: str
    position: int
    seen_by: Literal["event", "heartbeat"]


class SignedOut(NamedTuple):
    """From `at` on this client's identity holds no longer: it was revoked and the revocation committed."""

    at: float
    how: str


class SignedIn(NamedTuple):
    """At `at` a new identity was asked for; with that an old one may hold again."""

    at: float


Entry = (
    Connected
    | Disconnected
    | Attempt
    | Ack
    | Refusal
    | Deferred
    | Unknown
    | Changed
    | Subscribed
    | Denied
    | Receipt
    | Page
    | Hole
    | SignedOut
    | SignedIn
)
Kind = TypeVar("Kind")

_connections = itertools.count(1)


@dataclass
class Journal:
    """`positions` is where the client stands in each stream that it follows; `outbox` what it still has to send."""

    name: str
    person: int
    entries: list[Entry] = field(default_factory=list)
    positions: dict[str, int] = field(default_factory=dict)
    outbox: int = 0

    def note(self, entry: Entry) -> None:
        self.entries.append(entry)

    def connected(self) -> int:
        """A new connection's number, which no other client has."""
        number = next(_connections)
        self.note(Connected(time.monotonic(), number))
        return number

    def all(self, kind: type[Kind]) -> Iterator[Kind]:
        return (entry for entry in self.entries if isinstance(entry, kind))

    def begin_again(self) -> "Journal":
        """The entries so far as a journal of their own; this one goes on without them."""
        past = Journal(self.name, self.person, self.entries, dict(self.positions), self.outbox)
        self.entries = []
        return past


@dataclass
class Absence:
    """Somebody was taken out of a room; `ended` is when their return was asked for, None while they are out.

    `began` is when the removal was asked for, 0 for who was out when the evidence begins; `confirmed` is when
    it was known to be committed.
    """

    person: int
    stream: str
    began: float
    confirmed: float
    ended: float | None = None
