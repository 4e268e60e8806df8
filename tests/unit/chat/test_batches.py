"""Batches of posts: as many statements for many as for one, and each post's fate its own."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from chat.consumers import answers
from chat.models import Membership, Message, Room
from chat.services.changing import add_reaction, edit_message
from chat.services.posting import Post, Posted, post_messages
from chat.streams import RoomKind
from chatsite.realtime.commands import CommandError
from chatsite.realtime.identity import IdentityLostError
from notifications.models import Notification
from tests.support import cast
from tests.unit.chat.conftest import FakeHub, by_session, by_token, post_of, speak

STATEMENTS = {"sqlite": 5, "postgresql": 4}  # beside the savepoint's two, which in a test stand for the transaction
ROOMS = 50


def verdicts(results: Sequence[Posted | Exception]) -> list[str]:
    return [
        result.code if isinstance(result, CommandError) else "new" if result.created else "known"  # type: ignore[union-attr]
        for result in results
    ]


@pytest.fixture
def rooms(alice: User, bob: User) -> list[Room]:
    return [cast.make_room(f"room-{number}", alice, [bob]) for number in range(ROOMS)]


@pytest.mark.parametrize("identity_of", [by_session, by_token])
@pytest.mark.parametrize("count", [1, 64])
def test_a_batch_takes_as_many_statements_as_one_post(
    alice: User, bob: User, rooms: list[Room], count: int, identity_of: Any
) -> None:
    authors = [(user, identity_of(user)) for user in (alice, bob)]
    posts = []
    for number in range(count):
        user, identity = authors[number % 2]
        posts.append(replace(post_of(user, rooms[number % ROOMS]), identity=identity))
    with CaptureQueriesContext(connection) as asked:
        assert verdicts(post_messages(posts)) == ["new"] * count
    assert len(asked) == STATEMENTS[connection.vendor] + 2, [query["sql"][:100] for query in asked]


def test_an_empty_batch_and_one_that_is_refused_write_nothing(charlie: User, rooms: list[Room]) -> None:
    assert post_messages([]) == []
    with CaptureQueriesContext(connection) as asked:
        assert verdicts(post_messages([post_of(charlie, room) for room in rooms])) == ["not_found"] * ROOMS
    assert len(asked) == 2 + 2


def test_notifications_ask_once_for_those_in_direct_rooms(alice: User, bob: User) -> None:
    def asked_for(count: int) -> int:
        directs = []
        for number in range(count):
            key = f"{count}-{number}"
            directs.append(cast.make_room(f"dm-{key}", alice, [bob], kind=Room.Kind.DIRECT, people_key=key, name=""))
        with CaptureQueriesContext(connection) as asked:
            assert verdicts(post_messages([post_of(alice, room) for room in directs])) == ["new"] * count
        return sum('FROM "chat_membership"' in query["sql"] for query in asked)

    assert (asked_for(1), asked_for(5)) == (1, 1)
    assert Notification.objects.filter(user=bob, kind="direct").count() == 6


class Mixed:
    """One batch in which all happens that may happen to a post."""

    def __init__(self, alice: User, bob: User, charlie: User, room: Room, public_room: Room) -> None:
        people_key = f"{alice.pk}-{bob.pk}"
        direct = cast.make_room("dm", alice, [bob], kind=Room.Kind.DIRECT, people_key=people_key, name="")
        self.asked = speak(bob, room, "When?")
        self.elsewhere = speak(bob, public_room, "Elsewhere")
        self.known = post_of(bob, room, "Before", uuid4())
        post_messages([self.known])
        Notification.objects.all().delete()
        twin = post_of(alice, room, "Twice", uuid4())
        gone = replace(post_of(bob, room, "Signed out"), identity=by_session(bob))
        Session.objects.all().delete()
        self.cases: list[tuple[str, Post]] = [
            ("new", post_of(alice, room, "1 plain")),
            ("not_found", post_of(charlie, room, "an outsider's")),
            ("known", self.known),
            ("new", twin),
            ("known", twin),
            ("new", post_of(alice, room, "3 now", reply_to=self.asked["id"])),
            ("invalid", post_of(alice, room, "to another room's", reply_to=self.elsewhere["id"])),
            ("new", post_of(alice, public_room, "1 @bob, look")),
            ("forbidden", post_of(charlie, public_room, "not joined")),
            ("new", post_of(bob, direct, "1 between us")),
            ("forbidden", gone),
            ("new", replace(post_of(alice, room, "4 by a token"), identity=by_token(alice))),
            ("known", replace(self.known, room_id=public_room.pk)),  # the first place counts
            ("new", post_of(bob, public_room, "2 last")),
        ]
        self.room, self.public_room, self.direct = room, public_room, direct
        self.heads = {place.pk: place.head_seq for place in Room.objects.all()}


@pytest.fixture
def mixed(alice: User, bob: User, charlie: User, room: Room, public_room: Room) -> Mixed:
    return Mixed(alice, bob, charlie, room, public_room)


def test_in_a_mixed_batch_each_post_has_its_own_fate(mixed: Mixed, told: FakeHub) -> None:
    results = told.commit(post_messages, [post for _, post in mixed.cases])
    assert verdicts(results) == [verdict for verdict, _ in mixed.cases]
    assert isinstance(results[10], IdentityLostError)
    assert results[2].message["body"] == results[12].message["body"] == "Before"
    assert (results[4].message, results[4].created) == (results[3].message, False)
    assert results[6].field == "reply_to"


def test_a_mixed_batch_is_told_as_it_is_replayed(mixed: Mixed, told: FakeHub) -> None:
    told.commit(post_messages, [post for _, post in mixed.cases])
    for place in (mixed.room, mixed.public_room, mixed.direct):
        before = mixed.heads[place.pk]
        frames = [frame for stream, frame, _ in told.frames if stream == f"room:{place.pk}"]
        assert frames == RoomKind().read(place.pk, before, 10)
        assert [frame.seq for frame in frames] == list(range(before + 1, Room.objects.get(pk=place.pk).head_seq + 1))
    assert [event["message"]["body"] for event in told.of(mixed.room)] == [
        *("1 plain", "Twice", "3 now", "4 by a token"),
    ]


def test_a_mixed_batch_tells_whom_it_concerns(mixed: Mixed, alice: User, bob: User, told: FakeHub) -> None:
    told.commit(post_messages, [post for _, post in mixed.cases])
    waiting = Notification.objects.order_by("id").values_list("kind", "user", "actor", "text")
    assert list(waiting) == [
        ("reply", bob.pk, alice.pk, "3 now"),
        ("mention", bob.pk, alice.pk, "1 @bob, look"),
        ("direct", alice.pk, bob.pk, "1 between us"),
    ]
    streams = [stream for stream, _, _ in told.frames]
    assert streams.index(f"inbox:{bob.pk}") < streams.index(f"room:{mixed.room.pk}")


def test_ids_and_seqs_are_in_the_order_of_the_posts(alice: User, bob: User, rooms: list[Room]) -> None:
    posts = [post_of((alice, bob)[number % 2], rooms[number * 7 % 3], str(number)) for number in range(100)]
    results = [result.message for result in post_messages(posts) if isinstance(result, Posted)]
    assert [message["body"] for message in results] == [post.body for post in posts]
    assert [message["id"] for message in results] == sorted(message["id"] for message in results)
    for room in rooms[:3]:
        mine = [message for message in results if message["room"] == room.pk]
        assert [message["seq"] for message in mine] == list(range(1, len(mine) + 1))
        assert Room.objects.get(pk=room.pk).head_seq == len(mine)
    saved = Message.objects.in_bulk([message["id"] for message in results])
    for message in results:
        row = saved[message["id"]]
        told = (message["room"], message["seq"], message["author"]["id"], message["client_id"], message["body"])
        assert told == (row.room_id, row.seq, row.author_id, row.client_id, row.body)


@pytest.mark.parametrize("body", ['"quotes" \\ and\n\tlines', "😀 ünïcödé 中文", "%s %d %%", "</p>' || 1 --", "{}[]:,"])
def test_texts_come_through_as_they_are(alice: User, room: Room, body: str, told: FakeHub) -> None:
    post = replace(post_of(alice, room, body), ref=body[:64])
    (text,) = told.commit(answers, [post])
    saved = Message.objects.get()
    assert (saved.body, saved.html) == (body, post.rendered.html)
    ok = json.loads(text)
    assert (ok["type"], ok["ref"], ok["message"]["body"]) == ("ok", body[:64], body)
    (event,) = told.of(room)
    assert event["message"] == ok["message"]


def test_a_sender_who_gave_no_ref_is_told_nothing_and_an_error_goes_through(
    alice: User, charlie: User, room: Room
) -> None:
    silent, refused = answers([post_of(alice, room), replace(post_of(charlie, room), ref="r")])
    assert silent is None
    assert isinstance(refused, CommandError)


def test_who_posted_again_hears_what_became_of_it(alice: User, bob: User, room: Room) -> None:
    post = replace(post_of(bob, room, "Once", uuid4()), ref="r")
    (first,) = answers([post])
    message = json.loads(str(first))["message"]
    edit_message(bob, message["id"], "Twice")
    add_reaction(alice, message["id"], "👍")
    (again,) = answers([post])
    assert json.loads(str(again))["message"]["body"] == "Twice"
    assert json.loads(str(again))["message"]["reactions"] == [{"emoji": "👍", "users": [alice.pk]}]


def test_a_mute_and_an_archive_hold_for_their_own_alone(alice: User, bob: User, room: Room, public_room: Room) -> None:
    Membership.objects.filter(room=room, user=bob).update(muted_at=timezone.now())
    Room.objects.filter(pk=public_room.pk).update(archived_at=timezone.now())
    places = [(bob, room), (alice, room), (bob, public_room), (alice, public_room)]
    results = post_messages([post_of(user, place) for user, place in places])
    assert verdicts(results) == ["muted", "new", "archived", "archived"]
