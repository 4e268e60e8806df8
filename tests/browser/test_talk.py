"""Two people in two windows talk."""

import re
import statistics
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Enter
from tests.browser.people import Someone

Room = dict[str, Any]

TWENTY = 20
NOTE_ENTER = """() => {
  window.sent = []
  addEventListener('keydown', ({key}) => key === 'Enter' && sent.push(Date.now()), true)
}"""
NOTE_ARRIVALS = """() => {
  window.seen = {}
  new MutationObserver(() => {
    for (const node of document.querySelectorAll('#timeline .msg .body')) seen[node.textContent] ??= Date.now()
  }).observe(document.getElementById('timeline'), {childList: true, subtree: true})
}"""


@pytest.fixture
def two(person: Enter, room: Room) -> tuple[Someone, Someone]:
    """Alice and Bob in their room."""
    alice, bob = person("alice"), person("bob")
    alice.opens(room)
    bob.opens(room)
    return alice, bob


@pytest.mark.both_stacks
def test_what_one_writes_the_other_sees(two: tuple[Someone, Someone]) -> None:
    alice, bob = two
    alice.writes("Low water at **six**")
    bob.sees("Low water at six")
    expect(bob.message("Low water").locator("strong")).to_have_text("six")
    bob.writes("Then we leave at five")
    alice.sees_in_order("Low water at six", "Then we leave at five")
    bob.sees_in_order("Low water at six", "Then we leave at five")


@pytest.mark.both_stacks
def test_a_message_is_there_within_moments(two: tuple[Someone, Someone], report: Callable[[str], None]) -> None:
    alice, bob = two
    alice.page.evaluate(NOTE_ENTER)
    bob.page.evaluate(NOTE_ARRIVALS)
    for number in range(TWENTY):
        alice.writes(f"sounding {number}")
        bob.sees(f"sounding {number}")
    sent, seen = alice.page.evaluate("sent"), bob.page.evaluate("seen")
    took = [seen[f"sounding {number}"] - sent[number] for number in range(TWENTY)]
    median = statistics.median(took)
    report(f"From Enter to the other's page: median {median:.0f} ms, at most {max(took)} ms over {TWENTY} messages")
    assert median <= 2000


def test_markup_of_strangers_stays_text(two: tuple[Someone, Someone]) -> None:
    alice, bob = two
    alice.writes("<img src=x onerror=alert(1)> [here](javascript:alert(1))")
    bob.sees("<img src=x onerror=alert(1)>")
    assert bob.page.locator("#timeline img").count() == 0
    assert bob.page.locator("#timeline a[href^=javascript]").count() == 0


def test_an_edit_reaches_the_other(two: tuple[Someone, Someone]) -> None:
    alice, bob = two
    alice.writes("The pier opens at sevn")
    bob.sees("sevn")
    alice.presses("ArrowUp")
    field = alice.page.get_by_label("Edit the message")
    expect(field).to_have_value("The pier opens at sevn")
    field.fill("The pier opens at seven")
    field.press("Enter")
    expect(bob.message("seven")).to_contain_text("(edited)")
    expect(bob.message("sevn")).to_have_count(0)
    expect(alice.composer).to_be_focused()


def test_a_reaction_reaches_the_other_and_is_taken_back(two: tuple[Someone, Someone]) -> None:
    alice, bob = two
    alice.writes("It holds")
    bob.message("It holds").hover()
    bob.clicks("React", within=bob.message("It holds"))
    bob.page.locator("#emoji-picker").get_by_role("button", name="Thumbs up").click()
    theirs = alice.message("It holds").get_by_role("button", name="Thumbs up: Bob")
    expect(theirs).to_have_text("👍1")
    bob.message("It holds").get_by_role("button", name="Thumbs up").click()
    expect(theirs).to_have_count(0)


def delete(author: Someone, text: str) -> None:
    author.message(text).hover()
    author.clicks("More", within=author.message(text))
    author.clicks("Delete", role="menuitem")
    author.confirms("Delete")


def test_a_deleted_message_leaves_a_tombstone(two: tuple[Someone, Someone]) -> None:
    alice, bob = two
    alice.writes("Never mind")
    delete(alice, "Never mind")
    bob.sees("Message deleted")
    expect(bob.message("Never mind")).to_have_count(0)


def test_a_reply_names_what_it_answers(two: tuple[Someone, Someone]) -> None:
    alice, bob = two
    alice.writes("Who has the key?")
    bob.message("Who has").hover()
    bob.clicks("Reply", within=bob.message("Who has"))
    expect(bob.page.locator(".replying")).to_contain_text("Who has the key?")
    bob.writes("It hangs at the door")
    quote = alice.message("It hangs").locator(".quote")
    expect(quote).to_contain_text("Who has the key?")
    quote.click()
    expect(alice.messages.first).to_be_focused()


def test_a_mention_finds_who_is_elsewhere(person: Enter, room: Room) -> None:
    alice, bob = person("alice"), person("bob")
    bob.has_read_everything()
    bob.goes_to("/progress")
    bob.is_connected()
    alice.opens(room)
    alice.composer.press_sequentially("@bo")
    alice.page.get_by_role("option", name="Bob").wait_for()
    alice.presses("Enter")
    alice.composer.press_sequentially("can you look?")
    alice.presses("Enter")
    expect(bob.toasts.filter(has_text="can you look?")).to_be_visible()
    expect(bob.count_of(room)).to_have_text("@1")
    expect(bob.page).to_have_title(re.compile(r"^\(1\) "))
    bob.clicks("Open", role="link", within=bob.toasts)
    bob.arrives_at(f"/rooms/{room['slug']}/")
    expect(bob.message("can you look?")).to_have_class(re.compile("mention"))
    expect(bob.count_of(room)).to_be_hidden()


@pytest.mark.both_stacks
def test_typing_shows_and_ends_with_the_message(two: tuple[Someone, Someone]) -> None:
    alice, bob = two
    alice.types("I think")
    line = bob.page.locator(".typing")
    expect(line).to_have_text("Alice is typing")
    alice.presses("Enter")
    bob.sees("I think")
    expect(line).to_have_text("")


@pytest.mark.both_stacks
def test_what_is_unread_is_counted_until_it_is_read(person: Enter, room: Room) -> None:
    alice, bob = person("alice"), person("bob")
    tab = bob.another_tab()
    for window in (bob, tab):
        window.goes_to("/")
        window.is_connected()
    alice.opens(room)
    alice.writes("one")
    alice.writes("two")
    alice.writes("three")
    for window in (bob, tab):
        expect(window.count_of(room)).to_have_text("3")
    delete(alice, "two")
    for window in (bob, tab):
        expect(window.count_of(room)).to_have_text("2")
    bob.page.bring_to_front()
    bob.link_to(room).click()
    expect(bob.timeline.get_by_role("separator")).to_contain_text("New since")
    for window in (bob, tab):
        expect(window.count_of(room)).to_be_hidden()
    bob.goes_to("/")
    expect(bob.count_of(room)).to_be_hidden()


def test_a_dialog_waits_for_what_it_does(person: Enter, room: Room) -> None:
    """No click is lost while the script of a room's dialogs is on its way, and none where it doesn't come."""
    alice = person("alice", alone=True)
    alice.complaints.expect("ERR_FAILED.*/roomdialogs[.]")
    script = re.compile("/roomdialogs[.]")
    held: list[Route] = []
    alice.page.route(script, lambda route: held.append(route))
    alice.opens(room)
    archive = alice.page.locator("#archive")
    for _ in range(2):
        with alice.page.expect_request(script):
            alice.clicks("Room settings")
        expect(archive).to_have_attribute("inert", "")
        expect(alice.page.get_by_role("alert")).to_be_hidden()
        held.pop().abort()
        expect(alice.page.get_by_role("alert")).to_have_text("The server can’t be reached.")
        expect(archive).to_have_attribute("inert", "")
        alice.clicks("Cancel")
    with alice.page.expect_request(script):
        alice.clicks("Room settings")
    expect(archive).to_have_attribute("inert", "")
    held.pop().continue_()
    alice.clicks("Archive")
    alice.confirms("Archive")
    alice.reads("This room is archived. What was written stays.")


def test_an_archived_room_closes_for_writing_and_opens_again(two: tuple[Someone, Someone]) -> None:
    alice, bob = two
    alice.clicks("Room settings")
    alice.clicks("Archive")
    alice.confirms("Archive")
    for window in two:
        window.reads("This room is archived. What was written stays.")
        expect(window.composer).to_be_hidden()
    alice.clicks("Room settings")
    alice.clicks("Open again")
    expect(bob.composer).to_be_visible()
    bob.writes("Still here")
    alice.sees("Still here")
