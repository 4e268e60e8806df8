"""Work that is begun again, the breaker, the cache's stand-in, the log: each by itself."""

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.core.cache.backends.base import BaseCache
from django.db import DataError, IntegrityError, OperationalError, connections, transaction

from accounts.models import User
from chat.markup import render
from chat.models import Message, Room
from chat.services.posting import Post, Posted, post_messages
from chatsite.caching import SteadyCache
from chatsite.logs import LINES_PER_WINDOW, OutageFilter
from chatsite.realtime import breaker as breakers
from chatsite.realtime import relay, threads
from chatsite.realtime.batches import Batcher
from chatsite.realtime.breaker import FAILURES, Breaker
from chatsite.realtime.outages import UnavailableError, courtesy, is_outage, may_pass
from chatsite.realtime.relay import Publisher
from chatsite.realtime.threads import in_database
from tests.support import servers

WAIT_SECONDS = 20


def wrapped(cause: Exception, kind: type[Exception] = OperationalError) -> Exception:
    """As Django hands a driver's error on."""
    error = kind(str(cause))
    error.__cause__ = cause
    return error


def sqlite_error(code: int) -> Exception:
    error = sqlite3.OperationalError("trouble")
    error.sqlite_errorcode = code
    return wrapped(error)


BUSY = sqlite_error(sqlite3.SQLITE_BUSY)
FULL = sqlite_error(sqlite3.SQLITE_FULL)


# --- Which errors pass ------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "passes", "outage"),
    [
        (wrapped(psycopg.OperationalError("server closed the connection")), True, True),
        (wrapped(psycopg.errors.DeadlockDetected()), True, True),
        (wrapped(psycopg.errors.SerializationFailure()), True, True),
        (wrapped(psycopg.errors.AdminShutdown()), True, True),
        (wrapped(psycopg.errors.CannotConnectNow()), True, True),
        (wrapped(psycopg.errors.DiskFull()), False, True),
        (wrapped(psycopg.errors.QueryCanceled()), False, False),
        (wrapped(psycopg.errors.UniqueViolation(), IntegrityError), False, False),
        (BUSY, True, True),
        (sqlite_error(sqlite3.SQLITE_BUSY_SNAPSHOT), True, True),
        (FULL, False, True),
        (sqlite_error(sqlite3.SQLITE_IOERR_SHMSIZE), False, True),
        (sqlite_error(sqlite3.SQLITE_ERROR), False, False),
        (OSError(28, "No space left on device"), False, True),
        (OSError(13, "Permission denied"), False, False),
        (wrapped(psycopg.DataError(), DataError), False, False),
        (ValueError("ours"), False, False),
    ],
    ids=lambda value: repr(getattr(value, "__cause__", None) or value),
)
def test_it_knows_what_passes_and_what_is_nobodys_mistake(error: Exception, passes: bool, outage: bool) -> None:
    assert (may_pass(error), is_outage(error)) == (passes, outage)


# --- Beginning again --------------------------------------------------------


class Trouble:
    """Raises its error the first times that it is called."""

    def __init__(self, error: Exception, times: int) -> None:
        self.error = error
        self.times = times
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.times:
            raise self.error
        return "done"


async def test_what_may_pass_is_begun_again() -> None:
    trouble = Trouble(BUSY, times=3)
    assert await in_database(trouble) == "done"
    assert trouble.calls == 4


async def test_a_disk_that_is_full_is_told_at_once() -> None:
    trouble = Trouble(FULL, times=1)
    with pytest.raises(UnavailableError) as refused:
        await in_database(trouble)
    assert (refused.value.code, trouble.calls) == ("internal", 1)


async def test_a_mistake_of_ours_is_no_outage() -> None:
    trouble = Trouble(ValueError("ours"), times=1)
    with pytest.raises(ValueError):
        await in_database(trouble)
    assert trouble.calls == 1


async def test_it_gives_up_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "HEAL_SECONDS", 1.0)
    trouble = Trouble(BUSY, times=1_000)
    with pytest.raises(UnavailableError):
        await in_database(trouble)
    assert trouble.calls > 1


@pytest.mark.django_db(transaction=True)
async def test_a_post_whose_commit_was_not_heard_of_is_saved_once_and_acknowledged(
    room: Room, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = type(connections["default"])
    commit: Callable[[Any], None] = backend._commit
    trouble = Trouble(BUSY, times=1)

    def commit_and_hang_up(self: Any) -> None:
        commit(self)
        trouble()

    monkeypatch.setattr(backend, "_commit", commit_and_hang_up)
    client_id = uuid4()
    writer: Batcher[Post, Posted] = Batcher(post_messages)
    posted = await writer.submit(Post(alice.pk, room.pk, client_id, "Once", render("Once", {})))
    assert (trouble.calls, posted.created) == (2, False)  # it was seen before
    assert posted.message["client_id"] == client_id
    assert await in_database(Message.objects.filter(client_id=client_id).count) == 1


class Ledger:
    """Writes nothing while `away`."""

    def __init__(self) -> None:
        self.away = threading.Event()
        self.tried = threading.Event()
        self.written: list[str] = []

    def write(self, items: Sequence[str]) -> list[str | Exception]:
        if self.away.is_set():
            self.tried.set()
            raise BUSY
        self.written += items
        return list(items)


async def test_posts_that_waited_for_one_that_failed_fail_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each would wait as long again, and a later one must not be saved where an earlier one was refused."""
    monkeypatch.setattr(threads, "HEAL_SECONDS", 0.5)
    ledger = Ledger()
    writer: Batcher[str, str] = Batcher(ledger.write)
    ledger.away.set()
    first = writer.submit("first")
    await asyncio.to_thread(ledger.tried.wait, WAIT_SECONDS)
    later = [writer.submit("second"), writer.submit("third")]
    with pytest.raises(UnavailableError):
        await first
    ledger.away.clear()
    for future in later:
        with pytest.raises(UnavailableError):
            await future
    assert await writer.submit("fourth") == "fourth"
    assert ledger.written == ["fourth"]


@pytest.mark.django_db(transaction=True)
def test_a_courtesy_that_fails_costs_nothing_but_itself(alice: User) -> None:
    with courtesy("a test's word"):
        raise FULL
    assert User.objects.filter(pk=alice.pk).exists()
    with pytest.raises(OperationalError), transaction.atomic(), courtesy("a test's word"):
        raise FULL


# --- The breaker ------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """`clock[0]` is the time."""
    now = [1000.0]
    monkeypatch.setattr(breakers.time, "monotonic", lambda: now[0])
    return now


def open_breaker() -> Breaker:
    breaker = Breaker("a thing")
    for _ in range(FAILURES):
        assert breaker.allows()
        breaker.failed(ConnectionError())
    return breaker


def test_it_opens_after_some_failures_in_a_row(clock: list[float]) -> None:
    breaker = Breaker("a thing")
    for _ in range(FAILURES - 1):
        breaker.failed(ConnectionError())
    breaker.succeeded()
    breaker.failed(ConnectionError())
    assert breaker.allows()
    assert not open_breaker().allows()


def test_one_probe_is_let_through_and_closes_it(clock: list[float]) -> None:
    breaker = open_breaker()
    clock[0] += breakers.FIRST_PAUSE_SECONDS
    assert [breaker.allows() for _ in range(3)] == [True, False, False]
    breaker.succeeded()
    assert [breaker.allows() for _ in range(3)] == [True, True, True]


def test_pauses_grow_up_to_a_limit(clock: list[float]) -> None:
    breaker, pauses = open_breaker(), []
    for _ in range(10):
        began = clock[0]
        while not breaker.allows():
            clock[0] += 0.01
        pauses.append(clock[0] - began)
        breaker.failed(ConnectionError())
    assert pauses[0] <= breakers.FIRST_PAUSE_SECONDS + 0.02 < pauses[-1] <= breakers.MAX_PAUSE_SECONDS + 0.02


# --- The cache --------------------------------------------------------------


@pytest.fixture
def orphan() -> BaseCache:
    """A cache whose Redis is not there."""
    return SteadyCache(f"redis://127.0.0.1:{servers.free_port()}", {"OPTIONS": {"socket_connect_timeout": 0.5}})


def test_without_redis_limits_count_in_the_processs_own_memory(orphan: BaseCache) -> None:
    assert [orphan.add("wrong-passwords", 1, 60) for _ in range(2)] == [True, False]
    assert [orphan.incr("wrong-passwords") for _ in range(5)] == [2, 3, 4, 5, 6]
    assert orphan.get("wrong-passwords") == 6
    orphan.set("who", "alice", 60)
    assert orphan.get_many(["who", "nobody"]) == {"who": "alice"}
    assert (orphan.delete("who"), orphan.get("who", "nobody")) == (True, "nobody")
    with pytest.raises(ValueError):
        orphan.incr("who")


# --- The log ----------------------------------------------------------------


def record(error: Exception | None, message: str = "command failed") -> logging.LogRecord:
    exc_info: Any = (type(error), error, None) if error else None
    return logging.LogRecord("chat", logging.ERROR, __file__, 1, message, (), exc_info)


def test_an_outage_is_told_a_few_times_without_its_traceback() -> None:
    outages = OutageFilter()
    records = [record(FULL) for _ in range(LINES_PER_WINDOW + 5)]
    assert [outages.filter(each) for each in records] == [True] * LINES_PER_WINDOW + [False] * 5
    assert records[0].exc_info is None
    assert "trouble" in records[0].getMessage()


def test_everything_else_is_told_as_it_is() -> None:
    outages = OutageFilter()
    records = [record(ValueError("ours")) for _ in range(LINES_PER_WINDOW + 5)] + [record(None)]
    assert all(outages.filter(each) for each in records)
    assert records[0].exc_info


# --- Publishing -------------------------------------------------------------


class DeafLayer:
    """A channel layer without a Redis."""

    def __init__(self) -> None:
        self.asked = 0

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        self.asked += 1
        raise ConnectionError


async def test_while_the_layer_is_away_nothing_queues_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = DeafLayer()
    monkeypatch.setattr(relay, "get_channel_layer", lambda: layer)
    monkeypatch.setattr(breakers, "FIRST_PAUSE_SECONDS", WAIT_SECONDS)
    publisher = Publisher(asyncio.get_running_loop())
    for number in range(FAILURES + 20):
        publisher.publish("room.1", {"n": number})
    while publisher._task is not None and not publisher._task.done():
        await publisher._task
    publisher.publish("room.1", {"n": -1})
    assert (layer.asked, len(publisher._waiting)) == (FAILURES, 0)
