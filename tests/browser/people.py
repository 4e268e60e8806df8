"""A person at a window of a real browser, in words."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Request, expect

from tests.support.sites import Site

LEFT_THE_PAGE = "net::ERR_ABORTED"  # what was under way when the page was left

# Commands of one socket are handled in order: when the last is answered, so are the page's subscriptions.
# Tests that take the connection away write with the outbox, whose address has to be known then.
FOLLOWS = """async () => {
  await import('/static/chat/outbox.js')
  const {chatSocket, inboxSocket} = await import('/static/chatsite/sockets.js')
  const ask = socket => socket.request({type: 'stream.unsubscribe', stream: 'room:0'}).then(() => true, () => false)
  const over = performance.now() + 30_000
  while (performance.now() < over) {
    if (await ask(chatSocket) && await ask(inboxSocket)) return true
    await new Promise(done => setTimeout(done, 20))
  }
  return false
}"""


class Complaints:
    """Errors in the console, of scripts, of the content policy, and failed requests, of all pages of a test."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.expected: list[re.Pattern[str]] = []

    def watch(self, page: Page) -> None:
        page.on("console", self.note_console)
        page.on("pageerror", lambda error: self.found.append(str(error)))
        page.on("requestfailed", self.note_failed)

    def note_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.found.append(f"{message.text} ({message.location.get('url', '')})")

    def note_failed(self, request: Request) -> None:
        if request.failure != LEFT_THE_PAGE:
            self.found.append(f"{request.failure}: {request.method} {request.url}")

    def expect(self, pattern: str) -> None:
        """A test that provokes something says what."""
        self.expected.append(re.compile(pattern))

    def expect_no_connection(self) -> None:
        """While the server or the network is away."""
        self.expect("WebSocket connection to|ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_INTERNET_DISCONNECTED")
        self.expect("ERR_EMPTY_RESPONSE|ERR_SOCKET_NOT_CONNECTED|ERR_NETWORK_CHANGED")
        self.expect("ERR_CONNECTION_CLOSED|ERR_CONTENT_LENGTH_MISMATCH|ERR_INCOMPLETE_CHUNKED_ENCODING")  # midway

    def expect_none(self) -> None:
        unexpected = [line for line in self.found if not any(known.search(line) for known in self.expected)]
        assert not unexpected, "\n".join(unexpected)


class Someone:
    """`alice.opens(room)`, `alice.writes("Low water at six")`, `bob.sees("Low water at six")`."""

    def __init__(self, context: BrowserContext, site: Site, name: str, complaints: Complaints) -> None:
        self.context = context
        self.site = site
        self.name = name
        self.complaints = complaints
        if name:
            self.carries(site.people[name].session)
        self.page = context.new_page()

    @classmethod
    @contextmanager
    def at(cls, context: BrowserContext, site: Site, name: str, complaints: Complaints) -> Iterator["Someone"]:
        """Somebody at a context's window, whose complaints are heard as long as it lasts."""
        context.on("page", complaints.watch)
        yield cls(context, site, name, complaints)
        context.remove_listener("page", complaints.watch)

    def carries(self, session: str) -> None:
        """Is signed in by the cookie of a session."""
        host = urlsplit(self.site.origin).hostname
        cookie = {"name": "sessionid", "value": session, "domain": host, "path": "/", "httpOnly": True}
        self.context.add_cookies([cookie])  # type: ignore[list-item]

    def another_tab(self) -> "Someone":
        """The same person in the same browser, at another page."""
        tab = object.__new__(Someone)
        tab.__dict__.update(self.__dict__, page=self.context.new_page())
        return tab

    # Going places

    def signs_in(self, name: str, password: str = "") -> None:
        """At the door, with the password."""
        self.goes_to("/accounts/login/")
        self.fills_in(login=name, password=password or self.site.people[name].password)
        with self.page.expect_navigation():
            self.presses("Enter")

    def shows_that_it_is_them(self, name: str) -> None:
        """Types the password where a page asks “Is it you?”."""
        if "/reauthenticate/" in self.page.url:
            self.fills_in(password=self.site.people[name].password)
            with self.page.expect_navigation():
                self.presses("Enter")

    def goes_to(self, path: str) -> None:
        self.page.goto(path)

    def opens(self, room: dict[str, Any]) -> None:
        self.page.goto(f"/rooms/{room['slug']}/")
        expect(self.timeline).to_be_visible()
        self.is_connected()

    def is_connected(self) -> None:
        """What others do from now on arrives by itself."""
        self.page.wait_for_load_state()  # before it, the page's own modules may not have run
        assert self.page.evaluate(FOLLOWS), "no connection"

    def arrives_at(self, path: str) -> None:
        expect(self.page).to_have_url(re.compile(rf"^http://[^/]+{re.escape(path)}([?#].*)?$"))

    # Doing things

    def types(self, text: str) -> None:
        self.composer.fill(text)

    def writes(self, text: str) -> None:
        self.types(text)
        self.composer.press("Enter")

    def presses(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def clicks(self, name: str, role: Any = "button", within: Locator | None = None) -> None:
        (within or self.page).get_by_role(role, name=name, exact=True).click()

    def fills_in(self, **fields: str) -> None:
        """By the names of a form's fields."""
        for name, value in fields.items():
            self.page.locator(f"[name={name}]:visible").fill(value)

    def confirms(self, yes: str) -> None:
        self.page.locator("dialog[aria-labelledby=confirm-title]").get_by_role("button", name=yes).click()

    def has_read_everything(self) -> None:
        """Nothing waits in the inbox."""
        newest = {"up_to": 2**31}
        assert self.site.call("POST", "/api/notifications/read", self.site.people[self.name], newest)[0] == 200

    # Seeing things

    @property
    def composer(self) -> Locator:
        return self.page.locator("#composer")

    @property
    def timeline(self) -> Locator:
        return self.page.locator("#timeline")

    @property
    def messages(self) -> Locator:
        """Those of people, in order."""
        return self.timeline.locator(".msg:not(.event)")

    @property
    def toasts(self) -> Locator:
        return self.page.locator("#toasts .toast")

    def message(self, text: str) -> Locator:
        return self.messages.filter(has_text=text)

    def link_to(self, room: dict[str, Any]) -> Locator:
        """The room's line in the sidebar."""
        return self.page.locator(f"#side .item[data-room='{room['id']}']")

    def count_of(self, room: dict[str, Any]) -> Locator:
        return self.link_to(room).locator(".count")

    def sees(self, text: str) -> None:
        expect(self.message(text)).to_be_visible()

    def sees_in_order(self, *texts: str) -> None:
        """All messages of people, as raw text, confirmed by the server."""
        expect(self.messages.locator(".body")).to_have_text(list(texts))
        expect(self.timeline.locator(".msg[data-state]")).to_have_count(0)

    def reads(self, text: str) -> None:
        expect(self.page.get_by_text(text).first).to_be_visible()
