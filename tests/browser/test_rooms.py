"""Rooms: made, joined, left, closed to some."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Enter, MakeRoom
from tests.browser.people import Complaints

Room = dict[str, Any]


def test_a_room_is_made_in_a_dialog_joined_by_another_and_left(person: Enter) -> None:
    alice, charlie = person("alice"), person("charlie")
    alice.goes_to("/")
    alice.clicks("New room", within=alice.page.locator("#side"))
    alice.fills_in(name="Harbour 2027", topic="Quay, cranes and tides")
    alice.clicks("Create")
    alice.arrives_at("/rooms/harbour-2027/")
    alice.reads("The beginning of #Harbour 2027")
    alice.is_connected()

    charlie.goes_to("/rooms/")
    charlie.reads("Quay, cranes and tides")
    charlie.clicks("Join Harbour 2027")
    charlie.arrives_at("/rooms/harbour-2027/")
    expect(alice.page.locator("#members-here")).to_contain_text("Charlie")
    charlie.writes("Good to be here")
    alice.sees("Good to be here")

    charlie.clicks("Leave this room")
    charlie.confirms("Leave")
    charlie.arrives_at("/")
    expect(charlie.page.locator("#side-rooms")).not_to_contain_text("Harbour 2027")
    expect(alice.page.locator("#members")).not_to_contain_text("Charlie")


def test_a_room_needs_a_name(person: Enter, complaints: Complaints) -> None:
    complaints.expect("422")
    alice = person("alice")
    alice.goes_to("/")
    alice.clicks("New room", within=alice.page.locator("#side"))
    alice.fills_in(name=" ")
    alice.clicks("Create")
    expect(alice.page.locator("#new-room [role=alert]")).to_be_visible()
    expect(alice.page.locator("#new-room-name")).to_be_focused()
    alice.presses("Escape")
    expect(alice.page.locator("#new-room")).to_be_hidden()


def test_somebody_is_written_to_directly(person: Enter) -> None:
    bob, charlie = person("bob"), person("charlie")
    charlie.goes_to("/progress")
    charlie.is_connected()
    bob.goes_to("/people/")
    bob.clicks("Write to Charlie")
    expect(bob.page.locator("#room-name")).to_have_text("Charlie")
    bob.writes("Have you a minute?")
    bob.sees("Have you a minute?")
    theirs = charlie.page.locator("#side-people .item").filter(has_text="Bob")
    expect(theirs.locator(".count")).to_have_text("1")
    expect(charlie.toasts.filter(has_text="Have you a minute?")).to_be_visible()
    theirs.click()
    charlie.writes("Two, even")
    bob.sees_in_order("Have you a minute?", "Two, even")


def test_people_are_added_and_their_sidebar_knows_at_once(person: Enter, make_room: MakeRoom) -> None:
    room = make_room("alice")
    alice, bob = person("alice"), person("bob")
    bob.goes_to("/")
    bob.is_connected()
    alice.opens(room)
    alice.clicks("Add people", within=alice.page.locator("#members"))
    alice.page.locator("#add-people input").fill("bo")
    alice.clicks("Add Bob")
    alice.clicks("Done")
    expect(alice.page.locator("#members")).to_contain_text("Bob")
    bob.link_to(room).click()
    bob.arrives_at(f"/rooms/{room['slug']}/")
    bob.is_connected()
    bob.writes("Thank you")
    alice.sees("Thank you")


@pytest.mark.parametrize("trouble", ["away", "cut off"])
def test_who_could_not_be_looked_for_is_not_said_to_be_nobody(
    person: Enter, make_room: MakeRoom, complaints: Complaints, trouble: str
) -> None:
    complaints.expect_no_connection()
    room = make_room("alice")
    alice = person("alice")
    alice.opens(room)
    alice.clicks("Add people", within=alice.page.locator("#members"))
    dialog = alice.page.locator("#add-people")
    expect(dialog.locator("[role=status]")).to_have_text("")
    expect(dialog.locator(".found")).to_contain_text("Bob")
    half = {"content_type": "application/json", "body": '{"people": [{"id": 1'}
    alice.page.route(
        "**/people/search?q=*",
        lambda route: route.fulfill(**half) if trouble == "cut off" else route.abort("connectionrefused"),
    )
    dialog.locator("input").fill("bo")
    expect(dialog.locator("[role=alert]")).to_have_text("The server can’t be reached.")
    expect(dialog).not_to_contain_text("Nobody found")
    alice.page.unroute_all()
    dialog.locator("input").fill("bob")
    expect(dialog.locator("[role=alert]")).to_be_hidden()
    alice.clicks("Add Bob")


def test_an_outsider_sees_nothing_of_a_private_room(person: Enter, room: Room, complaints: Complaints) -> None:
    complaints.expect("404")
    charlie = person("charlie")
    for place in ("/", "/rooms/", f"/search?q={room['name']}", f"/rooms/{room['slug']}/"):
        charlie.goes_to(place)
        expect(charlie.page.locator("h1").first).to_be_visible()
        expect(charlie.page.locator("main .row, #side").filter(has_text=room["name"])).to_have_count(0)
    charlie.reads("There is nothing here")


def test_the_page_of_a_removed_member_stops(person: Enter, room: Room) -> None:
    alice, bob = person("alice"), person("bob")
    bob.opens(room)
    alice.opens(room)
    alice.page.locator(f"[data-member='{alice.site.people['bob'].id}']").click()
    alice.clicks("Remove from the room", role="menuitem")
    alice.confirms("Remove")
    bob.arrives_at("/")
    expect(bob.link_to(room)).to_have_count(0)
    expect(alice.page.locator("#members")).not_to_contain_text("Bob")


def test_a_reader_of_a_public_room_joins_it_to_write(person: Enter, make_room: MakeRoom) -> None:
    room = make_room("alice", kind="public")
    bob = person("bob")
    bob.opens(room)
    bob.reads("You are reading a public room. Join it to write.")
    expect(bob.composer).to_be_hidden()
    bob.clicks("Join")
    bob.writes("Hello")
    bob.sees("Hello")
