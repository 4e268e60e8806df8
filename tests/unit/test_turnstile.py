"""Who waits at the turnstile for whom: an application that answers when it is told to."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from chatsite import turnstile
from chatsite.realtime import hub as hubs
from chatsite.turnstile import Turnstile

AT_ONCE = 2
NO_REST = 0
PROGRAM = [(b"authorization", b"Bearer chat_key")]
PERSON = [(b"cookie", b"sessionid=1")]


class Pages:
    """Keeps every request that has arrived whole until its future in `at_work` is done."""

    def __init__(self) -> None:
        self.at_work: list[asyncio.Future[None]] = []
        self.streams_on = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.at_work.append(told)
        await told
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await self.streams_on.wait()


class Visitor:
    """One request to the turnstile. Its body ends with `says(more=False)`."""

    def __init__(self, door: Turnstile, headers: list[tuple[bytes, bytes]]) -> None:
        self._body: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.answers: list[dict[str, Any]] = []
        self.task = asyncio.create_task(door({"type": "http", "headers": headers}, self._body.get, self._take))  # type: ignore[arg-type]

    async def _take(self, event: dict[str, Any]) -> None:
        self.answers.append(event)

    def says(self, more: bool) -> None:
        self._body.put_nowait({"type": "http.request", "body": b"{}", "more_body": more})


async def settled() -> None:
    """Everything that can go on without news from outside has gone on."""
    for _ in range(20):
        await asyncio.sleep(0)


async def programs(door: Turnstile, count: int) -> list[Visitor]:
    visitors = [Visitor(door, PROGRAM) for _ in range(count)]
    for visitor in visitors:
        visitor.says(more=False)
    await settled()
    return visitors


async def visits(door: Turnstile) -> None:
    """Somebody asks for a page."""
    Visitor(door, PERSON).says(more=False)
    await settled()


async def one_of_two_is_answered(door: Turnstile, pages: Pages) -> None:
    """Of two programs that came, where one is at work at a time."""
    await programs(door, 2)
    pages.at_work[-1].set_result(None)
    await settled()


async def test_few_programs_are_at_work_at_once_and_the_others_follow() -> None:
    pages = Pages()
    visitors = await programs(Turnstile(pages, AT_ONCE, NO_REST), 5)
    for begun in range(AT_ONCE, 5):
        assert len(pages.at_work) == begun
        pages.at_work[begun - AT_ONCE].set_result(None)
        await settled()
    assert len(pages.at_work) == 5
    assert [len(visitor.answers) for visitor in visitors] == [1] * (5 - AT_ONCE) + [0] * AT_ONCE


async def test_people_do_not_wait_for_programs() -> None:
    pages = Pages()
    door = Turnstile(pages, AT_ONCE, NO_REST)
    await programs(door, 5)
    await visits(door)
    assert len(pages.at_work) == AT_ONCE + 1


@pytest.fixture
def long_rest(monkeypatch: pytest.MonkeyPatch) -> float:
    monkeypatch.setattr(turnstile, "MAX_REST_SECONDS", 3600)
    return 10**12


async def test_after_a_program_people_have_the_process_to_themselves_for_a_while(long_rest: float) -> None:
    pages = Pages()
    door = Turnstile(pages, at_once=1, rest=long_rest)
    await visits(door)
    await one_of_two_is_answered(door, pages)
    assert len(pages.at_work) == 2
    await visits(door)
    assert len(pages.at_work) == 3


async def test_who_talks_has_it_as_well(long_rest: float, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = SimpleNamespace(active_at=asyncio.get_running_loop().time())
    monkeypatch.setattr(hubs, "current", lambda: hub)
    pages = Pages()
    door = Turnstile(pages, at_once=1, rest=long_rest)
    await one_of_two_is_answered(door, pages)
    assert len(pages.at_work) == 1


async def test_where_nobody_is_active_programs_follow_at_once(
    long_rest: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = Pages()
    door = Turnstile(pages, at_once=1, rest=long_rest)
    await one_of_two_is_answered(door, pages)
    assert len(pages.at_work) == 2, "there was nobody"
    monkeypatch.setattr(turnstile, "ACTIVE_SECONDS", 0)
    await visits(door)
    await programs(door, 1)
    pages.at_work[1].set_result(None)
    await settled()
    assert len(pages.at_work) == 4, "somebody was there, but is no more"


async def test_the_rest_is_never_long(long_rest: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turnstile, "MAX_REST_SECONDS", 0)
    pages = Pages()
    door = Turnstile(pages, at_once=1, rest=long_rest)
    await visits(door)
    await one_of_two_is_answered(door, pages)
    assert len(pages.at_work) == 3


async def test_who_sends_slowly_or_is_being_answered_keeps_nobody_waiting() -> None:
    pages = Pages()
    door = Turnstile(pages, AT_ONCE, NO_REST)
    slow = [Visitor(door, PROGRAM) for _ in range(AT_ONCE)]
    for visitor in slow:
        visitor.says(more=True)
    first = await programs(door, AT_ONCE)
    for told in list(pages.at_work):
        told.set_result(None)
    await settled()
    assert [len(visitor.answers) for visitor in first] == [1] * AT_ONCE, "their answers stream on"
    await programs(door, AT_ONCE)
    assert len(pages.at_work) == 2 * AT_ONCE


async def test_a_request_that_fails_or_is_given_up_gives_its_place_back() -> None:
    pages = Pages()
    door = Turnstile(pages, AT_ONCE, NO_REST)
    visitors = await programs(door, AT_ONCE + 2)
    visitors[-1].task.cancel()  # while it waits
    visitors[0].task.cancel()  # at work
    pages.at_work[1].set_exception(ValueError("broken"))
    await settled()
    assert len(pages.at_work) == AT_ONCE + 1
    await programs(door, 1)
    assert len(pages.at_work) == AT_ONCE + 2
    assert isinstance(visitors[1].task.exception(), ValueError)
