"""Everything by keys: nobody here has a mouse."""

from typing import Any

from playwright.sync_api import expect

from tests.browser.conftest import Enter
from tests.browser.people import Someone

Room = dict[str, Any]

MOST_TABS = 60
FOCUSED = "document.activeElement.ariaLabel || document.activeElement.labels?.[0]?.textContent.trim()"


def tabs_to(someone: Someone, name: str, backwards: bool = False) -> None:
    """Presses Tab until what is called so has the focus."""
    key = "Shift+Tab" if backwards else "Tab"
    for _ in range(MOST_TABS):
        if (someone.page.evaluate(FOCUSED) or "").startswith(name):
            return
        someone.presses(key)
    raise AssertionError(f"“{name}” can't be reached")


def test_from_the_door_to_a_message_and_back_to_it(person: Enter, room: Room) -> None:
    alice, bob = person(), person("bob")
    bob.opens(room)
    alice.goes_to("/accounts/login/")
    tabs_to(alice, "Email or user name")
    alice.page.keyboard.type("alice")
    tabs_to(alice, "Password")
    alice.page.keyboard.type(alice.site.people["alice"].password)
    alice.presses("Enter")
    alice.arrives_at("/")
    alice.is_connected()

    alice.presses("Control+k")
    alice.page.keyboard.type(room["name"][:14])
    expect(alice.page.get_by_role("option").first).to_contain_text(room["name"])
    alice.presses("Enter")
    alice.arrives_at(f"/rooms/{room['slug']}/")
    expect(alice.composer).to_be_focused()
    alice.page.keyboard.type("Without a mose")
    alice.presses("Enter")
    bob.sees("Without a mose")

    alice.presses("ArrowUp", "Escape")
    expect(alice.composer).to_be_focused()
    alice.presses("ArrowUp")
    alice.presses("Backspace", "Backspace")
    alice.page.keyboard.type("use")
    alice.presses("Enter")
    bob.sees("Without a mouse")
    expect(alice.composer).to_be_focused()


def test_messages_are_walked_and_answered(person: Enter, room: Room) -> None:
    alice = person("alice")
    alice.opens(room)
    for text in ("one", "two", "three"):
        alice.writes(text)
    alice.sees_in_order("one", "two", "three")
    tabs_to(alice, "Messages in", backwards=True)
    alice.presses("ArrowUp", "ArrowUp", "ArrowUp")
    expect(alice.message("one")).to_be_focused()
    alice.presses("ArrowDown", "r")
    expect(alice.page.locator(".replying")).to_contain_text("two")
    expect(alice.composer).to_be_focused()
    alice.presses("Escape")
    expect(alice.page.locator(".replying")).to_be_hidden()
    tabs_to(alice, "Messages in", backwards=True)
    alice.presses("ArrowUp", "e")
    expect(alice.page.locator("#emoji-picker button").first).to_be_focused()
    alice.presses("ArrowRight", "ArrowLeft", "Enter")
    expect(alice.message("three").get_by_role("button", name="Thumbs up")).to_have_text("👍1")


def test_dialogs_and_menus_give_the_focus_back(person: Enter, room: Room) -> None:
    alice = person("alice")
    alice.opens(room)
    alice.writes("to be deleted")
    alice.sees_in_order("to be deleted")

    alice.presses("Control+k", "Escape")
    expect(alice.composer).to_be_focused()

    tabs_to(alice, "Messages in", backwards=True)
    alice.presses("ArrowUp")
    tabs_to(alice, "More")
    alice.presses("Enter")
    expect(alice.page.get_by_role("menuitem").filter(visible=True).first).to_be_focused()
    alice.presses("End", "Enter")
    expect(alice.page.get_by_role("button", name="Keep it")).to_be_focused()
    alice.presses("Tab", "Enter")
    alice.sees("Message deleted")

    tabs_to(alice, "Room settings", backwards=True)
    alice.presses("Enter")
    expect(alice.page.locator("#room-settings")).to_be_visible()
    alice.presses("Escape")
    expect(alice.page.get_by_role("button", name="Room settings")).to_be_focused()
    alice.presses("?")
    expect(alice.page.get_by_role("heading", name="Shortcuts")).to_be_visible()
    alice.presses("Escape")
    expect(alice.page.locator("#shortcuts")).to_be_hidden()


def test_the_panel_opens_and_closes(person: Enter, room: Room) -> None:
    alice = person("alice")
    alice.opens(room)
    tool = alice.page.locator("[data-opens=members]")
    panel = alice.page.locator("#members")
    expect(panel).to_be_visible()
    tabs_to(alice, "Members", backwards=True)
    alice.presses("Enter")
    expect(panel).to_be_hidden()
    expect(tool).to_have_attribute("aria-pressed", "false")
    alice.presses("Enter")
    expect(panel).to_be_visible()
    expect(tool).to_have_attribute("aria-pressed", "true")


def test_the_first_tab_skips_to_the_content(person: Enter, room: Room) -> None:
    alice = person("alice")
    alice.goes_to("/rooms/")
    alice.presses("Tab")
    expect(alice.page.get_by_role("link", name="Skip to the content")).to_be_focused()
    alice.presses("Enter", "Tab")
    assert alice.page.evaluate("document.activeElement.closest('#main') !== null")
