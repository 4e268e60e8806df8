"""The statements that posting is made of, the same few for one post and for many.

They are written by hand, for once: to have the ORM build them anew for each batch took two
thirds of the time that a post costs. Lists go in as JSON, one parameter each, and what was
found comes out as JSON, one value each, so that no statement's text depends on how many
there are. Call them in one transaction, in their order.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.utils import timezone
from pydantic_core import from_json

from accounts.identities import lost_among
from accounts.payloads import Person, person_from
from chatsite.realtime.events import json_text
from chatsite.realtime.identity import Identity

Statement = Mapping[str, str]  # the database's name → its SQL


class LockedRoom(NamedTuple):
    id: int
    kind: str
    archived_at: str | None
    head_seq: int
    access_version: int


class Standing(NamedTuple):
    """What a membership says of the right to write."""

    muted_at: str | None


class Author(NamedTuple):
    id: int
    username: str
    display_name: str
    avatar: str
    password: str
    is_active: bool

    def payload(self) -> Person:
        return person_from(self.id, self.username, self.display_name, self.avatar)


class Row(NamedTuple):
    """What is new in a new message."""

    room_id: int
    seq: int
    author_id: int
    client_id: str
    body: str
    html: str
    reply_to_id: int | None


class Background(NamedTuple):
    """What decides about posts, as of now."""

    memberships: dict[tuple[int, int], Standing]  # by room and user
    authors: dict[int, Author]
    lost: set[Identity]  # those that hold no longer
    seen: set[tuple[int, UUID]]  # by author and client_id


LOCK_ROOMS: Statement = {
    "sqlite": """SELECT json_group_array(json_array(id, kind, archived_at, head_seq, access_version))
        FROM chat_room WHERE id IN (SELECT value FROM json_each(%s))
    """,
    "postgresql": """SELECT json_agg(json_build_array(id, kind, archived_at, head_seq, access_version))::text FROM (
            SELECT id, kind, archived_at, head_seq, access_version FROM chat_room
            WHERE id IN (SELECT jsonb_array_elements(%s)::bigint) ORDER BY id FOR NO KEY UPDATE
        ) AS locked
    """,
}


def lock_rooms(ids: Iterable[int]) -> dict[int, LockedRoom]:
    """The rooms that there are, locked in the order of their ids until the transaction ends.

    SQLite has one writer at a time, who began by becoming it: there nothing is left to lock.
    """
    return {row[0]: LockedRoom(*row) for row in ask(LOCK_ROOMS[connection.vendor], sorted(ids))}


READ_BACKGROUND: Statement = {
    "sqlite": """SELECT json_array(
            (SELECT json_group_array(json_array(room_id, user_id, muted_at))
             FROM json_each(%s) AS given CROSS JOIN chat_membership
             ON room_id = json_extract(given.value, '$[0]') AND user_id = json_extract(given.value, '$[1]')),
            (SELECT json_group_array(json_array(id, username, display_name, avatar, password, is_active))
             FROM accounts_user WHERE id IN (SELECT value FROM json_each(%s))),
            (SELECT json_group_array(session_key) FROM django_session
             WHERE session_key IN (SELECT value FROM json_each(%s)) AND expire_date > %s),
            (SELECT json_group_array(id) FROM accounts_accesstoken
             WHERE id IN (SELECT value FROM json_each(%s))
             AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > %s)),
            (SELECT json_group_array(json_array(author_id, client_id))
             FROM json_each(%s) AS given CROSS JOIN chat_message
             ON author_id = json_extract(given.value, '$[0]') AND client_id = json_extract(given.value, '$[1]'))
        )
    """,
    "postgresql": """SELECT json_build_array(
            (SELECT json_agg(json_build_array(room_id, user_id, muted_at))
             FROM jsonb_array_elements(%s) AS given JOIN chat_membership
             ON room_id = (given->0)::bigint AND user_id = (given->1)::bigint),
            (SELECT json_agg(json_build_array(id, username, display_name, avatar, password, is_active))
             FROM accounts_user WHERE id IN (SELECT jsonb_array_elements(%s)::bigint)),
            (SELECT json_agg(session_key) FROM django_session
             WHERE session_key IN (SELECT jsonb_array_elements_text(%s)) AND expire_date > %s),
            (SELECT json_agg(id) FROM accounts_accesstoken
             WHERE id IN (SELECT jsonb_array_elements(%s)::bigint)
             AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > %s)),
            (SELECT json_agg(json_build_array(author_id, client_id))
             FROM jsonb_array_elements(%s) AS given JOIN chat_message
             ON author_id = (given->0)::bigint AND client_id = (given->>1)::uuid)
        )::text
    """,
}


def read_background(
    writers: Iterable[tuple[int, int]], identities: Collection[Identity], sent: Iterable[tuple[int, UUID]]
) -> Background:
    """Memberships and people of `writers` (room, user), and which of their identities and client_ids (author, …) hold.

    A statement of its own, after the rooms are locked: on PostgreSQL each sees what was
    committed before it began, so that who lost a right under that lock has lost it here.
    What lives is the same as in `accounts.identities`; a test holds them together.
    """
    now = _moment(timezone.now())
    pairs = list(writers)
    authors = list({user_id for _, user_id in pairs})
    sessions = list({identity.session_key for identity in identities if identity.session_key is not None})
    tokens = list({identity.token_id for identity in identities if identity.token_id is not None})
    keys = [(author_id, client_id.hex) for author_id, client_id in sent]
    found = ask(READ_BACKGROUND[connection.vendor], pairs, authors, sessions, now, tokens, now, keys)
    memberships, people, living_sessions, living_tokens, seen = (rows or () for rows in found)
    by_id = {row[0]: Author(*row) for row in people}
    return Background(
        {(room_id, user_id): Standing(muted_at) for room_id, user_id, muted_at in memberships},
        by_id,
        lost_among(identities, by_id, set(living_sessions), set(living_tokens)),
        {(author_id, UUID(client_id)) for author_id, client_id in seen},
    )


NOTE_NUMBERS: Statement = {
    "sqlite": """UPDATE {table} SET {column} = json_extract(given.value, '$[1]')
        FROM json_each(%s) AS given WHERE {table}.id = json_extract(given.value, '$[0]')
    """,
    "postgresql": """UPDATE {table} SET {column} = (given->1)::bigint
        FROM jsonb_array_elements(%s) AS given WHERE {table}.id = (given->0)::bigint
    """,
}


def note_numbers(table: str, column: str, numbers: Mapping[int, int]) -> None:
    """Notes a number in each row, by the row's id."""
    sql = NOTE_NUMBERS[connection.vendor].format(table=table, column=column)
    with connection.cursor() as cursor:
        cursor.execute(sql, [json_text(list(numbers.items()))])


def move_heads(heads: Mapping[int, int]) -> None:
    """Notes each room's last seq."""
    note_numbers("chat_room", "head_seq", heads)


INSERT_MESSAGE = """INSERT INTO chat_message (
        room_id, seq, changed_seq, author_id, client_id, body, html, reply_to_id,
        kind, change, created_at, changed_at
    ) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 'text', 'posted', %s, %s)
"""
INSERT_MESSAGES = """INSERT INTO chat_message (
        room_id, seq, changed_seq, author_id, client_id, body, html, reply_to_id,
        kind, change, created_at, changed_at
    )
    SELECT
        (given->0)::bigint, (given->1)::bigint, (given->1)::bigint, (given->2)::bigint,
        (given->>3)::uuid, given->>4, given->>5, (given->>6)::bigint,
        'text', 'posted', moment, moment
    FROM jsonb_array_elements(%s) WITH ORDINALITY AS listed(given, place), (SELECT %s::timestamptz AS moment) AS at
    ORDER BY place RETURNING room_id, seq, id
"""
NEWEST_MESSAGES = """SELECT json_group_array(json_array(room_id, seq, id))
    FROM (SELECT room_id, seq, id FROM chat_message ORDER BY id DESC LIMIT %s)
"""


def insert_messages(rows: Sequence[Row], now: datetime) -> dict[tuple[int, int], int]:
    """Saves new messages, in order; gives their ids by room and seq."""
    at = _moment(now)
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            # It is in this process: one row after the other costs half of what its JSON functions do.
            cursor.executemany(INSERT_MESSAGE, [(*row[:2], row.seq, *row[2:], at, at) for row in rows])
            made = ask(NEWEST_MESSAGES, len(rows))
        else:
            cursor.execute(INSERT_MESSAGES, [json_text(rows), at])
            made = cursor.fetchall()
    return {(room_id, seq): pk for room_id, seq, pk in made}


def ask(sql: str, *given: Any) -> Any:
    """The one value that a statement gives, an empty list for NULL. A list goes in as JSON."""
    with connection.cursor() as cursor:
        cursor.execute(sql, [json_text(value) if isinstance(value, list) else value for value in given])
        (found,) = cursor.fetchone()
        return [] if found is None else from_json(found)


def _moment(at: datetime) -> str:
    """As the database's own text: SQLite compares moments by it."""
    return str(connection.ops.adapt_datetimefield_value(at))
