"""People whose pages hang on different processes of one site."""

import os
import re
import signal
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Enter
from tests.browser.people import Complaints, Someone
from tests.support.sites import READY_SECONDS, Site, frozen

Room = dict[str, Any]

pytestmark = pytest.mark.two_processes

PROCESS = {"title": "Stitch the bay", "kind": "simulated", "params": {"steps": 12, "seconds": 6}}


def test_they_hear_each_other(person: Enter, room: Room, site: Site) -> None:
    alice, bob = person("alice"), person("bob")
    first, second = site.worker_pids()
    with frozen([second]):
        alice.opens(room)
    with frozen([first]):
        bob.opens(room)
    alice.types("Are you")
    expect(bob.page.locator(".typing")).to_have_text("Alice is typing")
    alice.writes("Are you there?")
    bob.sees("Are you there?")
    bob.writes("Next door")
    for window in (alice, bob):
        window.sees_in_order("Are you there?", "Next door")


def test_a_process_is_watched_from_both(person: Enter, site: Site) -> None:
    """It runs in one of them."""
    desk, phone = person("alice"), person("alice")
    first, second = site.worker_pids()
    with frozen([second]):
        watches(desk)
    with frozen([first]):
        watches(phone)
    assert site.call("POST", "/api/jobs", site.people["alice"], PROCESS)[0] == 201
    for window in (desk, phone):
        expect(window.toasts.locator("progress")).to_be_visible()
        expect(window.page.locator("#side-jobs .mini b")).to_have_text(re.compile(r"[3-9]\d%"))
    for window in (desk, phone):
        expect(window.toasts.filter(has_text="Finished in")).to_be_visible()


def test_a_killed_one_is_not_missed(person: Enter, room: Room, site: Site, complaints: Complaints) -> None:
    complaints.expect_no_connection()
    alice, bob = person("alice"), person("bob")
    alice.opens(room)
    bob.opens(room)
    for number, worker in enumerate(site.worker_pids()):
        os.kill(worker, signal.SIGKILL)
        alice.writes(f"after {number}")
        expect(bob.message(f"after {number}")).to_be_visible(timeout=READY_SECONDS * 1000)  # both may be starting


def watches(someone: Someone) -> None:
    someone.goes_to("/")
    someone.is_connected()
