"""The read marks of many, moved together: what one asks for concerns nobody else, and waits for few."""

from typing import Any

from django.contrib.sessions.models import Session
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from chat.models import Membership, Room
from chat.services.reading import Mark, move_marks
from notifications.models import InboxEvent, Notification
from tests.support.cast import add_member, make_user
from tests.unit.chat.conftest import by_session, by_token, speak

FAR = 2**62


def mark(user: User, room: Room, seq: int, **more: Any) -> Mark:
    return Mark(user.pk, room.pk, seq, **more)


def told(results: list[dict[str, Any] | Exception]) -> list[Any]:
    """How far each has read, or the code of the refusal."""
    return [getattr(result, "code", None) or result["last_read_seq"] for result in results]  # type: ignore[index]


def events_of(user: User) -> list[tuple[str, int | None]]:
    rows = InboxEvent.objects.filter(inbox=user.pk).order_by("seq").values_list("type", "payload")
    return [(type, payload.get("last_read_seq")) for type, payload in rows]


def test_each_is_answered_for_itself(alice: User, bob: User, charlie: User, room: Room, public_room: Room) -> None:
    for _ in range(3):
        speak(alice, room)
    assert public_room.memberships.filter(user=bob).exists()
    signed_in, signed_out = by_token(alice), by_session(alice)
    Session.objects.filter(pk=signed_out.session_key).delete()
    results = move_marks([
        mark(bob, room, 2), mark(charlie, room, 3), mark(bob, public_room, FAR),
        mark(alice, room, 1, identity=signed_in), mark(alice, room, 3, identity=signed_out),
        mark(alice, Room(pk=FAR), 1),
    ])  # fmt: skip
    assert told(results) == [2, "not_found", 0, 1, "forbidden", "not_found"]
    assert results[0] == {"room": room.pk, "last_read_seq": 2, "unread": 1, "mentions": 0}
    assert (events_of(alice), events_of(bob)) == ([("room.read", 1)], [("room.read", 2)])
    assert dict(room.memberships.values_list("user", "last_read_seq")) == {alice.pk: 1, bob.pk: 2}


def test_of_one_persons_marks_in_a_room_the_farthest_counts(alice: User, bob: User, room: Room) -> None:
    for _ in range(3):
        speak(alice, room)
    assert told(move_marks([mark(bob, room, 1), mark(bob, room, FAR), mark(bob, room, 2)])) == [3, 3, 3]
    assert events_of(bob) == [("room.read", 3)]


def test_who_repeats_themselves_keeps_nobody_from_writing(alice: User, bob: User, room: Room) -> None:
    """On SQLite a transaction takes the one place of a writer; the bare look at things takes none."""
    speak(alice, room, "@bob")
    speak(alice, room, "@bob")
    assert move_marks([mark(bob, room, 1)])[0] == {"room": room.pk, "last_read_seq": 1, "unread": 1, "mentions": 1}
    with CaptureQueriesContext(connection) as asked:
        again = move_marks([mark(bob, room, 1, identity=by_token(bob)), mark(bob, room, 0)])
    statements = [query["sql"] for query in asked]
    of_marks = statements[next(n for n, sql in enumerate(statements) if "chat_membership" in sql) :]
    assert again == [{"room": room.pk, "last_read_seq": 1, "unread": 1, "mentions": 1}] * 2
    assert all(sql.lstrip().startswith("SELECT") and "FOR NO KEY UPDATE" not in sql for sql in of_marks)


def test_what_waits_is_read_where_the_mark_stands_already(alice: User, bob: User, room: Room) -> None:
    speak(alice, room)
    move_marks([mark(bob, room, 1)])
    added = {"kind": "room.added", "url": "/", "data": {"room": {"id": room.pk}}}
    Notification.objects.create(user=bob, created_at=timezone.now(), **added)
    move_marks([mark(bob, room, 1)])
    assert not Notification.objects.filter(read_at=None).exists()
    assert [type for type, _ in events_of(bob)] == ["room.read", "notification.read"]


def test_many_cost_as_many_statements_as_one(alice: User, room: Room) -> None:
    people = [make_user(f"reader{number}") for number in range(12)]
    for person in people:
        add_member(room, person)
    speak(alice, room)

    def statements(some: list[User]) -> int:
        with CaptureQueriesContext(connection) as asked:
            assert told(move_marks([mark(person, room, FAR) for person in some])) == [1] * len(some)
        return len(asked)

    statements(people[:1])
    assert statements(people[1:2]) == statements(people[2:])
    assert Membership.objects.filter(room=room, last_read_seq=1).count() == len(people)
