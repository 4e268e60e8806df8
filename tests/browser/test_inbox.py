"""The inbox and its state in several tabs."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Enter, MakeRoom
from tests.browser.people import Someone

Room = dict[str, Any]


@pytest.fixture
def bobs_tabs(person: Enter) -> tuple[Someone, Someone]:
    """Bob at his inbox and, in the same browser, at his rooms; nothing waits."""
    bob = person("bob")
    tab = bob.another_tab()
    bob.has_read_everything()
    bob.goes_to("/notifications/")
    tab.goes_to("/")
    for window in (bob, tab):
        window.is_connected()
    return bob, tab


@pytest.mark.both_stacks
def test_what_is_read_in_one_tab_is_read_in_the_other(bobs_tabs: tuple[Someone, Someone], make_room: MakeRoom) -> None:
    bob, tab = bobs_tabs
    room = make_room("alice", "bob")
    bob.reads("1 thing waits for you")
    entry = bob.page.locator(".entry").filter(has_text=room["name"])
    expect(entry).to_contain_text("Alice added you to")
    expect(tab.page).to_have_title(re.compile(r"^\(1\) "))
    expect(tab.page.locator("#side-inbox .count")).to_have_text("1")
    bob.clicks("Mark as read", within=entry)
    bob.reads("Nothing waits for you")
    expect(tab.page.locator("#side-inbox .count")).to_be_hidden()
    expect(tab.page).not_to_have_title(re.compile(r"^\("))


def test_all_is_marked_as_read_at_once(bobs_tabs: tuple[Someone, Someone], make_room: MakeRoom) -> None:
    bob, tab = bobs_tabs
    make_room("alice", "bob", name="Left quay")
    make_room("alice", "bob", name="Right quay")
    bob.reads("2 things wait for you")
    bob.clicks("Mark all as read")
    bob.reads("Nothing waits for you")
    expect(tab.page.locator("#side-inbox .count")).to_be_hidden()
    bob.page.reload()
    bob.reads("Nothing waits for you")


def test_an_entry_leads_to_its_message(person: Enter, bobs_tabs: tuple[Someone, Someone], room: Room) -> None:
    bob, _ = bobs_tabs
    alice = person("alice")
    alice.opens(room)
    alice.writes("@bob the gauge is back")
    entry = bob.page.locator(".entry").filter(has_text="the gauge is back")
    entry.get_by_role("link").first.click()
    bob.arrives_at(f"/rooms/{room['slug']}/")
    expect(bob.message("the gauge is back")).to_be_focused()
