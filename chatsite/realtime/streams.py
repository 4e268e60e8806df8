"""Streams: ordered, durable logs with a dense seq, by kind.

An app registers one `StreamKind` per kind of stream that it owns. Seqs are given
out under the lock of the stream's row, so that seq order is commit order is the
order of visibility; ids are not, and a reader of `id > last` loses rows for ever.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import Any, ClassVar, NamedTuple

from chatsite.realtime.commands import MAX_ID, not_found
from chatsite.realtime.events import Frame
from chatsite.realtime.models import Deployment, new_epoch


class State(NamedTuple):
    """A stream's last seq, and a number that rises whenever its circle of readers may have shrunk."""

    head: int
    access: int


class StreamKind(ABC):
    """How one kind of stream is read. All methods read the database and may block."""

    name: ClassVar[str]

    @abstractmethod
    def states(self, pks: Collection[int]) -> dict[int, State]:
        """The states of those that exist, in one query."""

    @abstractmethod
    def read(self, pk: int, after: int, limit: int) -> list[Frame]:
        """Up to `limit` frames with seq > `after`, in order, each following the one before.

        One statement, so that the run is a snapshot: without a limit its last frame
        is the head. The first frame says truthfully what it follows.
        """

    @abstractmethod
    def readers(self, pk: int, user_ids: Collection[int]) -> set[int]:
        """Who of these may follow it."""

    @abstractmethod
    def greetings(self, readers: Mapping[int, Collection[int]]) -> dict[tuple[int, int], dict[str, Any]]:
        """What `ok` of `stream.subscribe` tells besides the position, by row and user; who may not follow is left out.

        Few queries, however many rows and users they are.
        """


_kinds: dict[str, StreamKind] = {}


def register(kind: StreamKind) -> None:
    _kinds[kind.name] = kind


def is_stream(name: str) -> bool:
    """Whether it is the one name of what may be a stream."""
    kind, _, pk = name.partition(":")
    return kind in _kinds and pk.isascii() and pk.isdigit() and str(int(pk[:20])) == pk and int(pk) <= MAX_ID


def parse(stream: str) -> tuple[StreamKind, int]:
    """The kind and the row of `room:7`. Raises `not_found` for what is no such name."""
    if not is_stream(stream):
        raise not_found()
    name, _, pk = stream.partition(":")
    return _kinds[name], int(pk)


def may_follow(user_id: int, stream: str) -> bool:
    kind, pk = parse(stream)
    return user_id in kind.readers(pk, [user_id])


def states_of(streams: Collection[str]) -> dict[str, State]:
    """The states of many streams, one query a kind."""
    by_kind: dict[str, list[int]] = {}
    for stream in streams:
        name, _, pk = stream.partition(":")
        by_kind.setdefault(name, []).append(int(pk))
    return {f"{name}:{pk}": state for name, pks in by_kind.items() for pk, state in _kinds[name].states(pks).items()}


def epoch() -> str:
    """The deployment's epoch; made at the first call."""
    return Deployment.objects.get_or_create(pk=1)[0].epoch


def renew_epoch() -> None:
    """Makes all cursors of before obsolete: their holders start afresh. Each process notices within a second."""
    Deployment.objects.update_or_create(pk=1, defaults={"epoch": new_epoch()})
