"""Text, rate limits, encodings, the way to the database and the way between processes."""

import asyncio
import threading
import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import ProgrammingError, connection
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from chat.commands import MAX_BODY_CHARACTERS, Body
from chat.events import MessagePosted, TypingStarted
from chatsite.realtime import ratelimits, relay, threads
from chatsite.realtime.announce import announce
from chatsite.realtime.commands import PROBLEMS, CommandError
from chatsite.realtime.events import encode, encode_ephemeral, rfc3339
from chatsite.realtime.outages import UnavailableError
from chatsite.realtime.ratelimits import limit, take
from chatsite.realtime.relay import Ear, Publisher, group_of
from chatsite.realtime.text import CleanText
from chatsite.realtime.threads import in_database

text = TypeAdapter(CleanText)
body = TypeAdapter(Body)


# --- Text -------------------------------------------------------------------


@pytest.mark.parametrize("value", ["\x00", "a\x00b", "\ud800", "a\udfffb"])
def test_it_refuses_what_a_database_would_choke_on(value: str) -> None:
    with pytest.raises(ValidationError) as caught:
        text.validate_python(value)
    assert caught.value.errors()[0]["type"] in PROBLEMS  # so that it is said in the reader's language


@given(st.text())
def test_text_comes_out_normalised_and_storable(value: str) -> None:
    if "\x00" in value:
        return
    cleaned = text.validate_python(value)
    assert cleaned == unicodedata.normalize("NFC", value)
    assert cleaned.encode().decode() == cleaned


def test_a_body_is_counted_after_it_was_normalised() -> None:
    assert body.validate_python("e\u0301" * MAX_BODY_CHARACTERS) == "é" * MAX_BODY_CHARACTERS
    growing = "\u0958"  # one character that NFC writes as two
    with pytest.raises(ValidationError):
        body.validate_python(growing * MAX_BODY_CHARACTERS)


@pytest.mark.parametrize("value", ["", " ", "\n\t", "\u3000"])
def test_a_body_has_something_in_it(value: str) -> None:
    with pytest.raises(ValidationError):
        body.validate_python(value)


# --- Rate limits ------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """`clock[0]` is the time."""
    now = [1000.0]
    monkeypatch.setattr(ratelimits.time, "monotonic", lambda: now[0])
    ratelimits.forget_all()
    return now


def test_a_bucket_gives_its_burst_and_then_its_rate(clock: list[float]) -> None:
    assert [take("post", 1, 2.0, 3) for _ in range(3)] == [0, 0, 0]
    assert take("post", 1, 2.0, 3) == 0.5
    clock[0] += 0.5
    assert take("post", 1, 2.0, 3) == 0
    clock[0] += 100
    assert [take("post", 1, 2.0, 3) for _ in range(4)] == [0, 0, 0, 0.5]


def test_asking_too_early_does_not_make_one_wait_longer(clock: list[float]) -> None:
    take("post", 1, 1.0, 1)
    for _ in range(5):
        assert take("post", 1, 1.0, 1) > 0
    clock[0] += 1
    assert take("post", 1, 1.0, 1) == 0


def test_people_and_buckets_are_apart(clock: list[float]) -> None:
    assert [take("post", 1, 1.0, 1), take("post", 2, 1.0, 1), take("typing", 1, 1.0, 1)] == [0, 0, 0]


def test_it_refuses_with_the_time_to_wait(clock: list[float]) -> None:
    limit("post", 1, 0.5, 1)
    with pytest.raises(CommandError) as refused:
        limit("post", 1, 0.5, 1)
    assert refused.value.payload() | {"message": ""} == {"code": "rate_limited", "message": "", "retry_after": 2.0}


def test_it_forgets_those_who_asked_longest_ago(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ratelimits, "MAX_BUCKETS", 2)
    for user_id in (1, 2, 3):
        take("post", user_id, 1.0, 1)
    assert len(ratelimits._buckets) == 2


def test_limits_can_be_off(clock: list[float], settings: Any) -> None:
    settings.RATE_LIMITS = False
    assert [take("post", 1, 1.0, 1) for _ in range(5)] == [0] * 5


# --- Encodings --------------------------------------------------------------


def test_times_are_in_utc() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 600, tzinfo=timezone(timedelta(hours=2)))
    assert rfc3339(moment) == "2026-01-02T01:04:05.000600Z"


def test_a_frame_says_what_it_follows_only_where_that_is_not_the_one_before() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    event = MessagePosted({"id": 1})
    assert encode(event, "room:7", 5, now).text == (
        '{"type":"message.posted","stream":"room:7","seq":5,"at":"2026-01-01T00:00:00Z","message":{"id":1}}'
    )
    frame = encode(event, "room:7", 5, now, after=2)
    assert (frame.after, '"after":2' in frame.text) == (2, True)


def test_an_ephemeral_event_has_no_place() -> None:
    assert encode_ephemeral(TypingStarted(7, {"id": 1}), "room:7") == (
        '{"type":"typing.started","stream":"room:7","room":7,"user":{"id":1}}'
    )


# --- Threads ----------------------------------------------------------------


async def test_work_leaves_the_loops_thread() -> None:
    assert await in_database(threading.get_ident) != threading.get_ident()


async def test_one_slow_call_holds_no_other_up() -> None:
    slow, started = threading.Event(), threading.Event()

    def wait() -> str:
        started.set()
        slow.wait(10)
        return "slow"

    waiting = asyncio.create_task(in_database(wait))
    await asyncio.to_thread(started.wait)
    assert await in_database(lambda: "quick") == "quick"
    assert not waiting.done()
    slow.set()
    assert await waiting == "slow"


@pytest.mark.django_db(transaction=True)
async def test_a_thread_heals_after_its_connection_broke(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "HEAL_SECONDS", 0)

    def ask() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return int(cursor.fetchone()[0])

    def break_it() -> None:
        connection.ensure_connection()
        connection.connection.close()
        ask()

    for _ in range(threads.DATABASE_THREADS):
        with pytest.raises((ProgrammingError, UnavailableError)):
            await in_database(break_it)
    assert [await in_database(ask) for _ in range(threads.DATABASE_THREADS)] == [1] * threads.DATABASE_THREADS


# --- Between processes -------------------------------------------------------


class Layer:
    """A channel layer that may fail or hang."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.trouble = ""
        self.groups: set[tuple[str, str]] = set()
        self.inbox: asyncio.Queue[Any] = asyncio.Queue()
        self.channels = 0

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        if self.trouble == "hangs":
            await asyncio.Event().wait()
        if self.trouble == "fails":
            raise ConnectionError("no Redis")
        self.sent.append((group, message))

    async def new_channel(self) -> str:
        self.channels += 1
        return f"channel-{self.channels}"

    async def group_add(self, group: str, channel: str) -> None:
        if self.trouble == "fails":
            raise ConnectionError("no Redis")
        self.groups.add((group, channel))

    async def group_discard(self, group: str, channel: str) -> None:
        self.groups.discard((group, channel))

    async def receive(self, channel: str) -> Any:
        message = await self.inbox.get()
        if isinstance(message, Exception):
            raise message
        return message


@pytest.fixture
def layer(monkeypatch: pytest.MonkeyPatch) -> Layer:
    layer = Layer()
    monkeypatch.setattr(relay, "get_channel_layer", lambda: layer)
    monkeypatch.setattr(relay, "PUBLISH_TIMEOUT_SECONDS", 0.01)
    monkeypatch.setattr(relay, "RETRY_SECONDS", 0)
    return layer


async def published(publisher: Publisher) -> None:
    while publisher._task is not None and not publisher._task.done():
        await publisher._task


@pytest.mark.parametrize("trouble", ["fails", "hangs"])
async def test_a_publisher_survives_its_layer(layer: Layer, trouble: str) -> None:
    publisher = Publisher(asyncio.get_running_loop())
    layer.trouble = trouble
    publisher.publish("room.1", {"n": 1})
    await published(publisher)
    layer.trouble = ""
    publisher.publish("room.1", {"n": 2})
    publisher.publish("room.1", {"n": 3})
    await published(publisher)
    assert [message["n"] for _, message in layer.sent] == [2, 3]


async def test_a_publisher_keeps_only_the_newest_of_too_many(layer: Layer) -> None:
    publisher = Publisher(asyncio.get_running_loop())
    for number in range(relay.MAX_WAITING + 5):
        publisher.publish("room.1", {"n": number})
    await published(publisher)
    assert len(layer.sent) == relay.MAX_WAITING
    assert layer.sent[-1][1]["n"] == relay.MAX_WAITING + 4


async def settled(ear: Ear) -> None:
    while ear._settling is not None and not ear._settling.done():
        await ear._settling


async def test_an_ear_that_lost_its_layer_rejoins_all_groups(layer: Layer) -> None:
    ear = Ear()
    ear.join("room.1")
    layer.inbox.put_nowait({"n": 1})
    assert await ear.hear() == {"n": 1}
    ear.join("room.2")
    layer.inbox.put_nowait(ConnectionError("Redis restarts"))
    layer.inbox.put_nowait({"n": 2})
    assert await ear.hear() == {"n": 2}
    await settled(ear)
    assert {("room.1", "channel-2"), ("room.2", "channel-2")} <= layer.groups


async def test_an_ear_that_cannot_join_tries_again_when_asked_to_settle(layer: Layer) -> None:
    ear = Ear()
    layer.inbox.put_nowait({"n": 1})
    await ear.hear()
    layer.trouble = "fails"
    ear.join("room.1")
    await settled(ear)
    layer.trouble = ""
    ear.settle()
    await settled(ear)
    assert ("room.1", "channel-1") in layer.groups


async def test_an_ear_leaves_what_nobody_follows(layer: Layer) -> None:
    ear = Ear()
    ear.join("room.1")
    layer.inbox.put_nowait({"n": 1})
    await ear.hear()
    await settled(ear)
    ear.leave("room.1")
    await settled(ear)
    assert ("room.1", "channel-1") not in layer.groups


def test_groups_are_named_as_layers_want_it() -> None:
    assert group_of("room:7") == "room.7"


def test_announcing_never_raises(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr("chatsite.realtime.announce.hubs.current", lambda: 1 / 0)
    announce("room:7", [])
    assert "announcement lost: room:7" in caplog.text
