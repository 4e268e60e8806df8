"""What was written outlives trouble of the server and of the browser's storage."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.axe import finds_nothing_in_either_theme
from tests.browser.conftest import FLAGS, Enter
from tests.browser.people import Complaints, Someone
from tests.browser.unsent import POST, TOO_LONG, mark, note_posts, on_sqlite, pending, saved, wait_until
from tests.browser.windows import prepared
from tests.suite import chosen_browser
from tests.support.sites import Ground, Site

Room = dict[str, Any]

TROUBLE = "The server has trouble. It goes out when that is over."
NO_STORAGE = "Object.defineProperty(globalThis, 'indexedDB', {get() { throw new DOMException('no', 'SecurityError') }})"
NO_LOCKS = "delete Navigator.prototype.locks"
POST_ALL = """([room, bodies]) => import('/static/chat/outbox.js').then(({outbox}) => {
  for (const body of bodies) outbox.post(room, body, null)
})"""
MORE_THAN_A_BURST = 45  # one after the other: a machine so slow that this is not too fast proves nothing here
PHONE = {"width": 390, "height": 844}


@pytest.fixture
def alice(person: Enter, room: Room, complaints: Complaints) -> Someone:
    """Alice in her room, where pages may find that there is no connection."""
    complaints.expect_no_connection()
    alice = person("alice")
    alice.opens(room)
    return alice


@on_sqlite
def test_server_trouble_refuses_nothing_and_keeps_the_order(alice: Someone, room: Room) -> None:
    alice.writes("before")
    alice.sees_in_order("before")
    posts = note_posts(alice.page)
    alice.page.reload()
    alice.is_connected()
    with no_writing(alice.site):
        for text in ("one", "two", "three"):
            alice.writes(text)
        expect(alice.message("one").get_by_role("status")).to_contain_text(TROUBLE)
        wait_until(alice.page, lambda: posts.count("one") >= 3)
        expect(pending(alice)).to_have_text(["one", "two", "three"])
        alice.page.reload()
        expect(pending(alice)).to_have_text(["one", "two", "three"])
        assert set(posts) == {"one"}
    alice.sees_in_order("before", "one", "two", "three")
    assert saved(alice, room) == ["before", "one", "two", "three"]


def test_what_is_too_fast_waits_its_turn(person: Enter, ground: Ground, tmp_path: Path, complaints: Complaints) -> None:
    complaints.expect_no_connection()
    with Site(ground, tmp_path, RATE_LIMITS="on", EMAIL_URL="file://") as site:
        alice = person("alice", at=site)
        alice.opens(site.room)
        already = saved(alice, site.room)
        texts = [f"line {number}" for number in range(MORE_THAN_A_BURST)]
        alice.page.evaluate(POST_ALL, [site.room, texts])
        expect(alice.message(texts[-1])).not_to_have_attribute("data-state", "pending")
        expect(alice.timeline.locator("[data-state]")).to_have_count(0)
        assert saved(alice, site.room) == [*already, *texts]


def test_closing_the_browser_loses_nothing(
    browser: Browser, site: Site, room: Room, complaints: Complaints, tmp_path: Path
) -> None:
    complaints.expect_no_connection()
    with whole_browser(browser, site, complaints, tmp_path) as alice:
        alice.opens(room)
        site.kill()
        for text in ("last words", "and a postscript"):
            alice.writes(text)
    site.start()
    with whole_browser(browser, site, complaints, tmp_path) as alice:
        alice.opens(room)
        alice.sees_in_order("last words", "and a postscript")
    assert saved(alice, room) == ["last words", "and a postscript"]


def test_without_storage_it_is_sent_and_said_only_when_it_could_be_lost(
    person: Enter, room: Room, complaints: Complaints
) -> None:
    complaints.expect_no_connection()
    alice = person("alice", alone=True)
    alice.context.add_init_script(NO_STORAGE)
    alice.opens(room)
    warning = alice.page.get_by_text("This browser keeps nothing: it is lost when you close the page.")
    alice.writes("all is well")
    alice.sees_in_order("all is well")
    alice.context.set_offline(True)
    alice.writes("one")
    alice.writes("two")
    expect(warning).to_have_count(2)
    expect(warning.first).to_be_visible()
    with alice.page.expect_event("dialog") as asked:
        alice.page.close(run_before_unload=True)
    assert asked.value.type == "beforeunload"
    asked.value.dismiss()
    alice.context.set_offline(False)
    alice.sees_in_order("all is well", "one", "two")
    expect(warning).to_have_count(0)
    assert saved(alice, room) == ["all is well", "one", "two"]


def test_a_full_disk_stops_nobody(person: Enter, room: Room, complaints: Complaints) -> None:
    complaints.expect_no_connection()
    alice = person("alice", alone=True)
    alice.opens(room)
    page = alice.context.new_cdp_session(alice.page)
    page.send("Storage.overrideQuotaForOrigin", {"origin": alice.site.origin, "quotaSize": 1})
    alice.writes("in passing")
    alice.sees_in_order("in passing")
    alice.context.set_offline(True)
    alice.writes("one")
    alice.writes("two")
    expect(alice.timeline.locator(".unkept").first).to_be_visible()
    alice.context.set_offline(False)
    alice.sees_in_order("in passing", "one", "two")


def test_where_a_browser_has_no_locks_the_server_sorts_it_out(
    person: Enter, room: Room, complaints: Complaints
) -> None:
    complaints.expect_no_connection()
    alice = person("alice", alone=True)
    alice.context.add_init_script(NO_LOCKS)
    tab = alice.another_tab()
    alice.opens(room)
    tab.opens(room)
    alice.site.kill()
    for number in range(4):
        (alice, tab)[number % 2].writes(str(number))
        expect(pending(alice)).to_have_count(number + 1)
    alice.site.start()
    for window in (alice, tab):
        window.sees_in_order("0", "1", "2", "3")
    assert saved(alice, room) == ["0", "1", "2", "3"]


@on_sqlite
@pytest.mark.parametrize("window", [{}, {"viewport": PHONE, "has_touch": True}], ids=["desk", "phone"])
def test_what_waits_and_what_is_refused_give_axe_nothing_to_find(
    person: Enter, room: Room, complaints: Complaints, window: Any
) -> None:
    complaints.expect_no_connection()
    alice = person("alice", alone=True, **window)
    alice.context.add_init_script(NO_STORAGE)
    alice.opens(room)
    alice.page.evaluate(POST, [room, TOO_LONG])
    expect(mark(alice, room)).to_have_count(1)
    with no_writing(alice.site):
        alice.writes("held up")
        expect(alice.message("held up").get_by_role("status")).to_contain_text(TROUBLE)
        finds_nothing_in_either_theme(alice.page)
        alice.context.set_offline(True)
        alice.writes("waits")
        alice.reads("You are offline.")
        alice.message("waits").hover()
        expect(alice.message("waits").get_by_role("button", name="Discard")).to_be_visible()
        finds_nothing_in_either_theme(alice.page)
    if window:
        alice.message("waits").get_by_role("button", name="Discard").tap()
        expect(alice.message("waits")).to_have_count(0)


@contextmanager
def no_writing(site: Site) -> Iterator[None]:
    """The database refuses every new message."""
    with closing(sqlite3.connect(site.var / "db.sqlite3", timeout=20)) as database:
        database.execute(
            "CREATE TRIGGER away BEFORE INSERT ON chat_message BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END"
        )
        try:
            yield
        finally:
            database.execute("DROP TRIGGER away")


@contextmanager
def whole_browser(browser: Browser, site: Site, complaints: Complaints, folder: Path) -> Iterator[Someone]:
    """Alice at a browser of her own, whose profile stays."""
    context = browser.browser_type.launch_persistent_context(
        folder, executable_path=chosen_browser(), args=FLAGS, base_url=site.origin, reduced_motion="reduce"
    )
    with Someone.at(prepared(context), site, "alice", complaints) as alice:
        yield alice
    context.close()
