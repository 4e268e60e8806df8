"""For every kind of event: the state before, and the events, make the state as it is fetched afresh.

Random sequences of what several people do, and after each the question whether every
client knows what the server does: one that listened all the time, one that came and went,
one that was away from beginning to end and resumes, or has to start afresh. EXAMPLES=2000
in the environment makes the run longer, and different each time.
"""

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chat.consumers import writer
from chatsite.realtime import following, hub, opening, subscribing
from chatsite.realtime.events import EVENT_TYPES, DurableEvent
from notifications.services import inbox
from tests.properties import clients
from tests.properties.commands import (
    AtOnce,
    Cancel,
    Change,
    ComeBack,
    Delete,
    Edit,
    GoAway,
    LoseWorker,
    NewRoom,
    Post,
    Put,
    React,
    Read,
    ReadNotifications,
    Report,
    Retry,
    StartJob,
    TakeOut,
    Unreact,
    Work,
)
from tests.properties.world import LATE, NAMES, World

SUITE_EXAMPLES = 14
EXAMPLES = int(os.environ.get("EXAMPLES", SUITE_EXAMPLES))
LONGEST = 24  # commands
LOSES_EVERY = 3  # announcements, where some are lost

HINTS = {"room.changed", "member.joined", "member.left"}
WAYS = {"a replay", "a compacted run", "a reset"}

who = st.sampled_from(NAMES)
recent = st.integers(0, 3)
text = st.sampled_from(["hello", "**b** `c`", "@alice, see", "@bob @charlie", "👍 ü"])
emoji = st.sampled_from(["👍", "🎉"])
talk = st.one_of(
    st.builds(Post, who, recent, text, st.none() | recent, st.booleans()),
    st.builds(Post, who, recent, text),
    st.builds(Edit, who, recent, text),
    st.builds(Delete, who, recent),
    st.builds(React, who, recent, emoji),
    st.builds(Unreact, who, recent, emoji),
    st.builds(Read, who, recent, st.integers(0, 12)),
    st.builds(ReadNotifications, who, recent, st.booleans()),
)
rooms = st.one_of(
    st.builds(
        NewRoom, who, st.sampled_from(["public", "private", "direct"]), st.sets(who, max_size=2).map(sorted).map(tuple)
    ),
    st.builds(Put, who, recent, who, st.sampled_from([None, None, "member", "moderator", "owner"])),
    st.builds(TakeOut, who, recent, who),
    st.builds(Change, who, recent, st.sampled_from(["name", "topic"]), st.sampled_from(["One", "Two"])),
    st.builds(Change, who, recent, st.just("archived"), st.booleans()),
)
jobs = st.one_of(
    st.builds(StartJob, who, st.sampled_from([None, 0.0, 1.0])),
    st.builds(Report, recent, st.integers(0, 5), st.sampled_from([None, None, "succeeded", "failed", "cancelled"])),
    st.builds(Work, recent),
    st.builds(LoseWorker, recent),
    st.builds(Cancel, recent),
    st.builds(Retry, recent),
)
coming = st.builds(GoAway, who) | st.builds(ComeBack, who)
at_once = st.builds(AtOnce, st.lists(talk | jobs, min_size=2, max_size=4).map(tuple))
commands = st.lists(st.one_of(talk, talk, talk, rooms, rooms, jobs, coming, at_once), max_size=LONGEST)

# Each kind of event at least once, whatever chance brings.
EVERYTHING: list[Any] = [
    *(Post("alice", 0, "@bob, see"), Post("bob", 0, "hello", answers=0), Edit("bob", 0, "**b** @alice")),
    *(React("alice", 0, "👍"), React("bob", 0, "👍"), Unreact("bob", 0, "👍"), Delete("alice", 1)),
    *(Put("charlie", 0, "charlie"), Put("alice", 1, "charlie"), Put("alice", 1, "bob", "moderator"), GoAway("bob")),
    *(Post("charlie", 1, "@alice, see", over_http=True), Read("alice", 1, 4), ReadNotifications("bob", 0, up_to=True)),
    *(Change("bob", 1, "name", "One"), Change("bob", 1, "topic", "Two"), Change("alice", 1, "archived", value=True)),
    *(Post("alice", 1, "refused"), Change("alice", 1, "archived", value=False), TakeOut("alice", 1, "charlie")),
    *(
        ComeBack("bob"),
        TakeOut("charlie", 0, "charlie"),
        NewRoom("bob", "direct", ("charlie",)),
        Post("bob", 0, "hello"),
    ),
    *(StartJob("alice", None), Report(0, 1), LoseWorker(0), Report(0, 3), Report(0, 4, "succeeded")),
    *(StartJob("bob", 1.0), Work(0), Retry(0), Cancel(0), StartJob("bob", 0.0), LoseWorker(0), Work(0)),
    # And each as the last that became of a message or a job, so that nothing later makes up for it.
    *(Post("bob", 2, "hello"), Edit("bob", 0, "**b**"), Post("bob", 2, "hello"), React("alice", 0, "👍")),
    *(StartJob("alice", None), StartJob("alice", None), Report(0, 1)),
    *(StartJob("alice", None), Report(0, 1), LoseWorker(0)),
    *(StartJob("alice", None), Report(0, 1), LoseWorker(0), Report(0, 2)),
    *(StartJob("alice", None), Report(0, 1), Report(0, 2, "cancelled")),
    AtOnce((Post("alice", 1, "hello"), Post("bob", 1, "hello"), React("alice", 0, "🎉"))),
]


class Losses:
    """While `on`, every third announcement reaches nobody."""

    def __init__(self, announce: Any) -> None:
        self.on = False
        self._announce = announce
        self._count = 0

    def announce(self, here: hub.Hub, *arguments: Any) -> None:
        self._count += 1
        if not self.on or self._count % LOSES_EVERY:
            self._announce(here, *arguments)


@pytest.fixture
def losses(monkeypatch: pytest.MonkeyPatch) -> Losses:
    """And comparisons with the database are made more often than once a second."""
    losses = Losses(hub.Hub.announce)
    monkeypatch.setattr(hub.Hub, "announce", lambda *arguments: losses.announce(*arguments))
    monkeypatch.setattr(hub, "RECONCILE_SECONDS", 0.1)
    monkeypatch.setattr(following, "HOLE_WAIT_SECONDS", 0.01)
    return losses


@pytest.fixture
def loop(transactional_db: None, settings: Any) -> Iterator[asyncio.Runner]:
    """One event loop for all examples; afterwards nothing is written and no hub looks on."""
    settings.RATE_LIMITS = False
    with asyncio.Runner() as runner:
        yield runner
        runner.run(writer.drain())
        if here := hub.current():
            here.stop()


def make_memories_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is remembered in the process, read at once, replayed and kept is hardly anything."""
    monkeypatch.setattr(following, "RING_FRAMES", 3)
    monkeypatch.setattr(following, "READ_FRAMES", 2)
    monkeypatch.setattr(subscribing, "READ_FRAMES", 2)
    monkeypatch.setattr(opening, "MAX_REPLAY", 4)
    monkeypatch.setattr(hub, "LINGER_SECONDS", 0.0)
    monkeypatch.setattr(hub, "RING_SECONDS", 0.01)
    monkeypatch.setattr(inbox, "KEPT_EVENTS", 4)
    monkeypatch.setattr(inbox, "PRUNE_EVERY", 1)


async def live_through(sequence: list[Any], late: str) -> list[str]:
    world = World()
    await world.begin()
    try:
        for command in sequence:
            await command.run(world)
            if not isinstance(command, AtOnce):
                await world.settle()
        await world.late_ones_return(late)
        await world.settle()
        return await world.differences()
    finally:
        await world.end()


def test_state_and_events_make_the_state_fetched_afresh(loop: asyncio.Runner, losses: Losses) -> None:
    clients.seen.clear()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=EXAMPLES == SUITE_EXAMPLES,
        suppress_health_check=list(HealthCheck),
    )
    @given(sequence=commands, late=st.sampled_from(LATE), short_memories=st.booleans(), lossy=st.booleans())
    @example(sequence=EVERYTHING, late="compacted", short_memories=False, lossy=False)
    @example(sequence=EVERYTHING, late="compacted", short_memories=True, lossy=True)
    def hold(sequence: list[Any], late: str, short_memories: bool, lossy: bool) -> None:
        losses.on = lossy
        with pytest.MonkeyPatch.context() as monkeypatch:
            if short_memories:
                make_memories_short(monkeypatch)
            found = loop.run(live_through(sequence, late))
        assert not found, "\n".join(["the clients differ from the state:", *found])

    hold()
    durable = {name for name, event in EVENT_TYPES.items() if issubclass(event, DurableEvent)}
    assert clients.seen.keys() >= durable | HINTS | WAYS, (durable | HINTS | WAYS) - clients.seen.keys()
