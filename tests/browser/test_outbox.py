"""What was written and isn't sent yet: kept, in order, sent once, by who wrote it, or thrown away by them."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Enter, MakeRoom
from tests.browser.people import Complaints, Someone
from tests.browser.unsent import POST, TOO_LONG, history, mark, note_posts, pending, saved

Room = dict[str, Any]

SLEEPS_WITH_THE_LOCK = """name => new Promise(locked => {
  navigator.locks.request(name, () => {
    locked()
    return new Promise(() => {})
  })
})"""
UNLIMITED = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}


@pytest.fixture
def alice(person: Enter, complaints: Complaints) -> Someone:
    """Alice, whose pages may find that there is no connection."""
    complaints.expect_no_connection()
    return person("alice")


def test_two_tabs_show_the_same_and_send_it_once(alice: Someone, room: Room) -> None:
    tab = alice.another_tab()
    posts = note_posts(alice.page, tab.page)
    alice.opens(room)
    tab.opens(room)
    alice.context.set_offline(True)
    alice.writes("one")
    alice.writes("two")
    tab.writes("three")
    for window in (alice, tab):
        expect(pending(window)).to_have_text(["one", "two", "three"])
    alice.context.set_offline(False)
    for window in (alice, tab):
        window.sees_in_order("one", "two", "three")
    assert saved(alice, room) == ["one", "two", "three"]
    assert sorted(posts) == ["one", "three", "two"]


def test_what_one_tab_wrote_another_sends_when_it_is_closed(alice: Someone, room: Room) -> None:
    tab = alice.another_tab()
    alice.opens(room)
    tab.opens(room)
    alice.context.set_offline(True)
    for window in (alice, tab):
        window.reads("You are offline.")
    alice.writes("left behind")
    expect(pending(tab)).to_have_text(["left behind"])
    alice.page.close()
    tab.context.set_offline(False)
    tab.sees_in_order("left behind")


def test_a_tab_that_sleeps_while_it_sends_is_not_waited_for_for_ever(person: Enter, room: Room) -> None:
    """Its lock is worth half a minute."""
    alice = person("alice", alone=True)
    sleeper = alice.another_tab()
    sleeper.goes_to("/people/")
    sleeper.page.evaluate(SLEEPS_WITH_THE_LOCK, f"outbox-{me(alice)}-{room['id']}")
    alice.page.clock.install()
    alice.opens(room)
    alice.writes("wake up")
    expect(pending(alice)).to_have_text(["wake up"])
    wait_for_the_lock(alice.page)
    alice.page.clock.fast_forward(20_000)
    expect(pending(alice)).to_have_text(["wake up"])
    alice.page.clock.fast_forward(10_000)
    alice.sees_in_order("wake up")


def test_what_waits_can_be_thrown_away_in_any_tab(alice: Someone, room: Room) -> None:
    tab = alice.another_tab()
    alice.opens(room)
    tab.opens(room)
    alice.context.set_offline(True)
    for text in ("keep this", "not this"):
        alice.writes(text)
    expect(pending(tab)).to_have_text(["keep this", "not this"])
    tab.message("not this").hover()
    tab.clicks("Discard", within=tab.message("not this"))
    expect(tab.composer).to_be_focused()
    for window in (alice, tab):
        expect(pending(window)).to_have_text(["keep this"])
    alice.context.set_offline(False)
    for window in (alice, tab):
        window.sees_in_order("keep this")
    alice.page.reload()
    alice.sees_in_order("keep this")
    assert saved(alice, room) == ["keep this"]


def test_what_waits_in_one_room_goes_out_from_any_page(alice: Someone, room: Room) -> None:
    alice.opens(room)
    alice.site.kill()
    alice.writes("from the pier")
    expect(mark(alice, room)).to_have_attribute("aria-label", "Waits to be sent")
    alice.site.start()
    alice.goes_to("/people/")
    expect(mark(alice, room)).to_have_count(0)
    assert saved(alice, room) == ["from the pier"]


def test_what_is_refused_elsewhere_is_said_in_the_sidebar(alice: Someone, room: Room) -> None:
    alice.goes_to("/people/")
    alice.page.evaluate(POST, [room, TOO_LONG])
    expect(mark(alice, room)).to_have_attribute("aria-label", "1 not sent")
    alice.opens(room)
    expect(mark(alice, room)).to_have_attribute("aria-label", "1 not sent")
    alice.clicks("Discard", within=alice.message(TOO_LONG))
    expect(mark(alice, room)).to_have_count(0)
    expect(alice.messages).to_have_count(0)


def test_what_is_refused_where_one_gets_no_more_is_not_lost_from_sight(alice: Someone, room: Room) -> None:
    alice.opens(room)
    alice.context.set_offline(True)
    alice.reads("You are offline.")
    alice.writes("written in vain")
    path = f"/api/rooms/{room['id']}"
    assert alice.site.call("PATCH", path, alice.site.people["alice"], {"archived": True})[0] == 200
    alice.page.close()
    alice.context.set_offline(False)
    later = alice.another_tab()
    later.goes_to("/people/")
    stray = later.page.locator("[data-stray] button")
    expect(stray).to_contain_text(room["name"])
    stray.click()
    later.reads("written in vain")
    later.confirms("Keep it")
    stray.click()
    later.confirms("Discard")
    expect(stray).to_have_count(0)
    later.page.reload()
    later.is_connected()
    expect(stray).to_have_count(0)


def test_a_refused_one_holds_nothing_up(alice: Someone, room: Room) -> None:
    alice.opens(room)
    alice.site.kill()
    for text in ("before", TOO_LONG, "after"):
        alice.page.evaluate(POST, [room, text])
    alice.site.start()
    expect(alice.message(TOO_LONG).get_by_role("alert")).to_contain_text(
        "Not sent: body: has more than 4000 characters"
    )
    expect(pending(alice)).to_have_count(0)
    assert saved(alice, room) == ["before", "after"]


def test_nobody_sends_what_somebody_else_wrote(alice: Someone, room: Room) -> None:
    """Bob signs in, in Alice's browser, while a page of hers has no connection."""
    alice.context.clear_cookies()
    alice.signs_in("alice")
    alice.opens(room)
    network = alice.context.new_cdp_session(alice.page)
    network.send("Network.emulateNetworkConditions", {"offline": True, **UNLIMITED})
    alice.reads("You are offline.")
    alice.writes("mine alone")
    tab = alice.another_tab()
    signs_out(tab)
    tab.signs_in("bob")
    network.send("Network.emulateNetworkConditions", {"offline": False, **UNLIMITED})
    expect(alice.page.locator(".me-text")).to_contain_text("@bob")
    alice.is_connected()
    expect(alice.messages).to_have_count(0)
    alice.writes("Bob here")
    alice.sees_in_order("Bob here")
    signs_out(tab)
    tab.signs_in("alice")
    tab.opens(room)
    tab.sees_in_order("Bob here", "mine alone")
    people = alice.site.people
    assert [message["author"]["id"] for message in history(alice, room)] == [people["bob"].id, people["alice"].id]


def test_who_signs_out_finds_it_when_they_are_back(alice: Someone, room: Room) -> None:
    alice.context.clear_cookies()
    alice.signs_in("alice")
    alice.opens(room)
    alice.context.set_offline(True)
    alice.reads("You are offline.")
    alice.writes("until tomorrow")
    alice.page.close()
    alice.context.set_offline(False)
    tab = alice.another_tab()
    signs_out(tab)
    tab.signs_in("bob")
    tab.opens(room)
    expect(tab.messages).to_have_count(0)
    signs_out(tab)
    assert saved(alice, room) == []
    tab.signs_in("alice")
    tab.opens(room)
    tab.sees_in_order("until tomorrow")


def test_each_room_has_its_own_order(alice: Someone, room: Room, make_room: MakeRoom) -> None:
    """What one room doesn't take holds up no other."""
    other = make_room("alice", "bob", name="Quarterdeck")
    alice.opens(room)
    alice.context.set_offline(True)
    for number in range(3):
        for where in (room, other):
            alice.page.evaluate(POST, [where, f"{number} in {where['name']}"])
    alice.context.set_offline(False)
    for where in (room, other):
        alice.opens(where)
        alice.sees_in_order(*[f"{number} in {where['name']}" for number in range(3)])


def wait_for_the_lock(page: Page) -> None:
    page.wait_for_function("navigator.locks.query().then(({pending}) => pending.length === 1)")


def me(someone: Someone) -> int:
    return someone.site.people[someone.name].id


def signs_out(someone: Someone) -> None:
    someone.goes_to("/accounts/logout/")
    with someone.page.expect_navigation():
        someone.clicks("Sign out", within=someone.page.locator("main"))
