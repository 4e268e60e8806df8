"""Posting: saved once, in order, told after the commit; a refusal concerns its own post alone."""

import threading
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections
from django.utils import timezone

from accounts.models import User
from chat.models import Membership, Message, Room
from chat.services.posting import post_message, post_messages
from chat.streams import RoomKind
from chatsite.realtime.commands import CommandError
from notifications.models import Notification
from tests.support import cast
from tests.unit.chat.conftest import FakeHub, post_of, said, speak


def in_threads(*calls: Callable[[], Any]) -> list[Any]:
    """Calls all at once, each in a thread of its own; returns what each gave or raised."""
    results: list[Any] = [None] * len(calls)
    start = threading.Barrier(len(calls))

    def run(index: int, call: Callable[[], Any]) -> None:
        start.wait()
        try:
            results[index] = call()
        except Exception as error:
            results[index] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_a_member_posts(bob: User, room: Room, told: FakeHub) -> None:
    posted = told.commit(said, bob, room, "Good morning")
    assert posted.created
    assert (posted.message["body"], posted.message["html"]) == ("Good morning", "<p>Good morning</p>")
    assert (posted.message["seq"], posted.message["author"]["name"]) == (1, "Bob")
    assert Room.objects.get(pk=room.pk).head_seq == 1
    (event,) = told.of(room)
    assert (event["type"], event["seq"], event["message"]["id"]) == ("message.posted", 1, posted.message["id"])


def test_nothing_is_told_before_the_commit(bob: User, room: Room, told: FakeHub) -> None:
    speak(bob, room)
    assert told.frames == []


def test_what_is_told_is_what_a_replay_tells(bob: User, room: Room, told: FakeHub) -> None:
    for body in ("One", "**Two**", "Three :tada:"):
        told.commit(speak, bob, room, body)
    assert [frame for _, frame, _ in told.frames] == RoomKind().read(room.pk, 0, 10)


def test_it_refuses_an_outsider(charlie: User, room: Room) -> None:
    with pytest.raises(CommandError) as refused:
        speak(charlie, room)
    assert refused.value.code == "not_found"
    assert not Message.objects.exists()


def test_it_refuses_who_has_not_joined_a_public_room(charlie: User, public_room: Room) -> None:
    with pytest.raises(CommandError) as refused:
        speak(charlie, public_room)
    assert refused.value.code == "forbidden"


def test_it_refuses_where_no_room_is(alice: User, room: Room) -> None:
    room.pk += 1_000
    with pytest.raises(CommandError) as refused:
        speak(alice, room)
    assert refused.value.code == "not_found"


def test_it_refuses_an_archived_room(alice: User, room: Room) -> None:
    Room.objects.update(archived_at=timezone.now())
    with pytest.raises(CommandError) as refused:
        speak(alice, room)
    assert refused.value.code == "archived"


def test_it_refuses_who_is_muted(bob: User, room: Room) -> None:
    Membership.objects.filter(user=bob).update(muted_at=timezone.now())
    with pytest.raises(CommandError) as refused:
        speak(bob, room)
    assert refused.value.code == "muted"


def test_an_outsider_is_not_told_that_a_room_is_archived(charlie: User, room: Room) -> None:
    Room.objects.update(archived_at=timezone.now())
    with pytest.raises(CommandError) as refused:
        speak(charlie, room)
    assert refused.value.code == "not_found"


def test_the_same_client_id_later_gives_the_first_message(bob: User, room: Room, told: FakeHub) -> None:
    client_id = uuid4()
    first = told.commit(said, bob, room, "Once", client_id)
    again = told.commit(said, bob, room, "Once", client_id)
    assert (first.created, again.created) == (True, False)
    assert again.message == first.message
    assert (Message.objects.count(), Room.objects.get(pk=room.pk).head_seq, len(told.frames)) == (1, 1, 1)


def test_the_same_client_id_in_one_batch_gives_the_first_message(bob: User, room: Room, told: FakeHub) -> None:
    client_id = uuid4()
    posts = [post_of(bob, room, "Once", client_id), post_of(bob, room, "Once", client_id)]
    first, again = told.commit(post_messages, posts)
    assert (first.created, again.created) == (True, False)
    assert again.message == first.message
    assert (Message.objects.count(), len(told.frames)) == (1, 1)


def test_two_people_may_choose_the_same_client_id(alice: User, bob: User, room: Room) -> None:
    client_id = uuid4()
    assert said(alice, room, "Mine", client_id).created
    assert said(bob, room, "Mine", client_id).created


@pytest.mark.django_db(transaction=True)
def test_the_same_client_id_from_two_threads_is_saved_once(bob: User, room: Room) -> None:
    post = post_of(bob, room, "Once", uuid4())
    results = in_threads(*[lambda: post_message(post)] * 4)
    assert sorted(result.created for result in results) == [False, False, False, True]
    assert len({result.message["id"] for result in results}) == 1
    assert (Message.objects.count(), Room.objects.get().head_seq) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_the_same_client_id_in_two_rooms_at_once_is_saved_once(bob: User, room: Room, public_room: Room) -> None:
    for _ in range(5):
        client_id = uuid4()
        posts = [post_of(bob, place, "Once", client_id) for place in (room, public_room)]
        results = in_threads(*[lambda post=post: post_message(post) for post in posts])
        assert sorted(result.created for result in results) == [False, True], results
        assert Message.objects.filter(client_id=client_id).count() == 1


@pytest.mark.django_db(transaction=True)
def test_seqs_stay_dense_when_many_post_at_once(alice: User, bob: User, room: Room) -> None:
    def post_many(user: User) -> Callable[[], None]:
        return lambda: [speak(user, room, f"Number {n}") for n in range(6)]  # type: ignore[return-value]

    assert not [r for r in in_threads(*[post_many(user) for user in [alice, bob] * 4]) if isinstance(r, Exception)]
    assert list(Message.objects.order_by("seq").values_list("seq", flat=True)) == list(range(1, 49))
    assert Room.objects.get().head_seq == 48
    assert [frame.seq for frame in RoomKind().read(room.pk, 0, 100)] == list(range(1, 49))


@pytest.mark.django_db(transaction=True)
def test_batches_over_rooms_in_opposite_order_do_not_lock_each_other_out(
    bob: User, room: Room, public_room: Room
) -> None:
    def post_both(first: Room, second: Room) -> Callable[[], Any]:
        return lambda: [post_messages([post_of(bob, first), post_of(bob, second)]) for _ in range(5)]

    results = in_threads(post_both(room, public_room), post_both(public_room, room))
    assert not [result for result in results if isinstance(result, Exception)]
    assert {place.head_seq for place in Room.objects.all()} == {10}


def test_a_batch_over_rooms_keeps_all_but_what_is_refused(
    alice: User, bob: User, charlie: User, room: Room, public_room: Room, told: FakeHub
) -> None:
    posts = [
        post_of(alice, room, "1"),
        post_of(bob, public_room, "2"),
        post_of(charlie, room, "not his room"),
        post_of(bob, room, "3"),
        post_of(bob, room, "to nothing", reply_to=10**9),
        post_of(alice, public_room, "4"),
    ]
    results = told.commit(post_messages, posts)
    codes = [result.code if isinstance(result, CommandError) else "ok" for result in results]
    assert codes == ["ok", "ok", "not_found", "ok", "invalid", "ok"]
    assert [event["message"]["body"] for event in told.of(room)] == ["1", "3"]
    assert [event["message"]["body"] for event in told.of(public_room)] == ["2", "4"]
    assert [event["seq"] for event in told.of(room)] == [1, 2]


def test_a_reply_names_a_message_of_the_same_room(alice: User, bob: User, room: Room, public_room: Room) -> None:
    asked = speak(alice, room, "When?")
    elsewhere = speak(alice, public_room, "Elsewhere")
    assert speak(bob, room, "Now", reply_to=asked["id"])["reply_to"] == asked["id"]
    with pytest.raises(CommandError) as refused:
        speak(bob, room, "Now", reply_to=elsewhere["id"])
    assert (refused.value.code, refused.value.field) == ("invalid", "reply_to")


def test_who_is_mentioned_is_told_once(alice: User, bob: User, room: Room) -> None:
    message = speak(alice, room, "@bob and @BOB, look")
    waiting = Notification.objects.get()
    assert (waiting.user, waiting.kind, waiting.actor, waiting.text) == (bob, "mention", alice, "@bob and @BOB, look")
    assert waiting.data["room"] == {"id": room.pk, "name": room.name, "slug": room.slug}
    assert (waiting.data["message"], waiting.data["seq"]) == (message["id"], message["seq"])


def test_an_outsider_is_not_told_of_a_mention(alice: User, charlie: User, room: Room) -> None:
    message = speak(alice, room, "@charlie can't hear this")
    assert not Notification.objects.exists()
    assert "data-user" not in message["html"]


def test_nobody_is_told_of_their_own_mention(alice: User, room: Room) -> None:
    speak(alice, room, "Note to @alice")
    assert not Notification.objects.exists()


def test_who_is_answered_is_told(alice: User, bob: User, room: Room) -> None:
    speak(bob, room, "Now", reply_to=speak(alice, room, "When?")["id"])
    assert (Notification.objects.get().user, Notification.objects.get().kind) == (alice, "reply")


def test_a_mention_in_an_answer_tells_once(alice: User, bob: User, room: Room) -> None:
    speak(bob, room, "@alice now", reply_to=speak(alice, room, "When?")["id"])
    assert [n.kind for n in Notification.objects.all()] == ["mention"]


def test_who_left_is_not_told_of_answers(alice: User, bob: User, room: Room) -> None:
    asked = speak(bob, room, "When?")
    Membership.objects.filter(user=bob).delete()
    speak(alice, room, "Now", reply_to=asked["id"])
    assert not Notification.objects.exists()


def test_a_direct_message_tells_the_other(alice: User, bob: User) -> None:
    direct = cast.make_room("dm-1", alice, [bob], kind=Room.Kind.DIRECT, people_key=f"{alice.pk}-{bob.pk}", name="")
    speak(alice, direct, "Between us")
    assert [(n.user, n.kind) for n in Notification.objects.all()] == [(bob, "direct")]


def test_a_duplicate_tells_nobody_again(alice: User, bob: User, room: Room) -> None:
    client_id = uuid4()
    said(alice, room, "@bob", client_id)
    said(alice, room, "@bob", client_id)
    assert Notification.objects.count() == 1
