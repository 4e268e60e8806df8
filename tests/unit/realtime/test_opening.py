"""The beginning of a subscription: a replay that ends at the head, or a word that one has to start afresh."""

from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.identities import of_session
from accounts.models import User
from chat.models import Room
from chat.services.changing import edit_message
from chat.services.posting import post_messages
from chatsite.realtime import subscribing
from chatsite.realtime.commands import CommandError, Subscribe
from chatsite.realtime.following import Subscription
from chatsite.realtime.models import Deployment
from chatsite.realtime.opening import MAX_REPLAY, Opening, Request, open_all
from chatsite.realtime.streams import epoch, may_follow, parse, states_of
from chatsite.realtime.subscribing import bring_to_head
from notifications.events import JobQueued
from notifications.models import InboxEvent
from notifications.services import append_to_inbox
from tests.support.cast import make_room, session_of
from tests.unit.chat.conftest import post_of, speak
from tests.unit.realtime.conftest import Listener, Stage, frame


def request(user: User, stream: str, after: int | None = None, epoch: str | None = None, **options: Any) -> Request:
    command = Subscribe(type="stream.subscribe", stream=stream, after=after, epoch=epoch)
    return Request(of_session(user, session_of(user)), command, **options)


def opened(user: User, stream: str, after: int | None = None, epoch: str | None = None) -> Opening:
    (outcome,) = open_all([request(user, stream, after, epoch)])
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def run(opening: Opening) -> list[tuple[int, int]]:
    return [(frame.after, frame.seq) for frame in opening.frames]


def stream_of(room: Room) -> str:
    return f"room:{room.pk}"


def test_from_now_replays_nothing(bob: User, room: Room) -> None:
    speak(bob, room)
    opening = opened(bob, stream_of(room))
    assert (run(opening), opening.ok["head"], opening.ok["stream"]) == ([], 1, stream_of(room))
    assert opening.ok["epoch"] == epoch()
    assert opening.ok["room"]["id"] == room.pk
    assert "reset" not in opening.ok


def test_after_a_position_comes_the_run_to_the_head(bob: User, room: Room) -> None:
    for _ in range(4):
        speak(bob, room)
    opening = opened(bob, stream_of(room), after=2)
    assert (run(opening), opening.ok["head"]) == ([(2, 3), (3, 4)], 4)
    assert run(opened(bob, stream_of(room), after=4)) == []


def test_a_compacted_replay_ends_at_the_head_that_was_named(bob: User, room: Room) -> None:
    first = speak(bob, room)
    speak(bob, room)
    edit_message(bob, first["id"], "Edited")
    opening = opened(bob, stream_of(room), after=0)
    assert (run(opening), opening.ok["head"]) == ([(0, 2), (2, 3)], 3)
    assert run(opened(bob, stream_of(room), after=2)) == [(2, 3)]


@pytest.mark.parametrize("after", [2, 2**62])
def test_beyond_the_head_one_starts_afresh(bob: User, room: Room, after: int) -> None:
    speak(bob, room)
    opening = opened(bob, stream_of(room), after=after)
    assert (opening.ok["reset"], opening.ok["head"], run(opening)) == (True, 1, [])


def test_with_another_epoch_one_starts_afresh(bob: User, room: Room) -> None:
    speak(bob, room)
    assert run(opened(bob, stream_of(room), after=0, epoch=epoch())) == [(0, 1)]
    Deployment.objects.update(epoch="restored")
    assert opened(bob, stream_of(room), after=0, epoch="before").ok["reset"] is True


def test_more_than_the_limit_is_not_replayed(bob: User, room: Room) -> None:
    post_messages([post_of(bob, room, "x") for _ in range(MAX_REPLAY + 1)])
    assert opened(bob, stream_of(room), after=0).ok["reset"] is True
    assert len(opened(bob, stream_of(room), after=1).frames) == MAX_REPLAY


def test_a_pruned_inbox_starts_afresh(alice: User) -> None:
    for _ in range(3):
        append_to_inbox(alice.pk, JobQueued({}))
    InboxEvent.objects.filter(seq__lte=2).delete()
    assert opened(alice, f"inbox:{alice.pk}", after=1).ok["reset"] is True
    assert run(opened(alice, f"inbox:{alice.pk}", after=2)) == [(2, 3)]
    InboxEvent.objects.all().delete()
    assert opened(alice, f"inbox:{alice.pk}", after=2).ok["reset"] is True


def test_an_inbox_without_events_is_there(alice: User) -> None:
    assert opened(alice, f"inbox:{alice.pk}", after=0).ok == {
        "stream": f"inbox:{alice.pk}",
        "head": 0,
        "epoch": epoch(),
    }


def test_what_one_may_not_follow_is_not_found(alice: User, bob: User, charlie: User, room: Room) -> None:
    for user, stream in ((charlie, stream_of(room)), (bob, f"inbox:{alice.pk}"), (bob, "room:999999")):
        with pytest.raises(CommandError) as refused:
            opened(user, stream)
        assert refused.value.code == "not_found"


@pytest.mark.parametrize(
    "stream",
    ["", ":", "room", "room:", "room:x", "room:-1", "room:+1", "room:01", "room: 1", "room:1 ", "room:١", "room:1:1",
     "rooms:1", "room:9223372036854775808", "room:" + "9" * 30, "ROOM:1", "room:1.0", "room:\x001"],
)  # fmt: skip
def test_only_the_one_name_of_a_stream_is_its_name(stream: str) -> None:
    with pytest.raises(CommandError) as refused:
        parse(stream)
    assert refused.value.code == "not_found"


def test_states_of_many_streams(alice: User, bob: User, room: Room) -> None:
    speak(bob, room)
    found = states_of([stream_of(room), "room:999999", f"inbox:{alice.pk}"])
    assert {stream: state.head for stream, state in found.items()} == {stream_of(room): 1, f"inbox:{alice.pk}": 0}


def test_who_may_follow(bob: User, charlie: User, room: Room) -> None:
    assert may_follow(bob.pk, stream_of(room))
    assert not may_follow(charlie.pk, stream_of(room))


# --- Many at once -------------------------------------------------------------


def outcomes(*requests: Request) -> list[Any]:
    """Of each the code of its refusal, or `(run, position, whether to start afresh)`."""
    found: list[Any] = []
    for outcome in open_all(requests):
        if isinstance(outcome, Opening):
            found.append((run(outcome), outcome.position, outcome.ok.get("reset")))
        elif isinstance(outcome, CommandError):
            found.append(outcome.code)
    return found


def test_each_of_many_gets_what_they_would_alone(alice: User, bob: User, charlie: User, room: Room) -> None:
    for _ in range(4):
        speak(bob, room)
    there, own = stream_of(room), f"inbox:{bob.pk}"
    asked = [
        request(alice, there, 2), request(charlie, there, 2), request(bob, there, 0), request(bob, "room:999999", 0),
        request(bob, there, 4), request(alice, own, 0), request(bob, there, 5), request(bob, own, 0),
        request(bob, there), request(bob, "room:x", 0), request(alice, there, 1, "another epoch"),
    ]  # fmt: skip
    assert outcomes(*asked) == [outcomes(one)[0] for one in asked]
    assert outcomes(*asked) == [
        ([(2, 3), (3, 4)], 4, None), "not_found", ([(0, 1), (1, 2), (2, 3), (3, 4)], 4, None), "not_found",
        ([], 4, None), "not_found", ([], 4, True), ([], 0, None),
        ([], 4, None), "not_found", ([], 4, True),
    ]  # fmt: skip
    rooms = [opening.ok["room"] for opening in open_all([asked[0], asked[2]]) if isinstance(opening, Opening)]
    assert [shown["role"] for shown in rooms] == ["owner", "member"]


def test_who_is_signed_out_gets_nothing_and_takes_nobody_along(alice: User, bob: User, room: Room) -> None:
    speak(bob, room)
    gone, there = request(alice, stream_of(room), 0), request(bob, stream_of(room), 0)
    Session.objects.filter(pk=gone.identity.session_key).delete()
    assert outcomes(gone, there) == ["forbidden", ([(0, 1)], 1, None)]


def test_who_is_too_far_back_keeps_nobody_from_their_run(alice: User, bob: User, room: Room) -> None:
    post_messages([post_of(bob, room, "x") for _ in range(MAX_REPLAY + 5)])
    found = outcomes(*(request(bob, stream_of(room), after) for after in (0, 4, 5, 6, 1004, 1005)))
    assert [(len(frames), position, reset) for frames, position, reset in found] == [
        (0, 1005, True), (0, 1005, True), (1000, 1005, None), (999, 1005, None), (1, 1005, None), (0, 1005, None),
    ]  # fmt: skip


def test_a_room_is_read_once_for_all_who_come_back(
    alice: User, bob: User, room: Room, django_assert_num_queries: Any
) -> None:
    for _ in range(3):
        speak(bob, room)
    requests = [request(user, stream_of(room), after) for user in (alice, bob) for after in (0, 1, 2, 3) * 10]
    epoch()
    with CaptureQueriesContext(connection) as one:
        open_all([requests[0], requests[40]])
    with django_assert_num_queries(len(one)):
        open_all(requests)


def test_many_rooms_cost_what_one_costs(alice: User, bob: User, django_assert_num_queries: Any) -> None:
    kinds = enumerate(Room.Kind.values * 3)
    keys = {"direct": str, "public": lambda _: None, "private": lambda _: None}
    rooms = [make_room(f"room-{n}", alice, [bob], kind=kind, people_key=keys[kind](n)) for n, kind in kinds]
    for one in rooms:
        speak(alice, one)
    epoch()
    alone = request(bob, stream_of(rooms[2]))
    with CaptureQueriesContext(connection) as one_each:
        open_all([alone])
    requests = [request(user, stream_of(one)) for user in (alice, bob) for one in rooms]
    with django_assert_num_queries(len(one_each)):
        openings = open_all(requests)
    shown = [opening.ok["room"] for opening in openings if isinstance(opening, Opening)]
    assert [one["id"] for one in shown] == [one.pk for one in rooms] * 2
    assert [one["unread"] for one in shown] == [0] * len(rooms) + [1] * len(rooms)
    assert {len(one["members"]) for one in shown} == {2}


def test_what_memory_has_is_not_read(bob: User, room: Room) -> None:
    speak(bob, room)
    assert outcomes(request(bob, stream_of(room), 0, in_memory=True)) == [([], 0, None)]
    assert outcomes(request(bob, stream_of(room), 0, "another epoch", in_memory=True)) == [([], 1, True)]
    assert outcomes(request(bob, stream_of(room), 7, in_memory=True)) == [([], 1, True)]


# --- What comes in while one is being brought to the head ---------------------


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def call(function: Any, *args: Any) -> Any:
        return function(*args)

    monkeypatch.setattr(subscribing, "in_database", call)


def joining(stage: Stage, user_id: int, position: int) -> tuple[Listener, Subscription]:
    socket = stage.listen(user_id, position, live=False)
    return socket, socket.subscriptions["log:1"]


@pytest.mark.usefixtures("at_once")
async def test_what_came_meanwhile_is_sent_out_of_memory(stage: Stage) -> None:
    bob, subscription = joining(stage, 2, position=1)
    stage.following.offer([frame(1), frame(2), frame(3)], 0)
    await bring_to_head(bob, stage.following, subscription)  # type: ignore[arg-type]
    stage.following.offer([frame(4)], 0)
    assert (bob.seqs, stage.log.reads) == ([2, 3, 4], [])


@pytest.mark.usefixtures("at_once")
async def test_what_memory_does_not_have_is_read(stage: Stage) -> None:
    bob, subscription = joining(stage, 2, position=1)
    stage.log.write(*map(frame, range(1, 6)))
    stage.following.head = 5
    await bring_to_head(bob, stage.following, subscription)  # type: ignore[arg-type]
    stage.following.offer([frame(6)], 0)
    assert bob.seqs == [2, 3, 4, 5, 6]


@pytest.mark.usefixtures("at_once")
async def test_frames_that_come_during_the_reading_are_not_left_out(stage: Stage) -> None:
    bob, subscription = joining(stage, 2, position=0)
    stage.log.write(frame(1), frame(2))
    stage.following.head = 2
    more = iter([frame(3)])

    def meanwhile() -> None:
        for late in more:
            stage.following.offer([late], 0)

    stage.log.before_read = meanwhile
    await bring_to_head(bob, stage.following, subscription)  # type: ignore[arg-type]
    assert (bob.seqs, subscription.live) == ([1, 2, 3], True)


@pytest.mark.usefixtures("at_once")
async def test_who_is_removed_meanwhile_is_sent_nothing_of_it(stage: Stage) -> None:
    """The reading finds the frame that takes Bob out before anybody told of it."""
    bob, subscription = joining(stage, 2, position=0)
    stage.log.write(frame(1), frame(2))
    stage.following.head = 1
    stage.log.allowed = {1}
    await bring_to_head(bob, stage.following, subscription)  # type: ignore[arg-type]
    assert (bob.seqs, subscription.live) == ([], False)


@pytest.mark.usefixtures("at_once")
async def test_who_unsubscribes_meanwhile_is_sent_nothing(stage: Stage) -> None:
    bob, subscription = joining(stage, 2, position=0)
    stage.log.write(frame(1))
    stage.following.head = 1
    stage.log.before_read = lambda: stage.hub.unfollow(bob, "log:1")
    await bring_to_head(bob, stage.following, subscription)  # type: ignore[arg-type]
    assert (bob.seqs, subscription.live) == ([], False)
