"""How fast rooms come to the page: the first view with nothing cached, and going from room to room."""

import asyncio
import statistics
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.browser import weighing
from tests.load.figures import Goal, Outcome
from tests.load.stage import Stage, set_up
from tests.suite import chosen_browser
from tests.support.cast import Person

PEOPLE, ROOMS, MESSAGES = 20, 10, 1_000
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage"]
MAX_BYTES, MAX_FIRST_MS, MAX_SWITCH_MS = 80_000, 300, 100
HEADER = ("bytes", "requests", "first message", "room seen the first time", "room seen before")


async def run(rounds: int) -> Outcome:
    with set_up(PEOPLE, ROOMS, MESSAGES) as stage:
        return await asyncio.to_thread(measure, stage, rounds)


def measure(stage: Stage, rounds: int) -> Outcome:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chosen_browser(), args=FLAGS)
        loads = [first_view(stage, browser) for _ in range(rounds)]
        seen_first, seen_again = switches(stage, browser, rounds)
        browser.close()
    first = statistics.median(load.first_message_ms for load in loads)
    size = max(load.total for load in loads)
    again = statistics.median(seen_again)
    at_first = statistics.median(seen_first)
    row = [f"{size:,}", loads[0].requests, f"{first:.0f} ms", f"{at_first:.0f} ms", f"{again:.0f} ms"]
    goals = [
        Goal(f"first view {size:,} bytes ≤ {MAX_BYTES:,}", size <= MAX_BYTES),
        Goal(f"first message after {first:.0f} ms ≤ {MAX_FIRST_MS} ms (median)", first <= MAX_FIRST_MS),
        Goal(f"another room after {at_first:.0f} ms ≤ {MAX_SWITCH_MS} ms (median)", at_first <= MAX_SWITCH_MS),
        Goal(f"one seen before after {again:.0f} ms ≤ {MAX_SWITCH_MS} ms (median)", again <= MAX_SWITCH_MS),
    ]
    return Outcome(HEADER, [row], goals)


def first_view(stage: Stage, browser: Browser) -> weighing.Load:
    context = signed_in(stage, browser)
    load = weighing.load(context, address(stage))
    context.close()
    return load


def switches(stage: Stage, browser: Browser, rounds: int) -> tuple[list[float], list[float]]:
    """Milliseconds to each room when it is seen for the first time, and when it was seen before."""
    context = signed_in(stage, browser)
    page = context.new_page()
    page.goto(address(stage))
    page.wait_for_selector("#timeline .msg")
    here = page.evaluate("import('/static/chatsite/store.js').then(({shown}) => shown.room)")
    links = page.locator("#side .item[data-room]").evaluate_all("links => links.map(link => Number(link.dataset.room))")
    others = [room for room in links if room != here]
    first = [weighing.switch(page, room) for room in others]
    again = [weighing.switch(page, room) for _ in range(rounds) for room in others]
    context.close()
    return first, again


def signed_in(stage: Stage, browser: Browser) -> BrowserContext:
    context = browser.new_context(base_url=stage.site.origin)
    host = urlsplit(stage.site.origin).hostname
    session = stage.keys[0].session
    context.add_cookies([{"name": "sessionid", "value": session, "domain": host, "path": "/", "httpOnly": True}])
    return context


def address(stage: Stage) -> str:
    """A room's page."""
    key = stage.keys[0]
    status, room = stage.site.call(
        "GET", f"/api/rooms/{stage.rooms[0]}", Person(key.user, "", "", key.session, key.token)
    )
    assert status == 200, room
    return f"/rooms/{room['slug']}/"
