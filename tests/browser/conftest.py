"""A real browser: people with windows of their own, whose pages may not complain."""

import os
import re
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.suite import BROWSERS, RESULTS
from tests.support.sites import Site

TIMEOUT_MS = 10_000
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage"]  # containers offer neither namespaces nor much /dev/shm

Visit = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    """What pages wrote as errors to their console; a test that provokes some clears it."""
    return []


@pytest.fixture
def visit(browser: Browser, complaints: list[str], request: pytest.FixtureRequest) -> Iterator[Visit]:
    """`visit(site, "alice", "/progress", color_scheme="dark")`: a page in a window of that person's own.

    Without a name nobody is signed in. The rest are options of Playwright's `new_context`.
    The test fails where a page complained; a failed test leaves pictures in test-results/.
    """
    contexts: list[BrowserContext] = []

    def open_window(site: Site, person: str = "", path: str = "/", **options: Any) -> Page:
        context = browser.new_context(base_url=site.origin, **options)
        contexts.append(context)
        context.set_default_timeout(TIMEOUT_MS)
        if person:
            session = site.people[person].session
            context.add_cookies([{"name": "sessionid", "value": session, "url": site.origin, "httpOnly": True}])
        page = context.new_page()
        page.on("console", lambda message: _note(message, complaints))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path)
        return page

    yield open_window
    if request.node.stash.get(FAILED, False):
        _take_pictures(request.node.name, contexts)
    for context in contexts:
        context.close()
    assert complaints == []


def _note(message: ConsoleMessage, complaints: list[str]) -> None:
    if message.type == "error":
        complaints.append(f"{message.text} ({message.location.get('url', '')})")


def _take_pictures(test: str, contexts: list[BrowserContext]) -> None:
    RESULTS.mkdir(exist_ok=True)
    name = re.sub(r"[^\w-]+", "-", test)
    for number, page in enumerate(page for context in contexts for page in context.pages):
        page.screenshot(path=Path(RESULTS) / f"{name}-{number}.png", full_page=True)


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report
