"""Every page: nothing for axe to find in either theme, and no sideways scrolling on the narrowest screen."""

from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser.axe import finds_nothing_in_either_theme
from tests.browser.conftest import Enter
from tests.browser.people import Complaints, Someone
from tests.support.cast import Person
from tests.support.sites import ROOT, Site

Room = dict[str, Any]

NARROWEST = {"width": 320, "height": 640}
PHONE = {"width": 390, "height": 844}
LONG_WORD = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
TALK = [
    f"# Plan\n\n1. **Tiles** first\n2. then `gauges`\n\n> as said\n\nsee https://example.org/{LONG_WORD} {LONG_WORD}",
    "```python\nprint('a rather long line of code that does not fit on any phone whatever one does about it')\n```",
    "@alice can you look? :wave:",
    "To be deleted",
]

AT_THE_DOOR = ["accounts/login/", "accounts/signup/", "accounts/password/reset/", "accounts/password/reset/done/"]
INSIDE = [
    *("", "rooms/", "rooms/?q=nothing", "rooms/plan/", "rooms/quiet-corner/", "people/", "people/?q=nobody"),
    *("search", "search?q=look", "search?q=nothing", "progress", "notifications/", "notifications/?show=everything"),
    *("settings/", "settings/appearance/", "settings/security/", "settings/tokens/", "settings/tokens/new/"),
    *("accounts/logout/", "accounts/reauthenticate/", "nowhere"),
]
BEHIND_THE_PASSWORD = [
    *("accounts/email/", "accounts/password/change/", "accounts/sessions/", "accounts/2fa/totp/activate/"),
    *("accounts/2fa/webauthn/", "accounts/2fa/webauthn/add/"),
]
APPS = ("accounts", "chat", "chatsite", "notifications", "templates")
LOOK = {".css", ".html", ".js"}
DIALOGS = {
    "switcher": "Control+k",
    "shortcuts": "?",
    "new room": "[data-dialog=new-room]",
    "settings": "#open-settings",
    "add people": "#open-add",
    "leave": "#leave",
    "me": ".me-text",
    "emoji": "[data-emoji]",
    "member": "#members .person >> nth=1",
}


@pytest.fixture(scope="module", autouse=True)
def furniture(site: Site) -> None:
    """Something of everything: talk, a tombstone, reactions, jobs in every state, notifications."""
    alice, bob = site.people["alice"], site.people["bob"]
    plan = ask(site, "POST", "/api/rooms", bob, {"name": "Plan", "kind": "public", "members": [alice.id]})
    ask(site, "PATCH", f"/api/rooms/{plan['id']}", bob, {"topic": f"What comes next, {LONG_WORD}"})
    ask(site, "POST", "/api/rooms", bob, {"name": "Quiet corner", "kind": "private", "members": [alice.id]})
    ask(site, "POST", "/api/rooms", bob, {"name": "", "kind": "direct", "members": [alice.id]})
    for body in TALK:
        ask(site, "POST", f"/api/rooms/{plan['id']}/messages", bob, {"body": body})
    for title, changes in {
        "Waits": {},
        "Runs": {"done": 3, "total": 10, "step": f"At {LONG_WORD}"},
        "Has no total": {"done": 1234},
        "Failed": {"status": "failed", "step": "mirror-2 is full"},
        "Finished": {"status": "succeeded"},
    }.items():
        job = ask(site, "POST", "/api/jobs", alice, {"title": f"{title} {LONG_WORD}"})
        if changes:
            ask(site, "PATCH", f"/api/jobs/{job['id']}", alice, changes)


def test_the_themes_differ_in_colours_alone() -> None:
    """What the browser's theme changes goes through `light-dark()`, which gives colours and nothing else."""
    files = [file for app in APPS for file in (ROOT / app).rglob("*") if file.suffix in LOOK]
    texts = {file.name: file.read_text() for file in files}
    assert "light-dark(" in texts["tokens.css"]
    assert [name for name, text in texts.items() if "prefers-color-scheme" in text] == []


@pytest.mark.parametrize("path", AT_THE_DOOR)
def test_a_page_at_the_door(person: Enter, path: str) -> None:
    look_at(person(), path)


@pytest.mark.parametrize("path", INSIDE)
def test_a_page_inside(person: Enter, path: str, complaints: Complaints) -> None:
    if path == "nowhere":
        complaints.expect("404")
    look_at(person("alice"), path)


@pytest.fixture(scope="module")
def fresh_session(browser: Browser, site: Site) -> str:
    """Of Alice, who has just given her password."""
    context = browser.new_context(base_url=site.origin)
    Someone(context, site, "", Complaints()).signs_in("alice")
    session = next(cookie["value"] for cookie in context.cookies() if cookie["name"] == "sessionid")
    context.close()
    return session


@pytest.mark.parametrize("path", BEHIND_THE_PASSWORD)
def test_a_page_behind_the_password(person: Enter, fresh_session: str, path: str) -> None:
    alice = person()
    alice.carries(fresh_session)
    alice.goes_to(f"/{path}")
    alice.shows_that_it_is_them("alice")
    look_at(alice, path)
    alice.arrives_at(f"/{path}")


@pytest.mark.parametrize("name", DIALOGS)
def test_what_opens_in_a_room(person: Enter, name: str) -> None:
    bob = person("bob")  # who has no jobs: theirs may go silent meanwhile and lay a toast over the panel
    bob.goes_to("/rooms/quiet-corner/")
    bob.is_connected()
    if DIALOGS[name][0] in "#.[":
        bob.page.locator(DIALOGS[name]).first.click()
    else:
        bob.page.locator("h1").click()
        bob.presses(DIALOGS[name])
    bob.page.locator("dialog[open], :popover-open").first.wait_for()
    finds_nothing_in_either_theme(bob.page)


def test_the_tools_of_a_message_and_its_menu(person: Enter) -> None:
    bob = person("bob")
    bob.goes_to("/rooms/plan/")
    bob.is_connected()
    last = bob.message("To be deleted")
    last.hover()
    bob.clicks("More", within=last)
    bob.page.locator("#message-menu").wait_for()
    finds_nothing_in_either_theme(bob.page)
    bob.clicks("Edit", role="menuitem")
    bob.page.get_by_label("Edit the message").wait_for()
    finds_nothing_in_either_theme(bob.page)


def test_toasts_and_the_drawer_on_a_phone(person: Enter) -> None:
    alice = person("alice", viewport=PHONE, has_touch=True)
    alice.goes_to("/rooms/plan/")
    alice.is_connected()
    finds_nothing_in_either_theme(alice.page)
    for title in ("fails", "runs", "waits"):
        job = ask(alice.site, "POST", "/api/jobs", alice.site.people["alice"], {"title": f"Toast {title}"})
        state = {"fails": {"status": "failed"}, "runs": {"done": 1, "total": 9}, "waits": {"step": "waiting"}}[title]
        ask(alice.site, "PATCH", f"/api/jobs/{job['id']}", alice.site.people["alice"], state)
    alice.toasts.nth(2).wait_for()
    finds_nothing_in_either_theme(alice.page)
    alice.page.locator(".drawer-open").tap()
    finds_nothing_in_either_theme(alice.page)


def look_at(someone: Someone, path: str) -> None:
    someone.goes_to(f"/{path}")
    finds_nothing_in_either_theme(someone.page)
    someone.page.set_viewport_size(NARROWEST)  # type: ignore[arg-type]
    beyond = someone.page.evaluate("document.scrollingElement.scrollWidth - innerWidth")
    assert beyond <= 0, f"{beyond} px scroll sideways"


def ask(site: Site, method: str, path: str, person: Person, body: object) -> dict[str, Any]:
    status, answer = site.call(method, path, person, body)
    assert status < 400, answer
    return dict(answer)
