"""How far people have read: the marks of many at once, in one transaction."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Q

from accounts.models import User
from chat.events import RoomRead
from chat.marks import Pair, note_marks, standings, waiting_mentions
from chat.models import Membership, Room
from chat.seen import unread_in
from chat.statements import read_background
from chatsite.realtime.commands import not_found
from chatsite.realtime.identity import Identity, IdentityLostError
from notifications.models import Notification
from notifications.services.inbox import append_to_inboxes, lock_inboxes, mark_read

ABOUT_MESSAGES = [Notification.Kind.MENTION, Notification.Kind.REPLY, Notification.Kind.DIRECT]


@dataclass(frozen=True, slots=True)
class Mark:
    """Somebody says that they have read a room up to `seq`. `identity` as with a `Post`."""

    user_id: int
    room_id: int
    seq: int
    identity: Identity | None = None

    @property
    def pair(self) -> Pair:
        return self.room_id, self.user_id


def read_room(user: User, room_id: int, seq: int) -> dict[str, Any]:
    """Moves one mark. Raises `not_found` for who is no member."""
    (result,) = move_marks([Mark(user.pk, room_id, seq)])
    if isinstance(result, Exception):
        raise result
    return result


def move_marks(marks: Sequence[Mark]) -> list[dict[str, Any] | Exception]:
    """Moves marks forwards, never back and never past the head; of several in one room the farthest counts.

    What waits in the inbox about those messages is read with them. Tells each person's other tabs.
    Gives `{room, last_read_seq, unread, mentions}`, or a refusal that concerns its own mark alone.
    Where nothing is to be done, which whoever repeats themselves can ask for at any time, no
    transaction is begun: on SQLite it would keep others from writing.
    """
    asked = _Marks(marks)
    if asked.move_nothing():
        return asked.results(asked.told())
    with transaction.atomic():
        asked = _Marks(marks, locked=True)
        return asked.results(asked.move())


class _Marks:
    """What decides about marks, read at once; and what becomes of them."""

    def __init__(self, marks: Sequence[Mark], locked: bool = False) -> None:
        self.marks = marks
        self.lost = _lost(marks)
        wanted: dict[Pair, int] = {}
        for mark in marks:
            if mark.identity not in self.lost:
                wanted[mark.pair] = max(mark.seq, wanted.get(mark.pair, 0))
        self.standings = standings(wanted.keys(), locked)
        self.places = {
            pair: max(stands.last_read_seq, min(wanted[pair], stands.head_seq))
            for pair, stands in self.standings.items()
        }
        self.moving = [pair for pair, stands in self.standings.items() if self.places[pair] > stands.last_read_seq]
        self.mentions = waiting_mentions(self.standings.keys())
        self.read = {pair: ids for pair in self.mentions if (ids := _read_with(pair, self.places[pair]))}

    def move_nothing(self) -> bool:
        return not self.moving and not self.read

    def move(self) -> dict[Pair, RoomRead]:
        """Gives what `told` does."""
        note_marks({self.standings[pair].id: self.places[pair] for pair in self.moving})
        if self.read:
            self._read_notifications()
        told = self.told()
        events: dict[int, list[RoomRead]] = defaultdict(list)
        for pair in self.moving:
            events[pair[1]].append(told[pair])
        append_to_inboxes(events)
        return told

    def _read_notifications(self) -> None:
        lock_inboxes({user_id for _, user_id in self.standings})  # all at once, in order
        for (_, user_id), ids in self.read.items():
            mark_read(user_id, ids=ids)
        self.mentions = waiting_mentions(self.standings.keys())

    def told(self) -> dict[Pair, RoomRead]:
        """What is said of each mark, as it now is."""
        unread = self._unread()
        return {
            pair: RoomRead(pair[0], place, unread.get(pair, 0), self.mentions.get(pair, 0))
            for pair, place in self.places.items()
        }

    def _unread(self) -> dict[Pair, int]:
        """Nothing is, and nothing is asked, for who has read all."""
        behind = [stands for pair, stands in self.standings.items() if self.places[pair] < stands.head_seq]
        if not behind:
            return {}
        rooms = Room.objects.in_bulk({stands.room_id for stands in behind})
        return unread_in(rooms, Membership.objects.filter(pk__in=[stands.id for stands in behind]))

    def results(self, told: Mapping[Pair, RoomRead]) -> list[dict[str, Any] | Exception]:
        return [
            IdentityLostError() if mark.identity in self.lost
            else told[mark.pair].payload() if mark.pair in told
            else not_found()
            for mark in self.marks
        ]  # fmt: skip


def _lost(marks: Sequence[Mark]) -> set[Identity]:
    identities = {mark.identity for mark in marks if mark.identity is not None}
    return read_background({mark.pair for mark in marks}, identities, sent=()).lost if identities else set()


def _read_with(pair: Pair, seq: int) -> list[int]:
    """What waits about the room's messages up to `seq`, and about having come into the room."""
    room_id, user_id = pair
    read = Q(kind__in=ABOUT_MESSAGES, data__seq__lte=seq) | Q(kind=Notification.Kind.ROOM_ADDED)
    waiting = Notification.objects.filter(read, user=user_id, read_at=None, room_ref=room_id).order_by()
    return list(waiting.values_list("pk", flat=True))
