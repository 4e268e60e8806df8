"""A large site, written by the database itself: the same rows for the same `Size`, in seconds.

Wants empty tables; ids count from 1. Room 1 is the large one, in which everybody is and which
holds a fifth of all messages; nine in ten rooms are small and alike. Person 1 is in every room,
has never read anything and has an inbox that overflows; the others are in fewer and fewer rooms
and have read most of what is there.
"""

from typing import NamedTuple

from django.contrib.sessions.models import Session
from django.core.management.color import no_style
from django.db import connection, models, transaction
from django.db.models import OuterRef, Subquery

from accounts.models import AccessToken, User
from chat.models import Aside, Membership, Message, Reaction, Room
from notifications.models import Inbox, InboxEvent, Job, Notification

BUSIEST = 1  # the person
LARGEST = 1  # the room
FEWEST_ROOMS = 20
PASSWORD = "nobody signs in with it"
RARE_WORD, COMMON_WORD = "kumquat", "deploy"
FILLED: list[type[models.Model]] = [
    *(User, AccessToken, Room, Membership, Job, Message, Aside, Reaction, Inbox, InboxEvent, Notification),
]
FIRST_MOMENT = 1_767_225_600  # 1 January 2026, in seconds
DIALECTS = {
    "sqlite": {
        "moment": f"datetime({FIRST_MOMENT} + {{}}, 'unixepoch')",
        "uuid": "printf('%032x', {})",
        "json": "{}",
    },
    "postgresql": {
        "moment": f"to_timestamp({FIRST_MOMENT} + {{}})",
        "uuid": "CAST(lpad(to_hex({}), 32, '0') AS uuid)",
        "json": "CAST({} AS jsonb)",
    },
}


class Size(NamedTuple):
    people: int
    rooms: int
    messages: int
    notifications: int  # of person 1; a hundredth of it for each of the others

    def of_rooms(self) -> list[int]:
        """Messages of each room."""
        few = max(1, self.rooms // 50)
        many = self.rooms - 1 - few
        others = [self.messages // 4 // few] * few + [self.messages * 11 // 20 // many] * many
        return [self.messages - sum(others), *others]


LARGE = Size(people=2_000, rooms=500, messages=1_000_000, notifications=20_000)
SMALL = Size(people=300, rooms=60, messages=60_000, notifications=2_000)


def fill(size: Size) -> None:
    """Everything in one transaction, where there is none yet."""
    with transaction.atomic():
        _fill_people(size)
        _fill_rooms(size)
        _fill_memberships(size)
        _fill_inboxes(size)
        first = 1
        for room, messages in enumerate(size.of_rooms(), 1):
            _fill_messages(size, room, messages, first)
            first += messages
        _fill_asides()
        _fill_reactions(size)
        _reset_sequences()


def head_of(messages: int) -> int:
    """The head of a room with so many messages: each tenth seq is a change."""
    return messages + (messages - 1) // 9


def _fill_people(size: Size) -> None:
    person = {
        "id": "i", "username": "'person-' || i", "display_name": "'Person ' || i", "email": "i || '@example.org'",
        "password": f"'{PASSWORD}'", "is_superuser": "FALSE", "is_staff": "FALSE", "is_active": "TRUE",
        "date_joined": _moment("0"), "avatar": "''", "language": "''", "time_zone": "''", "theme": "'system'",
    }  # fmt: skip
    _insert(User, person, _series(size.people))
    token = {
        "id": "i", "user_id": "i", "name": "'program'", "digest": "'digest-' || i", "hint": "''",
        "scopes": _json("'[\"read\"]'"), "created_at": _moment("0"),
    }  # fmt: skip
    _insert(AccessToken, token, _series(size.people))
    session = {"session_key": "'session-' || i", "session_data": "''", "expire_date": _moment("i + 1000000000")}
    _insert(Session, session, _series(size.people))


def _fill_rooms(size: Size) -> None:
    """One in four is public."""
    heads = " ".join(f"WHEN {room} THEN {head_of(many)}" for room, many in enumerate(size.of_rooms(), 1))
    room = {
        "id": "i", "slug": "'room-' || i", "name": "'Room ' || i", "topic": "''", "created_by_id": "1",
        "kind": "CASE WHEN i % 4 = 0 THEN 'public' ELSE 'private' END", "created_at": _moment("0"),
        "head_seq": f"CASE i {heads} END", "asides": "0", "access_version": "0",
    }  # fmt: skip
    _insert(Room, room, _series(size.rooms))


def _fill_memberships(size: Size) -> None:
    """Person 1 is everywhere, the last one in the fewest rooms. Seven in ten have read everything."""
    fewest = min(FEWEST_ROOMS, size.rooms)
    few = size.people // 50
    rooms_of = f"{fewest} + {size.rooms - fewest} * {few} / (p.id - 1 + {few})"
    behind = "CASE WHEN (r.id * 31 + p.id * 17) % 10 < 7 THEN 0 ELSE r.head_seq * ((r.id + p.id) % 10) / 10 END"
    membership = {
        "room_id": "r.id", "user_id": "p.id", "joined_at": _moment("0"),
        "role": "CASE WHEN p.id = 2 THEN 'owner' ELSE 'member' END",
        "last_read_seq": f"CASE WHEN p.id = {BUSIEST} THEN 0 ELSE r.head_seq - ({behind}) END",
    }  # fmt: skip
    pairs = (
        f"SELECT {{}} FROM chat_room r CROSS JOIN accounts_user p WHERE r.id = {LARGEST}"
        f" OR (r.id + p.id * 37) % {size.rooms} < {rooms_of}"
    )
    _insert(Membership, membership, pairs)


def _fill_messages(size: Size, room: int, messages: int, first: int) -> None:
    """One in a hundred is deleted, two in a hundred are the room's own, some are changed or answer others."""
    head = head_of(messages)
    seq, pk = "(i + (i - 1) / 9)", f"(i + {first - 1})"
    is_changed = f"({seq} % 10 = 7 AND {seq} + 3 <= {head})"
    is_deleted = f"({is_changed} AND {seq} / 10 % 10 = 0)"
    is_edited = f"({is_changed} AND {seq} / 10 % 10 BETWEEN 1 AND 4)"
    words = f"CASE {pk} % 4 WHEN 0 THEN 'the {COMMON_WORD} is through, please look at the graphs'"
    words += " WHEN 1 THEN 'who takes the review of the new page?' WHEN 2 THEN 'lunch at noon, the place by the river'"
    words += f" ELSE 'good morning' END || CASE WHEN {pk} % 100000 = 7 THEN ' {RARE_WORD}' ELSE '' END"
    change = f"CASE WHEN {is_deleted} THEN 'deleted' WHEN {is_edited} THEN 'edited' WHEN {is_changed} THEN 'reacted'"
    text = f"CASE WHEN {is_deleted} THEN '' ELSE {seq} || ': ' || {words} END"
    message = {
        "id": pk, "room_id": str(room), "seq": seq, "change": f"{change} ELSE 'posted' END",
        "changed_seq": f"CASE WHEN {is_changed} THEN {seq} + 3 ELSE {seq} END",
        "kind": f"CASE WHEN {seq} % 50 = 1 THEN 'system' ELSE 'text' END",
        "author_id": f"1 + (i * 7919 + {room} * 104729) % 2147483647 % {size.people}",
        "client_id": f"CASE WHEN {seq} % 50 = 1 THEN NULL ELSE {_dialect('uuid', pk)} END",
        "body": text, "html": f"'<p>' || {text} || '</p>'",
        "reply_to_id": f"CASE WHEN {seq} % 20 = 5 AND i > 200 THEN {pk} - 200 END",
        "created_at": _moment(pk), "changed_at": _moment(pk),
        "edited_at": f"CASE WHEN {is_edited} THEN {_moment(pk)} END",
        "deleted_at": f"CASE WHEN {is_deleted} THEN {_moment(pk)} END",
    }  # fmt: skip
    _insert(Message, message, _series(messages))


def _fill_asides() -> None:
    """Where the room itself spoke, and where no message was born: there one was changed."""
    born_or_changed = (
        "SELECT room_id, seq FROM chat_message WHERE kind = 'system'"
        " UNION ALL SELECT room_id, changed_seq FROM chat_message WHERE changed_seq > seq"
    )
    aside = {"room_id": "room_id", "seq": "seq", "number": "row_number() OVER (PARTITION BY room_id ORDER BY seq)"}
    _insert(Aside, aside, f"SELECT {{}} FROM ({born_or_changed}) AS places")
    Room.objects.update(
        asides=Subquery(Aside.objects.filter(room=OuterRef("pk")).order_by("-seq").values("number")[:1])
    )


def _fill_reactions(size: Size) -> None:
    """Two on each message that was reacted to last."""
    reaction = {
        "message_id": "m.id", "user_id": f"1 + (m.id + n) % {size.people}", "emoji": "'👍'",
        "created_at": "m.changed_at",
    }  # fmt: skip
    pairs = "SELECT {} FROM chat_message m CROSS JOIN (SELECT 1 AS n UNION ALL SELECT 2) AS two"
    _insert(Reaction, reaction, pairs + " WHERE m.change = 'reacted'")


def _fill_inboxes(size: Size) -> None:
    """As many events as notifications; one in ten of these is unread, each about one of the rooms."""
    many = f"(CASE p.id WHEN {BUSIEST} THEN {size.notifications} ELSE {size.notifications // 100} END)"
    _insert(Inbox, {"user_id": "p.id", "head_seq": many}, "SELECT {} FROM accounts_user p")
    each = f"{_with_series(size.notifications)} SELECT {{}} FROM accounts_user p JOIN series ON i <= {many}"
    room = f"(i * 13 + p.id) % {size.rooms} + 1"
    event = {
        "inbox_id": "p.id", "seq": "i", "type": "'room.read'", "at": _moment("i"),
        "payload": _json(f"'{{\"room\": ' || ({room}) || ', \"last_read_seq\": 1, \"unread\": 0, \"mentions\": 0}}'"),
    }  # fmt: skip
    _insert(InboxEvent, event, each)
    data = f'\'{{"room": {{"id": \' || ({room}) || \', "name": "Room", "slug": "room"}}, "seq": \' || i || \'}}\''
    notification = {
        "user_id": "p.id", "actor_id": f"1 + (p.id + i) % {size.people}", "text": "'Please look'", "url": "'/'",
        "kind": "CASE i % 3 WHEN 0 THEN 'mention' WHEN 1 THEN 'reply' ELSE 'room.added' END",
        "data": _json(data), "created_at": _moment("i"),
        "read_at": f"CASE WHEN i % 10 = 0 THEN NULL ELSE {_moment('i')} END",
    }  # fmt: skip
    _insert(Notification, notification, each)


# --- SQL ----------------------------------------------------------------------


def _insert(model: type[models.Model], columns: dict[str, str], source: str) -> None:
    """`source` is a SELECT with `{}` where its columns go."""
    names = ", ".join(f'"{name}"' for name in columns)
    select = source.replace("{}", ", ".join(columns.values()))
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {model._meta.db_table} ({names}) {select}")


def _series(many: int) -> str:
    """A source with `i` from 1 to `many`."""
    return f"{_with_series(many)} SELECT {{}} FROM series"


def _with_series(many: int) -> str:
    return f"WITH RECURSIVE series(i) AS (SELECT CAST(1 AS bigint) UNION ALL SELECT i + 1 FROM series WHERE i < {many})"


def _dialect(name: str, expression: str) -> str:
    return DIALECTS[connection.vendor][name].format(expression)


def _moment(seconds: str) -> str:
    return _dialect("moment", seconds)


def _json(text: str) -> str:
    return _dialect("json", text)


def _reset_sequences() -> None:
    """PostgreSQL gives out ids from 1 although rows have them."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), FILLED):
            cursor.execute(statement)
