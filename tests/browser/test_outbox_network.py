"""What was written outlives the network's trouble and long sleep; what was missed is shown, whole and once."""

import asyncio
import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Enter
from tests.browser.people import Complaints
from tests.browser.unsent import history, note_posts, on_sqlite, pending, saved, wait_until
from tests.browser.windows import TIMEOUT_MS
from tests.faults.proxy import Link, Proxy
from tests.support.sites import Site

Room = dict[str, Any]

TEN_MINUTES_MS = 600_000


@pytest.fixture
def proxy(site: Site) -> Iterator["Wire"]:
    with Wire(site.port) as wire:
        yield wire


def test_a_lost_answer_doubles_nothing(person: Enter, room: Room, complaints: Complaints, proxy: "Wire") -> None:
    complaints.expect_no_connection()
    alice = person("alice", alone=True, base_url=proxy.origin)
    posts = note_posts(alice.page)
    alice.opens(room)
    proxy.all(drop_ack=True)
    alice.writes("heard but not answered")
    alice.sees_in_order("heard but not answered")
    wait_until(alice.page, lambda: len(posts) == 2)
    alice.writes("and on")
    alice.sees_in_order("heard but not answered", "and on")
    assert saved(alice, room) == ["heard but not answered", "and on"]


@on_sqlite
def test_a_room_that_cannot_be_read_just_now_is_not_left(
    person: Enter, room: Room, complaints: Complaints, proxy: "Wire"
) -> None:
    complaints.expect_no_connection()
    complaints.expect("500")  # the page asks over HTTP as well
    alice, bob = person("alice", alone=True, base_url=proxy.origin), person("bob")
    alice.opens(room)
    bob.opens(room)
    bob.writes("before")
    alice.sees_in_order("before")
    answers = note_errors(alice.page)
    with no_reading(alice.site):
        proxy.cut()
        wait_until(alice.page, lambda: answers.count("internal") >= 2)
    bob.writes("after")
    alice.sees_in_order("before", "after")


def test_a_page_that_slept_ten_minutes_notices_at_once(
    person: Enter, room: Room, complaints: Complaints, proxy: "Wire"
) -> None:
    """As a laptop does: its timers stood still, the clock did not, and nobody told it that the connection died."""
    complaints.expect_no_connection()
    alice, bob = person("alice", alone=True, base_url=proxy.origin), person("bob")
    alice.page.clock.install()
    alice.opens(room)
    bob.opens(room)
    bob.writes("before")
    alice.sees_in_order("before")
    proxy.all(swallowing=True)
    alice.writes("just when it went")
    texts = [f"missed {number}" for number in range(5)]
    for text in texts:
        bob.writes(text)
    bob.sees_in_order("before", *texts)
    alice.page.clock.set_system_time(alice.page.evaluate("Date.now()") + TEN_MINUTES_MS)
    for window in (alice, bob):
        window.sees_in_order("before", *texts, "just when it went")
    assert saved(alice, room) == ["before", *texts, "just when it went"]


def test_a_frozen_tab_shows_what_it_missed(person: Enter, room: Room, complaints: Complaints) -> None:
    """The browser has stopped it; meanwhile the server went and came back."""
    complaints.expect_no_connection()
    alice, bob = person("alice", alone=True), person("bob")
    alice.page.clock.install()
    for window in (alice, bob):
        window.opens(room)
    bob.writes("before")
    alice.sees_in_order("before")
    freezer = alice.context.new_cdp_session(alice.page)
    freezer.send("Page.setWebLifecycleState", {"state": "frozen"})
    alice.site.kill()
    alice.site.start()
    texts = [f"missed {number}" for number in range(5)]
    for text in texts:
        bob.writes(text)
    bob.sees_in_order("before", *texts)
    freezer.send("Page.setWebLifecycleState", {"state": "active"})
    alice.page.clock.fast_forward(TEN_MINUTES_MS)
    alice.sees_in_order("before", *texts)
    alice.writes("good morning")
    for window in (alice, bob):
        window.sees_in_order("before", *texts, "good morning")


def test_half_a_minute_offline_while_both_write(person: Enter, room: Room, complaints: Complaints) -> None:
    complaints.expect_no_connection()
    alice, bob = person("alice", alone=True), person("bob")
    alice.page.clock.install()
    for window in (alice, bob):
        window.opens(room)
    alice.context.set_offline(True)
    for number in range(3):
        alice.writes(f"alice {number}")
        bob.writes(f"bob {number}")
        alice.page.clock.fast_forward(10_000)
        alice.reads("You are offline.")
    bob.sees_in_order("bob 0", "bob 1", "bob 2")
    expect(pending(alice)).to_have_text(["alice 0", "alice 1", "alice 2"])
    alice.context.set_offline(False)
    for window in (alice, bob):
        window.sees_in_order("bob 0", "bob 1", "bob 2", "alice 0", "alice 1", "alice 2")
    assert len(history(alice, room)) == 6


class Wire:
    """The faults' TCP proxy in front of the site, on a thread of its own: Playwright's own loop runs on this one."""

    def __init__(self, port: int) -> None:
        self.proxy = Proxy(port)
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="wire")

    def __enter__(self) -> "Wire":
        self.thread.start()
        self._do(self.proxy.__aenter__())
        return self

    def __exit__(self, *exception: object) -> None:
        self._do(self.proxy.__aexit__())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.proxy.port}"

    def all(self, **faults: bool) -> None:
        """Sets faults of all connections that are open now; later ones have none."""

        async def set_them() -> list[Link]:
            for link in self.proxy.links:
                link.__dict__.update(faults)
            return list(self.proxy.links)

        assert self._do(set_them())

    def cut(self) -> None:
        """Ends all connections that are open now."""

        async def reset_them() -> None:
            for link in list(self.proxy.links):
                link.reset()

        self._do(reset_them())

    def _do(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(TIMEOUT_MS / 1000)


@contextmanager
def no_reading(site: Site) -> Iterator[None]:
    """The database has no messages to read from."""
    with closing(sqlite3.connect(site.var / "db.sqlite3", timeout=20)) as database:
        database.execute("ALTER TABLE chat_message RENAME TO chat_message_away")
        try:
            yield
        finally:
            database.execute("ALTER TABLE chat_message_away RENAME TO chat_message")


def note_errors(page: Page) -> list[str]:
    """The codes of what sockets that open from now on are refused."""
    codes: list[str] = []

    def note(frame: str | bytes) -> None:
        answer = json.loads(frame)
        if answer["type"] == "error":
            codes.append(answer["code"])

    page.on("websocket", lambda socket: socket.on("framereceived", note))
    return codes
