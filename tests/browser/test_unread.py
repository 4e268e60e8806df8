"""What was read stays read: in the sidebar, on the server, and for whoever has another window."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Enter, Rooms
from tests.browser.going import at_home, goes_over_to, says
from tests.browser.people import Complaints, Someone

NOTE_WHETHER_COUNTED = """badge => {
  window.counted = []
  const note = () => counted.push(!badge.hidden)
  new MutationObserver(note).observe(badge, {attributes: true, attributeFilter: ['hidden']})
}"""


@pytest.fixture
def two(person: Enter, rooms: Rooms) -> tuple[Someone, Someone]:
    """Alice in the harbour, and at another window, which shows what the server was told."""
    alice, elsewhere = at_home(person, rooms[0]), person("alice")
    elsewhere.goes_to("/progress")
    elsewhere.is_connected()
    return alice, elsewhere


def test_what_was_read_is_not_counted_again(two: tuple[Someone, Someone], rooms: Rooms) -> None:
    """Not even for a moment, by an answer from before the server was told."""
    alice, elsewhere = two
    _, quarterdeck = rooms
    says(alice, quarterdeck, "one")
    for window in two:
        expect(window.count_of(quarterdeck)).to_have_text("1")
    alice.count_of(quarterdeck).evaluate(NOTE_WHETHER_COUNTED)
    goes_over_to(alice, quarterdeck)
    expect(elsewhere.count_of(quarterdeck)).to_be_hidden()
    assert set(alice.page.evaluate("counted")) == {False}


def test_what_was_read_without_a_connection_is_told_with_the_next(
    two: tuple[Someone, Someone], rooms: Rooms, complaints: Complaints
) -> None:
    complaints.expect_no_connection()
    alice, _ = two
    harbour, quarterdeck = rooms
    goes_over_to(alice, quarterdeck)
    goes_over_to(alice, harbour)
    says(alice, quarterdeck, "one")
    for window in two:
        expect(window.count_of(quarterdeck)).to_have_text("1")
    alice.site.stop()
    alice.reads("You are offline.")
    goes_over_to(alice, quarterdeck)  # seen before: it needs no connection
    alice.sees("one")
    goes_over_to(alice, harbour)
    alice.site.start()
    for window in two:
        expect(window.count_of(quarterdeck)).to_be_hidden()


def test_what_was_read_is_told_before_the_page_goes(two: tuple[Someone, Someone], rooms: Rooms) -> None:
    alice, _ = two
    _, quarterdeck = rooms
    says(alice, quarterdeck, "one")
    for window in two:
        expect(window.count_of(quarterdeck)).to_have_text("1")
    goes_over_to(alice, quarterdeck)
    alice.goes_to("/people/")
    for window in two:
        expect(window.count_of(quarterdeck)).to_be_hidden()
