"""One followed stream: whatever comes in, live listeners get a run in order and without holes."""

import asyncio
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatsite.realtime import delivery
from chatsite.realtime import following as followings
from chatsite.realtime.following import RING_FRAMES
from chatsite.realtime.streams import State
from tests.unit.realtime.conftest import Stage, frame, staged


async def test_frames_are_told_in_order(stage: Stage) -> None:
    bob = stage.listen(2)
    stage.following.offer([frame(1), frame(2)], 0)
    stage.following.offer([frame(3)], 0)
    assert bob.seqs == [1, 2, 3]
    assert stage.log.reads == []


async def test_frames_that_cross_are_put_in_order(stage: Stage) -> None:
    bob = stage.listen(2)
    stage.following.offer([frame(2)], 0)
    assert bob.seqs == []
    stage.following.offer([frame(1)], 0)
    assert bob.seqs == [1, 2]
    await stage.settled()
    assert stage.log.reads == [], "the hole had filled by itself"


async def test_repeated_frames_are_told_once(stage: Stage) -> None:
    bob = stage.listen(2)
    for _ in range(3):
        stage.following.offer([frame(1), frame(2)], 0)
    assert bob.seqs == [1, 2]


async def test_a_hole_is_read_from_the_database(stage: Stage) -> None:
    bob = stage.listen(2)
    stage.log.write(frame(1), frame(2), frame(3))
    stage.following.offer([frame(3)], 0)
    await stage.settled()
    assert bob.seqs == [1, 2, 3]


async def test_a_lost_push_is_found_by_comparison(stage: Stage) -> None:
    bob = stage.listen(2)
    stage.log.write(frame(1), frame(2))
    stage.following.compare(State(2, 0))
    await stage.settled()
    assert bob.seqs == [1, 2]


async def test_a_repair_that_fails_is_tried_again(stage: Stage) -> None:
    bob = stage.listen(2)
    stage.log.write(frame(1))
    stage.log.error = RuntimeError("database restarts")
    stage.following.compare(State(1, 0))
    await stage.settled()
    assert bob.seqs == []
    stage.log.error = None
    stage.following.compare(State(1, 0))
    await stage.settled()
    assert bob.seqs == [1]


async def test_a_compacted_run_is_taken(stage: Stage) -> None:
    """1 and 2 were changed later; their last changes are 4 and 5."""
    bob = stage.listen(2)
    stage.log.write(frame(3, after=0), frame(4), frame(5))
    stage.following.compare(State(5, 0))
    await stage.settled()
    assert bob.seqs == [3, 4, 5]


async def test_of_two_frames_of_one_seq_the_one_that_reaches_back_is_taken(stage: Stage) -> None:
    bob = stage.listen(2)
    stage.following.offer([frame(3)], 0)
    stage.log.write(frame(3, after=0))
    await stage.settled()
    assert bob.seqs == [3]


async def test_a_pruned_run_goes_on_where_it_can(stage: Stage) -> None:
    """Listeners see `after` beyond their place and start afresh."""
    bob = stage.listen(2)
    stage.log.write(frame(8, after=7))
    stage.following.compare(State(8, 0))
    await stage.settled()
    assert (bob.seqs, stage.following.head) == ([8], 8)


async def test_who_is_still_being_brought_gets_nothing_yet(stage: Stage) -> None:
    bob = stage.listen(2, live=False)
    stage.following.offer([frame(1)], 0)
    assert bob.seqs == []


async def test_who_has_it_from_the_replay_is_not_told_again(stage: Stage) -> None:
    bob = stage.listen(2, position=2)
    stage.following.offer([frame(1), frame(2), frame(3)], 0)
    assert bob.seqs == [3]


async def test_nothing_is_told_before_the_head_is_known(stage: Stage) -> None:
    stage.following.head = stage.following.access = None
    bob = stage.listen(2, position=1)
    stage.following.offer([frame(2)], 0)
    assert bob.seqs == []
    stage.following.start_at(State(1, 0))
    assert bob.seqs == [2]


async def test_frames_of_a_newer_circle_wait_for_the_check(stage: Stage) -> None:
    alice, bob = stage.listen(1), stage.listen(2)
    stage.log.allowed = {1}
    stage.following.offer([frame(1)], 1)
    assert (alice.seqs, bob.seqs) == ([], [])
    await stage.settled()
    assert (alice.seqs, bob.seqs) == ([1], [])
    assert bob.subscriptions == {}
    stage.following.offer([frame(2)], 1)
    assert (alice.seqs, bob.seqs) == ([1, 2], [])
    assert stage.log.checks == 1


async def test_what_came_earlier_waits_behind_the_check_too(stage: Stage) -> None:
    """A frame of the older circle that crosses the newer one is not told in between, but in order."""
    alice, bob = stage.listen(1), stage.listen(2)
    stage.log.allowed = {1}
    stage.following.offer([frame(2)], 1)
    stage.following.offer([frame(1)], 0)
    assert (alice.seqs, bob.seqs) == ([], [])
    await stage.settled()
    assert (alice.seqs, bob.seqs) == ([1, 2], [])


async def test_a_removal_nobody_pushed_is_found_by_comparison(stage: Stage) -> None:
    alice, bob = stage.listen(1), stage.listen(2)
    stage.log.allowed, stage.log.access = {1}, 1
    stage.log.write(frame(1))
    stage.following.compare(State(1, 1))
    await stage.settled()
    assert (alice.seqs, bob.seqs) == ([1], [])


async def test_a_repair_tells_the_removed_nothing_of_after_their_removal(stage: Stage) -> None:
    """Frame 1 was lost, 2 came, and what the repair reads holds 3 already, which says that Bob is out."""
    alice, bob = stage.listen(1), stage.listen(2)
    stage.log.write(frame(1), frame(2), frame(3))
    stage.log.allowed, stage.log.access = {1}, 1
    stage.following.offer([frame(2)], 0)
    await stage.settled()
    assert alice.seqs == [1, 2, 3]
    assert 3 not in bob.seqs


async def test_a_check_that_fails_holds_the_frames_and_is_tried_again(stage: Stage) -> None:
    alice = stage.listen(1)
    honest, stage.log.readers = stage.log.readers, lambda pk, ids: 1 / 0  # type: ignore[method-assign,assignment]
    stage.following.offer([frame(1)], 1)
    await stage.settled()
    assert alice.seqs == []
    stage.log.readers = honest  # type: ignore[method-assign]
    stage.log.write(frame(1))
    stage.following.compare(State(1, 1))
    await stage.settled()
    assert alice.seqs == [1]


async def test_a_stream_that_is_no_more_has_no_listeners(stage: Stage) -> None:
    alice = stage.listen(1)
    stage.following.compare(None)
    assert alice.subscriptions == {}
    assert not stage.following.subscriptions


async def test_one_who_falls_out_while_being_told_costs_the_others_nothing(stage: Stage) -> None:
    """A socket too slow to be sent to leaves in the middle of a fan-out."""
    listeners = [stage.listen(user_id) for user_id in (1, 2, 3)]
    for listener in listeners:
        keep = listener.send_text

        def send(text: str, listener=listener, keep=keep) -> None:
            keep(text)
            stage.hub.unfollow(listener, "log:1")

        listener.send_text = send  # type: ignore[method-assign]
    stage.following.offer([frame(1)], 0)
    assert [listener.seqs for listener in listeners] == [[1], [1], [1]]


async def test_memory_gives_the_frames_since_a_position(stage: Stage) -> None:
    stage.listen(1)
    stage.following.offer([frame(1), frame(2), frame(4, after=2), frame(5)], 0)
    assert [f.seq for f in stage.following.since(1) or []] == [2, 4, 5]
    assert [f.seq for f in stage.following.since(3) or []] == [4, 5]
    assert stage.following.since(5) == []
    stage.following.offer([frame(seq) for seq in range(6, 6 + RING_FRAMES)], 0)
    assert stage.following.since(4) is None, "memory does not reach back"


async def test_memory_forgets_what_stood_there_twice(stage: Stage) -> None:
    stage.listen(1)
    stage.following.forget_old()
    stage.following.offer([frame(1), frame(2)], 0)
    stage.following.forget_old()
    stage.following.offer([frame(3)], 0)
    assert [f.seq for f in stage.following.since(0) or []] == [1, 2, 3]
    stage.following.forget_old()
    assert [f.seq for f in stage.following.since(2) or []] == [3]
    assert stage.following.since(1) is None
    stage.following.forget_old()
    assert (stage.following.since(2), stage.following.since(3)) == (None, [])


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 25), loss=st.floats(0, 0.9))
def test_any_loss_repetition_and_order_ends_in_the_whole_run(seed: int, count: int, loss: float) -> None:
    dice = random.Random(seed)

    async def play() -> None:
        with pytest.MonkeyPatch.context() as patch:
            stage = await staged(patch)
            bob = stage.listen(2)
            pushes = [frame(seq) for seq in range(1, count + 1) if dice.random() > loss]
            pushes += [push for push in pushes if dice.random() < 0.3]
            dice.shuffle(pushes)
            stage.log.write(*[frame(seq) for seq in range(1, count + 1)])
            for push in pushes:
                stage.following.offer([push], 0)
                if dice.random() < 0.3:
                    await stage.settled()
            stage.following.compare(State(count, 0))
            await stage.settled()
            assert bob.seqs == list(range(1, count + 1))

    asyncio.run(play())


async def test_many_are_served_in_slices_with_turns_for_others(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "SLICE", 10)
    monkeypatch.setattr(followings, "SLICE", 10)
    listeners = [stage.listen(1) for _ in range(35)]
    stage.following.offer([frame(1), frame(2)], 0)
    heard = [0]
    while len(heard) < 5:
        await asyncio.sleep(0)
        heard.append(sum(bool(listener.texts) for listener in listeners))
    assert heard == [0, 10, 20, 30, 35]
    assert all(listener.seqs == [1, 2] for listener in listeners)


async def test_between_slices_nothing_overtakes_and_who_leaves_hears_no_more(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "SLICE", 2)
    monkeypatch.setattr(followings, "SLICE", 2)
    listeners = [stage.listen(1) for _ in range(6)]
    stage.following.offer([frame(1)], 0)
    await asyncio.sleep(0)
    waiting = [listener for listener in listeners if not listener.texts]
    assert len(waiting) == 4
    stage.following.offer([frame(2)], 0)
    stage.following.whisper(json.dumps({"seq": 0}), None, 0)
    gone, back = waiting[:2]
    stage.hub.unfollow(gone, "log:1")
    stage.hub.unfollow(back, "log:1")
    again = stage.listen(1, position=1)  # the same page, which found frame 1 when it opened the stream anew
    for _ in range(12):
        await asyncio.sleep(0)
    assert gone.seqs == back.seqs == []
    assert again.seqs == [2, 0]
    assert all(listener.seqs == [1, 2, 0] for listener in listeners if listener not in (gone, back))


async def test_who_opened_at_a_newer_state_gets_only_the_rest_of_a_run(stage: Stage) -> None:
    early, late, newest = (stage.listen(1, position=position) for position in (0, 2, 3))
    stage.following.offer([frame(1), frame(2), frame(3)], 0)
    assert [early.seqs, late.seqs, newest.seqs] == [[1, 2, 3], [3], []]
