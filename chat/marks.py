"""The statements that read marks are moved with, by hand for the reason that those of posting are (`statements.py`)."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from django.db import connection

from chat.statements import Statement, ask, note_numbers

Pair = tuple[int, int]  # room and user


class Standing(NamedTuple):
    """Where somebody's mark stands, and where the room does."""

    id: int
    room_id: int
    user_id: int
    last_read_seq: int
    head_seq: int


STANDINGS: Statement = {
    "sqlite": """SELECT json_group_array(json_array(mine.id, room_id, user_id, last_read_seq, head_seq))
        FROM json_each(%s) AS given
        CROSS JOIN chat_membership AS mine ON room_id = json_extract(given.value, '$[0]')
            AND user_id = json_extract(given.value, '$[1]')
        JOIN chat_room ON chat_room.id = room_id
    """,
    "postgresql": """SELECT json_agg(json_build_array(id, room_id, user_id, last_read_seq, head_seq))::text FROM (
            SELECT mine.id, room_id, user_id, last_read_seq, head_seq
            FROM jsonb_array_elements(%s) AS given
            JOIN chat_membership AS mine ON room_id = (given->0)::bigint AND user_id = (given->1)::bigint
            JOIN chat_room ON chat_room.id = room_id
            ORDER BY mine.id {lock}
        ) AS standing
    """,
}


def standings(pairs: Collection[Pair], locked: bool) -> dict[Pair, Standing]:
    """The marks of members; `locked` in the order of their ids until the transaction ends."""
    sql = STANDINGS[connection.vendor].replace("{lock}", "FOR NO KEY UPDATE OF mine" if locked else "")
    return {(row[1], row[2]): Standing(*row) for row in ask(sql, list(pairs))}


WAITING: Statement = {
    "sqlite": """SELECT json_group_array(json_array(room_ref, user_id, mentions)) FROM (
            SELECT room_ref, user_id, SUM(kind IN ('mention', 'reply')) AS mentions
            FROM json_each(%s) AS given
            CROSS JOIN notifications_notification ON room_ref = json_extract(given.value, '$[0]')
                AND user_id = json_extract(given.value, '$[1]')
            WHERE read_at IS NULL AND kind IN ('mention', 'reply', 'direct', 'room.added')
            GROUP BY room_ref, user_id
        )
    """,
    "postgresql": """SELECT json_agg(json_build_array(room_ref, user_id, mentions))::text FROM (
            SELECT room_ref, user_id, COUNT(*) FILTER (WHERE kind IN ('mention', 'reply')) AS mentions
            FROM jsonb_array_elements(%s) AS given
            JOIN notifications_notification ON room_ref = (given->0)::bigint AND user_id = (given->1)::bigint
            WHERE read_at IS NULL AND kind IN ('mention', 'reply', 'direct', 'room.added')
            GROUP BY room_ref, user_id
        ) AS waiting
    """,
}


def waiting_mentions(pairs: Collection[Pair]) -> dict[Pair, int]:
    """How many mentions are unread, where anything is that reading a room may have to do with."""
    found = ask(WAITING[connection.vendor], list(pairs))
    return {(room_id, user_id): mentions for room_id, user_id, mentions in found}


def note_marks(places: Mapping[int, int]) -> None:
    """Notes how far members have read, by the membership's id."""
    note_numbers("chat_membership", "last_read_seq", places)
