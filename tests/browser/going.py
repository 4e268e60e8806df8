"""Going from room to room in the same page, as tests do it."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Route, expect

from tests.browser.conftest import Enter, Room
from tests.browser.people import Someone


def at_home(person: Enter, room: Room) -> Someone:
    """Alice, in a room, at a page that would notice if it were loaded again."""
    alice = person("alice")
    alice.opens(room)
    alice.page.evaluate("window.isTheSame = true")
    return alice


def is_in(someone: Someone, room: Room) -> None:
    """Shown, at its address, in the page that was there before."""
    someone.arrives_at(f"/rooms/{room['slug']}/")
    expect(someone.page.locator("#room-name")).to_have_text(room["name"])
    expect(someone.link_to(room)).to_have_attribute("aria-current", "page")
    assert someone.page.evaluate("window.isTheSame")


def goes_over_to(someone: Someone, room: Room) -> None:
    someone.link_to(room).click()
    is_in(someone, room)


def sets_off_for(someone: Someone, room: Room) -> Callable[[], None]:
    """Asks for the room, which comes when what is returned is called."""
    held: list[Route] = []
    address = f"**/rooms/{room['slug']}/"
    someone.page.route(address, lambda route: held.append(route))
    with someone.page.expect_request(address):
        someone.link_to(room).click()
    expect(someone.link_to(room)).to_have_attribute("aria-current", "page")

    def let_come() -> None:
        with someone.page.expect_response(address):
            held[0].continue_()

    return let_come


def says(someone: Someone, room: Room, body: str) -> dict[str, Any]:
    """Without a window."""
    path = f"/api/rooms/{room['id']}/messages"
    status, message = someone.site.call("POST", path, someone.site.people["bob"], {"body": body})
    assert status == 201
    return dict(message)
