"""Processes: started on a page, watched everywhere, told at their end."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Enter
from tests.browser.people import Someone

TWENTY_STEPS = {"title": "Stitch the bay", "kind": "simulated", "params": {"steps": 20, "seconds": 7}}
LONG = {"title": "Render tiles", "kind": "simulated", "params": {"steps": 100, "seconds": 60}}
BOUND_TO_FAIL = {"title": "Bound to fail", "kind": "simulated", "params": {"steps": 4, "seconds": 1, "fail_chance": 1}}

NOTE_ADVANCES = """() => {
  window.advances = []
  new MutationObserver(() => {
    const now = document.querySelector('.work .now b')?.textContent
    if (now && now !== advances.at(-1)) advances.push(now)
  }).observe(document.getElementById('main'), {childList: true, subtree: true, characterData: true})
}"""


def begin(someone: Someone, job: dict[str, Any]) -> dict[str, Any]:
    """Over the API, so that the page has to hear of it."""
    status, made = someone.site.call("POST", "/api/jobs", someone.site.people[someone.name], job)
    assert status == 201, made
    return dict(made)


def toast_of(someone: Someone, title: str) -> Locator:
    return someone.toasts.filter(has_text=title)


@pytest.mark.both_stacks
def test_each_of_twenty_steps_is_shown_and_the_end_is_told(person: Enter) -> None:
    alice = person("alice")
    tab = alice.another_tab()
    alice.has_read_everything()
    tab.goes_to("/")
    tab.is_connected()
    alice.goes_to("/progress")
    alice.is_connected()
    alice.page.evaluate(NOTE_ADVANCES)
    alice.fills_in(title="Stitch the bay", steps="20", pace="0.35")
    alice.clicks("Start", within=alice.page.locator("#start-form"))

    for window in (alice, tab):
        expect(toast_of(window, "Stitch the bay")).to_have_attribute("data-status", "running")
        toast_of(window, "Stitch the bay").evaluate("toast => { toast.dataset.mark = 'the same' }")
    expect(tab.page.locator("#side-jobs .mini b")).to_have_text(re.compile(r"\d+%"))
    expect(toast_of(tab, "Stitch the bay").locator("progress")).to_have_attribute("value", re.compile(r"[5-9]\d"))
    for window in (alice, tab):
        ended = toast_of(window, "Finished in")
        expect(ended).to_have_attribute("data-mark", "the same")
        expect(ended).to_contain_text("Stitch the bay")
        expect(window.toasts).to_have_count(1)
    advances = alice.page.evaluate("advances")
    assert [line for line in advances if line.startswith("Step")] == [f"Step {n} of 20" for n in range(1, 21)]

    expect(alice.page.locator("#history tr").filter(has_text="Stitch the bay")).to_be_visible()
    expect(alice.page.locator(".work")).to_have_count(0)
    expect(tab.page.locator("#side-jobs")).to_be_hidden()
    expect(tab.page).to_have_title(re.compile(r"^\(1\) "))
    tab.goes_to("/notifications/")
    expect(tab.page.locator(".entry").first).to_contain_text("Stitch the bay finished")


def test_a_process_is_cancelled_by_its_toast(person: Enter) -> None:
    bob = person("bob")
    bob.goes_to("/")
    bob.is_connected()
    begin(bob, LONG)
    bob.clicks("Cancel", within=toast_of(bob, "Render tiles"))
    bob.confirms("Cancel the job")
    expect(toast_of(bob, "Render tiles")).to_contain_text("Cancelled at")
    expect(bob.page.locator("#side-jobs")).to_be_hidden()


def test_a_process_is_cancelled_on_its_card_and_run_again_from_history(person: Enter) -> None:
    charlie = person("charlie")
    charlie.goes_to("/progress")
    charlie.is_connected()
    begin(charlie, LONG)
    card = charlie.page.locator(".work")
    charlie.clicks("Cancel", within=card)
    charlie.confirms("Cancel the job")
    expect(card).to_have_count(0)
    row = charlie.page.locator("#history tr").filter(has_text="Render tiles")
    expect(row).to_contain_text("Cancelled at")
    charlie.clicks("Run again", within=row)
    charlie.clicks("Cancel", within=card)
    charlie.confirms("Cancel the job")
    expect(card).to_have_count(0)


def test_a_failure_stays_and_offers_another_try(person: Enter) -> None:
    bob = person("bob")
    bob.goes_to("/notifications/?show=jobs")
    bob.is_connected()
    begin(bob, BOUND_TO_FAIL)
    toast = toast_of(bob, "Bound to fail")
    expect(toast).to_have_attribute("data-status", "failed")
    expect(toast).to_have_role("alert")
    expect(toast).to_contain_text("failed, as it was to")
    expect(bob.page.locator(".entry").first).to_contain_text("Bound to fail failed at")
    bob.clicks("Retry", within=toast)
    expect(toast).to_have_attribute("data-status", re.compile("queued|running"))
    expect(toast).to_have_attribute("data-status", "failed")
    expect(bob.toasts).to_have_count(1)


def test_three_toasts_at_most_beneath_the_tools_of_the_page(person: Enter) -> None:
    dina = person("dina")
    dina.goes_to("/")
    dina.is_connected()
    for number in range(5):
        job = begin(dina, {"title": f"From outside {number}"})
        dina.site.call("PATCH", f"/api/jobs/{job['id']}", dina.site.people["dina"], {"status": "failed"})
    expect(toast_of(dina, "From outside 4")).to_be_visible()
    expect(dina.toasts).to_have_count(3)
    toast_of(dina, "From outside 4").get_by_role("button", name="Hide “From outside 4”").click()
    expect(dina.toasts).to_have_count(2)
    dina.page.locator(".head [data-dialog=new-room]").click()
    expect(dina.page.locator("dialog[open]")).to_be_visible()


def test_the_page_says_what_the_server_does_meanwhile(person: Enter) -> None:
    alice = person("alice")
    alice.goes_to("/progress")
    begin(alice, {**LONG, "title": "In the background"})
    expect(alice.page.locator("[data-figure=latency]")).to_have_text(re.compile(r"^[\d.,]+$"))
    expect(alice.page.locator("[data-figure=sockets]")).to_have_text(re.compile(r"^\d+$"))
    alice.page.locator(".work summary").click()
    expect(alice.page.locator(".work pre")).to_contain_text("Step 1 of 100")
    alice.clicks("Cancel", within=alice.page.locator(".work"))
    alice.confirms("Cancel the job")
    expect(alice.page.locator(".work")).to_have_count(0)


def test_a_wrong_figure_is_refused_beside_its_field(person: Enter) -> None:
    alice = person("alice")
    alice.goes_to("/progress")
    alice.fills_in(steps="many")
    alice.clicks("Start", within=alice.page.locator("#start-form"))
    alice.reads("A whole number from 1 to 10,000.")
    expect(alice.page.locator("#start-steps")).to_be_focused()
    expect(alice.page.locator(".work")).to_have_count(0)
