"""What waits to be sent, as tests look at it: on the page, on the wire and in the database."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page

from tests.browser.people import Someone
from tests.browser.windows import TIMEOUT_MS
from tests.support import stack

Room = dict[str, Any]

on_sqlite = pytest.mark.skipif(stack.STACK != "sqlite", reason="takes its tables away in SQLite's own way")

# `page.evaluate(POST, [room, "text"])`: as the composer does, from any page
POST = "([room, body]) => import('/static/chat/outbox.js').then(({outbox}) => outbox.post(room, body, null))"
TOO_LONG = "x" * 4001


def note_posts(*pages: Page) -> list[str]:
    """What goes out from now on over the wire, to be looked at later."""
    posts: list[str] = []

    def note(frame: str | bytes) -> None:
        command = json.loads(frame)
        if command["type"] == "message.post":
            posts.append(command["body"])

    for page in pages:
        page.on("websocket", lambda socket: socket.on("framesent", note))
    return posts


def pending(someone: Someone) -> Locator:
    return someone.timeline.locator(".msg[data-state=pending] .body")


def mark(someone: Someone, room: Room) -> Locator:
    return someone.link_to(room).locator(".unsent")


def history(someone: Someone, room: Room) -> list[dict[str, Any]]:
    """What the server has of people's messages, after checking that none is there twice."""
    path = f"/api/rooms/{room['id']}/messages?limit=100"
    status, page = someone.site.call("GET", path, someone.site.people["alice"])
    assert status == 200
    messages = [message for message in page["messages"] if message["kind"] == "text"]
    ids = [message["client_id"] for message in messages]
    assert len(set(ids)) == len(ids)
    return messages


def saved(someone: Someone, room: Room) -> list[str]:
    return [message["body"] for message in history(someone, room)]


def wait_until(page: Page, holds: Callable[[], bool]) -> None:
    """Lets the page's events come in until something holds."""
    left = TIMEOUT_MS
    while not holds():
        assert left > 0, "it never held"
        page.wait_for_timeout(50)
        left -= 50
