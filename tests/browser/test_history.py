"""Long rooms: older pages come above, and nothing that is read moves."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Enter, MakeRoom
from tests.support.sites import Site

Room = dict[str, Any]

# Where a message stands in the window, after the next frame was drawn.
TOP_OF = "text => new Promise(r => requestAnimationFrame(() => r(find(text).getBoundingClientRect().top)))"
FIND = "window.find = text => [...document.querySelectorAll('.msg')].find(m => m.textContent.includes(text))"


@pytest.fixture
def long_room(site: Site, make_room: MakeRoom) -> Room:
    """With messages “line 1.” to “line 130.” of Alice."""
    room = make_room("alice", "bob")
    for number in range(1, 131):
        status, _ = site.call(
            "POST", f"/api/rooms/{room['id']}/messages", site.people["alice"], {"body": f"line {number}."}
        )
        assert status == 201
    return room


def test_history_comes_above_without_moving_what_is_read(person: Enter, long_room: Room) -> None:
    bob = person("bob")
    bob.opens(long_room)
    bob.page.evaluate(FIND)
    expect(bob.message("line 130.")).to_have_count(1)
    expect(bob.message("line 1.")).to_have_count(0)

    oldest = bob.messages.first
    text = oldest.locator(".body").text_content()
    bob.page.evaluate("text => find(text).scrollIntoView({block: 'start'})", text)
    before = bob.page.evaluate(TOP_OF, text)
    expect(oldest.locator(".body")).not_to_have_text(text or "")
    assert abs(bob.page.evaluate(TOP_OF, text) - before) <= 1

    while bob.message("line 1.").count() == 0:
        first = bob.messages.first.get_attribute("id") or ""
        bob.messages.first.scroll_into_view_if_needed()
        expect(bob.messages.first).not_to_have_id(first)
    lines = bob.messages.locator(".body").all_text_contents()
    assert lines == [f"line {number}." for number in range(1, 131)]
    expect(bob.page.locator(".history-end")).to_be_hidden()


def test_who_reads_above_is_not_pulled_down_and_finds_back(person: Enter, long_room: Room) -> None:
    alice, bob = person("alice"), person("bob")
    alice.opens(long_room)
    bob.opens(long_room)
    bob.page.evaluate(FIND)
    bob.page.evaluate("find('line 90.').scrollIntoView({block: 'start'})")
    pill = bob.page.locator(".newest")
    expect(pill).to_be_visible()
    before = bob.page.evaluate(TOP_OF, "line 90.")
    alice.writes("news")
    expect(pill).to_contain_text("1 new")
    assert abs(bob.page.evaluate(TOP_OF, "line 90.") - before) <= 1
    pill.click()
    expect(bob.message("news")).to_be_in_viewport()
    expect(pill).to_be_hidden()
    alice.writes("more news")
    expect(bob.message("more news")).to_be_in_viewport()
