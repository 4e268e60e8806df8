"""On a phone: the sidebar is a drawer, panels cover the sheet, fingers replace the mouse."""

from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Enter
from tests.browser.people import Someone

Room = dict[str, Any]

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
WITHIN = "node => { const b = node.getBoundingClientRect(); return b.left >= 0 && b.right <= innerWidth }"
LONG_PRESS_MS = 600


@pytest.fixture
def alice(person: Enter, room: Room) -> Someone:
    """With her phone, in her room."""
    alice = person("alice", **PHONE)
    alice.opens(room)
    return alice


def test_the_drawer_opens_and_closes(alice: Someone, room: Room) -> None:
    side, button = alice.page.locator("#side"), alice.page.locator(".drawer-open")
    expect(side).not_to_be_in_viewport()
    button.tap()
    expect(side).to_be_in_viewport()
    expect(button).to_have_attribute("aria-expanded", "true")
    alice.page.wait_for_function(WITHIN, arg=side.element_handle())
    alice.page.touchscreen.tap(380, 400)
    expect(side).not_to_be_in_viewport()
    expect(button).to_be_focused()
    button.tap()
    alice.presses("Escape")
    expect(side).not_to_be_in_viewport()
    button.tap()
    side.get_by_role("link", name="Progress").tap()
    alice.arrives_at("/progress")
    expect(side).not_to_be_in_viewport()


def test_a_message_is_written_and_its_actions_come_by_a_long_press(alice: Someone) -> None:
    alice.types("Under way")
    alice.page.get_by_role("button", name="Send").tap()
    alice.sees_in_order("Under way")
    press_long(alice, alice.message("Under way"))
    menu = alice.page.locator("#message-menu")
    expect(menu).to_be_visible()
    assert menu.evaluate(WITHIN)
    menu.get_by_role("menuitem", name="Edit").tap()
    expect(alice.page.get_by_label("Edit the message")).to_have_value("Under way")


def test_the_members_cover_the_sheet_and_leave_again(alice: Someone) -> None:
    panel = alice.page.locator("#members")
    expect(panel).to_be_hidden()
    alice.page.locator("[data-opens=members]").tap()
    expect(panel).to_be_visible()
    alice.page.get_by_role("button", name="Close members").tap()
    expect(panel).to_be_hidden()


def test_what_waits_shows_at_the_closed_drawer(alice: Someone, person: Enter) -> None:
    bob = person("bob", **PHONE)
    bob.goes_to("/rooms/")
    bob.is_connected()
    alice.writes("@bob ahoy")
    expect(bob.page.locator(".drawer-open")).to_have_attribute("data-dot", "")
    toast = bob.toasts.filter(has_text="ahoy")
    expect(toast).to_be_visible()
    assert toast.evaluate(WITHIN)


def press_long(someone: Someone, place: Locator) -> None:
    """A finger of flesh: down, a while, up."""
    box = place.bounding_box()
    assert box is not None
    finger = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    devtools = someone.context.new_cdp_session(someone.page)
    devtools.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [finger]})
    someone.page.wait_for_timeout(LONG_PRESS_MS)
    devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
