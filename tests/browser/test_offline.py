"""Without a connection: nothing typed is lost, nothing goes out twice."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Enter
from tests.browser.people import Complaints, Someone

Room = dict[str, Any]


@pytest.fixture
def two(person: Enter, room: Room, complaints: Complaints) -> tuple[Someone, Someone]:
    """Alice and Bob in their room, where pages may find that there is no connection."""
    complaints.expect_no_connection()
    alice, bob = person("alice"), person("bob")
    alice.opens(room)
    bob.opens(room)
    return alice, bob


def test_what_is_typed_while_the_server_is_away_goes_out_once_and_in_order(two: tuple[Someone, Someone]) -> None:
    alice, bob = two
    alice.writes("before")
    bob.sees("before")
    alice.site.stop()
    for text in ("first", "second", "third"):
        alice.writes(text)
    expect(alice.timeline.locator(".msg[data-state=pending]")).to_have_count(3)
    alice.reads("You are offline.")
    alice.types("still writing")
    alice.reads("Goes out when you are back online")
    alice.site.start()
    for window in two:
        window.sees_in_order("before", "first", "second", "third")
        expect(window.page.locator(".offline")).to_be_hidden()
    expect(alice.composer).to_have_value("still writing")
    alice.page.reload()
    alice.sees_in_order("before", "first", "second", "third")
    expect(alice.composer).to_have_value("still writing")


def test_a_window_without_a_network_catches_up(two: tuple[Someone, Someone]) -> None:
    alice, bob = two
    alice.context.set_offline(True)
    alice.reads("You are offline.")
    alice.writes("from the tunnel")
    bob.writes("meanwhile")
    bob.sees("meanwhile")
    alice.context.set_offline(False)
    for window in two:
        window.sees_in_order("meanwhile", "from the tunnel")
        expect(window.page.locator(".offline")).to_be_hidden()


def test_what_was_not_sent_when_the_page_closed_goes_out_from_the_next(
    two: tuple[Someone, Someone], room: Room
) -> None:
    alice, bob = two
    alice.context.set_offline(True)
    alice.writes("on the way")
    expect(alice.message("on the way")).to_have_attribute("data-state", "pending")
    alice.page.close()
    alice.context.set_offline(False)
    later = alice.another_tab()
    later.opens(room)
    for window in (later, bob):
        window.sees_in_order("on the way")


def test_what_is_refused_waits_for_a_decision(two: tuple[Someone, Someone], room: Room, complaints: Complaints) -> None:
    alice, bob = two
    bob.context.set_offline(True)
    bob.writes("one")
    bob.writes("two")
    archive(alice, room, True)
    bob.context.set_offline(False)
    for text in ("one", "two"):
        expect(bob.message(text).get_by_role("alert")).to_contain_text("Not sent")
    bob.page.reload()
    archive(alice, room, False)
    expect(bob.composer).to_be_visible()
    bob.clicks("Discard", within=bob.message("two"))
    bob.clicks("Retry", within=bob.message("one"))
    for window in two:
        window.sees_in_order("one")


def test_a_draft_survives_a_reload(person: Enter, room: Room) -> None:
    alice = person("alice")
    alice.opens(room)
    alice.types("Half a thou")
    alice.page.reload()
    expect(alice.composer).to_have_value("Half a thou")
    alice.presses("End")
    alice.composer.press_sequentially("ght")
    alice.presses("Enter")
    alice.sees_in_order("Half a thought")
    alice.page.reload()
    expect(alice.composer).to_have_value("")


def archive(alice: Someone, room: Room, archived: bool) -> None:
    path = f"/api/rooms/{room['id']}"
    assert alice.site.call("PATCH", path, alice.site.people["alice"], {"archived": archived})[0] == 200
