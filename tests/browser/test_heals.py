"""The server dies while people are at it; their pages heal by themselves."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Enter, MakeRoom
from tests.browser.people import Complaints

Room = dict[str, Any]

PROCESS = {"title": "Stitch the bay", "kind": "simulated", "params": {"steps": 30, "seconds": 4}}


@pytest.mark.both_stacks
def test_pages_heal_after_the_server_was_killed(person: Enter, room: Room, complaints: Complaints) -> None:
    complaints.expect_no_connection()
    alice, bob = person("alice"), person("bob")
    site = alice.site
    alice.opens(room)
    bob.opens(room)
    alice.writes("before")
    bob.sees("before")
    _, job = site.call("POST", "/api/jobs", site.people["alice"], PROCESS)
    expect(alice.toasts.locator("progress")).to_be_visible()

    site.kill()
    alice.writes("into the void")
    bob.writes("me, too")
    for window in (alice, bob):
        expect(window.timeline.locator(".msg[data-state=pending]")).to_have_count(1)
    site.start()

    for window in (alice, bob):
        window.sees("into the void")
        window.sees("me, too")
        expect(window.messages).to_have_count(3)
        expect(window.timeline.locator(".msg[data-state]")).to_have_count(0)
    lines = alice.messages.locator(".body").all_text_contents()
    assert bob.messages.locator(".body").all_text_contents() == lines
    expect(alice.toasts.filter(has_text="Finished in")).to_be_visible(timeout=40_000)
    _, job = site.call("GET", f"/api/jobs/{job['id']}", site.people["alice"])
    assert (job["status"], job["attempt"]) == ("succeeded", 2)


def test_a_room_that_could_not_be_asked_for_comes_with_the_connection(
    person: Enter, room: Room, make_room: MakeRoom, complaints: Complaints
) -> None:
    complaints.expect_no_connection()
    complaints.expect("ERR_FAILED.*/api/rooms/")
    alice = person("alice")
    alice.opens(room)
    alice.page.route(re.compile(r"/api/rooms/\d+$"), lambda route: route.abort(), times=1)
    with alice.page.expect_event("requestfailed"):
        galley = make_room("bob", "alice", name="Galley")
    alice.site.kill()
    alice.site.start()
    expect(alice.link_to(galley)).to_be_visible()
    alice.link_to(galley).click()
    alice.arrives_at(f"/rooms/{galley['slug']}/")
    alice.writes("Soup")
    alice.sees("Soup")


def test_what_draws_toasts_is_asked_for_again(person: Enter, room: Room, complaints: Complaints) -> None:
    complaints.expect_no_connection()
    complaints.expect("ERR_FAILED.*/toasts[.]")
    alice = person("alice")
    alice.opens(room)
    alice.page.route(re.compile("/toasts[.]"), lambda route: route.abort(), times=1)
    with alice.page.expect_event("requestfailed"):
        alice.site.call("POST", "/api/jobs", alice.site.people["alice"], {"title": "Sound the bay", "total": 3})
    expect(alice.toasts).to_have_count(0)
    alice.site.kill()
    alice.site.start()
    expect(alice.toasts.filter(has_text="Sound the bay")).to_be_visible()
