"""From room to room in the same page: all that a page load would do, and nothing left behind."""

import re
from typing import Any

import pytest
from playwright.sync_api import Request, expect

from tests.browser.axe import finds_nothing_in_either_theme
from tests.browser.conftest import Enter, MakeRoom, Rooms
from tests.browser.going import at_home, goes_over_to, is_in, says, sets_off_for
from tests.browser.people import Complaints, Someone
from tests.browser.seeding import talk_of_the_past
from tests.browser.unsent import saved
from tests.support.sites import Site

SWITCHES = 50
LISTENERS_OF_CHANCE = 40  # what the browser and a message's menus hold for a moment


@pytest.fixture
def alice(person: Enter, rooms: Rooms) -> Someone:
    """In the harbour."""
    return at_home(person, rooms[0])


def test_a_click_shows_the_other_room(alice: Someone, rooms: Rooms) -> None:
    harbour, quarterdeck = rooms
    alice.writes("At the quay")
    alice.sees_in_order("At the quay")
    says(alice, quarterdeck, "On deck")
    goes_over_to(alice, quarterdeck)
    alice.sees_in_order("On deck")
    expect(alice.page).to_have_title(re.compile(f"#{quarterdeck['name']} · Chat$"))
    expect(alice.link_to(harbour)).not_to_have_attribute("aria-current", "page")
    expect(alice.composer).to_be_focused()
    expect(alice.composer).to_have_attribute("placeholder", f"Message #{quarterdeck['name']}")
    expect(alice.timeline).to_have_attribute("aria-label", f"Messages in {quarterdeck['name']}")
    expect(alice.page.locator("#announcer")).to_have_text(f"You are in #{quarterdeck['name']}")
    expect(alice.page.locator("#members")).to_contain_text("Bob")
    alice.writes("Aye")
    alice.sees_in_order("On deck", "Aye")
    assert saved(alice, quarterdeck) == ["On deck", "Aye"]
    goes_over_to(alice, harbour)
    alice.sees_in_order("At the quay")


def test_a_room_is_asked_for_while_the_button_is_down(alice: Someone, rooms: Rooms) -> None:
    harbour, quarterdeck = rooms
    asked = notes_asking(alice)
    alice.link_to(quarterdeck).hover()
    with alice.page.expect_response(f"**/rooms/{quarterdeck['slug']}/"):
        alice.page.mouse.down()
    is_in(alice, harbour)
    alice.page.mouse.up()
    is_in(alice, quarterdeck)
    goes_over_to(alice, harbour)  # seen before
    assert asked == [quarterdeck["slug"]]


def test_a_press_that_was_no_click_leaves_nothing_old(alice: Someone, rooms: Rooms) -> None:
    harbour, quarterdeck = rooms
    asked = notes_asking(alice)
    alice.link_to(quarterdeck).hover()
    with alice.page.expect_response(f"**/rooms/{quarterdeck['slug']}/"):
        alice.page.mouse.down()
    alice.composer.hover()
    alice.page.mouse.up()
    is_in(alice, harbour)
    alice.link_to(quarterdeck).press("Enter")
    is_in(alice, quarterdeck)
    assert asked == [quarterdeck["slug"]] * 2


def notes_asking(someone: Someone) -> list[str]:
    """The rooms that the page asks for from now on, as it does."""
    asked: list[str] = []

    def note(request: Request) -> None:
        if found := re.search(r"/rooms/([^/]+)/$", request.url):
            asked.append(found[1])

    someone.page.on("request", note)
    return asked


def test_by_keys(alice: Someone, rooms: Rooms) -> None:
    harbour, quarterdeck = rooms
    alice.presses("Control+k")
    alice.page.keyboard.type(quarterdeck["name"].lower())
    expect(alice.page.get_by_role("option").first).to_contain_text(quarterdeck["name"])
    alice.presses("Enter")
    is_in(alice, quarterdeck)
    expect(alice.composer).to_be_focused()
    says(alice, harbour, "Ahoy")
    expect(alice.count_of(harbour)).to_have_text("1")
    alice.presses("Alt+Shift+ArrowDown")
    is_in(alice, harbour)
    alice.sees("Ahoy")


def test_back_and_forward_lead_to_where_one_was(site: Site, person: Enter, rooms: Rooms) -> None:
    harbour, quarterdeck = rooms
    talk_of_the_past(site, {quarterdeck["id"]: 200}, "alice")
    alice = at_home(person, harbour)
    goes_over_to(alice, quarterdeck)
    alice.message("line 170.").evaluate("node => node.scrollIntoView({block: 'start'})")
    expect(alice.page.locator(".newest")).to_be_visible()
    before = alice.message("line 170.").bounding_box()
    alice.page.go_back()
    is_in(alice, harbour)
    alice.page.go_forward()
    is_in(alice, quarterdeck)
    after = alice.message("line 170.").bounding_box()
    assert before is not None
    assert after is not None
    assert abs(after["y"] - before["y"]) <= 1
    goes_over_to(alice, harbour)
    goes_over_to(alice, quarterdeck)
    expect(alice.message("line 200.")).to_be_in_viewport()
    alice.page.reload()
    alice.is_connected()
    alice.page.go_back()
    alice.arrives_at(f"/rooms/{harbour['slug']}/")
    expect(alice.page.locator("#room-name")).to_have_text(harbour["name"])


def test_each_room_keeps_its_draft(alice: Someone, rooms: Rooms) -> None:
    harbour, quarterdeck = rooms
    alice.types("half a harbour")
    goes_over_to(alice, quarterdeck)
    expect(alice.composer).to_have_value("")
    alice.composer.press_sequentially("half a deck")
    alice.presses("Control+z")
    expect(alice.composer).not_to_have_value(re.compile("harbour"))
    alice.types("half a deck")
    alice.page.go_back()
    is_in(alice, harbour)
    expect(alice.composer).to_have_value("half a harbour")
    goes_over_to(alice, quarterdeck)
    expect(alice.composer).to_have_value("half a deck")


def test_what_is_typed_on_the_way_is_for_the_room_that_comes(alice: Someone, rooms: Rooms) -> None:
    harbour, quarterdeck = rooms
    let_come = sets_off_for(alice, quarterdeck)
    alice.writes("Ahoy")
    expect(alice.composer).to_have_value("Ahoy")
    let_come()
    is_in(alice, quarterdeck)
    expect(alice.composer).to_have_value("Ahoy")
    alice.composer.press("Enter")
    alice.sees_in_order("Ahoy")
    goes_over_to(alice, harbour)
    expect(alice.composer).to_have_value("")
    assert (saved(alice, harbour), saved(alice, quarterdeck)) == ([], ["Ahoy"])


def test_a_draft_stays_in_its_room_and_is_not_sent_on_the_way(alice: Someone, rooms: Rooms) -> None:
    harbour, quarterdeck = rooms
    alice.types("half a harbour")
    let_come = sets_off_for(alice, quarterdeck)
    alice.composer.press("Enter")
    expect(alice.composer).to_have_value("half a harbour")
    alice.link_to(harbour).click()  # after all
    let_come()
    is_in(alice, harbour)
    alice.composer.press("Enter")
    alice.sees_in_order("half a harbour")
    assert saved(alice, harbour) == ["half a harbour"]


def test_what_waits_in_one_room_goes_out_while_another_is_shown(
    alice: Someone, rooms: Rooms, complaints: Complaints
) -> None:
    complaints.expect_no_connection()
    harbour, quarterdeck = rooms
    goes_over_to(alice, quarterdeck)
    goes_over_to(alice, harbour)
    alice.context.set_offline(True)
    alice.writes("from the tunnel")
    goes_over_to(alice, quarterdeck)  # seen before: it needs no connection
    expect(alice.messages).to_have_count(0)
    alice.context.set_offline(False)
    expect(alice.link_to(harbour).locator(".unsent")).to_have_count(0)
    expect(alice.page.locator(".offline")).to_be_hidden()
    goes_over_to(alice, harbour)
    alice.sees_in_order("from the tunnel")
    assert saved(alice, harbour) == ["from the tunnel"]
    assert saved(alice, quarterdeck) == []


def test_what_happens_elsewhere_is_counted_and_stands_there_at_the_return(alice: Someone, rooms: Rooms) -> None:
    harbour, quarterdeck = rooms
    first = says(alice, harbour, "to be mended")
    alice.sees("to be mended")
    expect(alice.count_of(harbour)).to_be_hidden()
    goes_over_to(alice, quarterdeck)
    says(alice, harbour, "one")
    says(alice, harbour, "two")
    bob = alice.site.people["bob"]
    reaction = {"type": "message.edit", "message": first["id"], "body": "mended"}
    edit_as(alice, bob.session, reaction)
    expect(alice.count_of(harbour)).to_have_text("2")
    expect(alice.message("one")).to_have_count(0)
    goes_over_to(alice, harbour)
    expect(alice.messages.locator(".body")).to_have_text(["mended (edited)", "one", "two"])
    expect(alice.timeline.get_by_role("separator")).to_contain_text("New since")
    expect(alice.count_of(harbour)).to_be_hidden()
    goes_over_to(alice, quarterdeck)
    goes_over_to(alice, harbour)
    expect(alice.timeline.get_by_role("separator")).to_have_count(0)


def edit_as(someone: Someone, session: str, command: dict[str, Any]) -> None:
    """A command by somebody else's socket, from a window that is shut afterwards."""
    host = someone.site.origin.split("//")[1].split(":")[0]
    browser = someone.context.browser
    assert browser is not None
    context = browser.new_context(base_url=someone.site.origin)
    context.add_cookies([{"name": "sessionid", "value": session, "domain": host, "path": "/"}])
    page = context.new_page()
    page.goto("/people/")
    page.evaluate(
        """async command => {
          const {chatSocket} = await import('/static/chatsite/sockets.js')
          while (chatSocket.state !== 'open') await new Promise(done => setTimeout(done, 20))
          return chatSocket.request(command)
        }""",
        command,
    )
    context.close()


def test_of_two_quick_wishes_the_last_counts(alice: Someone, rooms: Rooms, make_room: MakeRoom) -> None:
    _, quarterdeck = rooms
    galley = make_room("alice", "bob", name="Galley")
    expect(alice.link_to(galley)).to_be_visible()
    let_come = sets_off_for(alice, quarterdeck)
    goes_over_to(alice, galley)
    let_come()
    alice.writes("Soup")
    alice.sees_in_order("Soup")
    is_in(alice, galley)
    assert saved(alice, galley) == ["Soup"]


def test_a_room_that_was_archived_meanwhile(alice: Someone, rooms: Rooms) -> None:
    harbour, quarterdeck = rooms
    goes_over_to(alice, quarterdeck)
    path = f"/api/rooms/{harbour['id']}"
    assert alice.site.call("PATCH", path, alice.site.people["alice"], {"archived": True})[0] == 200
    expect(alice.link_to(harbour)).to_be_hidden()
    alice.page.go_back()
    alice.arrives_at(f"/rooms/{harbour['slug']}/")
    alice.reads("This room is archived. What was written stays.")
    expect(alice.composer).to_be_hidden()
    alice.page.go_forward()
    is_in(alice, quarterdeck)
    expect(alice.composer).to_be_visible()


def test_a_room_that_one_is_out_of_is_the_servers_to_refuse(
    person: Enter, rooms: Rooms, complaints: Complaints
) -> None:
    complaints.expect("404")
    harbour, quarterdeck = rooms
    bob = person("bob")
    bob.opens(harbour)
    bob.link_to(quarterdeck).click()
    expect(bob.page.locator("#room-name")).to_have_text(quarterdeck["name"])
    people = bob.site.people
    path = f"/api/rooms/{harbour['id']}/members/{people['bob'].id}"
    assert bob.site.call("DELETE", path, people["alice"])[0] == 204
    expect(bob.link_to(harbour)).to_have_count(0)
    bob.page.go_back()
    bob.reads("There is nothing here")
    bob.arrives_at(f"/rooms/{harbour['slug']}/")


def test_without_a_connection_one_stays_and_is_told(alice: Someone, rooms: Rooms, complaints: Complaints) -> None:
    complaints.expect_no_connection()
    harbour, quarterdeck = rooms
    alice.context.set_offline(True)
    alice.link_to(quarterdeck).click()
    trouble = alice.page.locator("#trouble")
    expect(trouble).to_contain_text("That room can’t be opened just now")
    is_in(alice, harbour)
    alice.types("still here")
    alice.context.set_offline(False)
    expect(trouble).to_be_hidden()
    goes_over_to(alice, quarterdeck)


def test_back_without_a_connection_stays_too(alice: Someone, rooms: Rooms, complaints: Complaints) -> None:
    complaints.expect_no_connection()
    harbour, quarterdeck = rooms
    goes_over_to(alice, quarterdeck)
    alice.page.reload()
    alice.is_connected()
    alice.page.evaluate("window.isTheSame = true")
    alice.context.set_offline(True)
    alice.page.evaluate("history.back()")
    expect(alice.page.locator("#trouble")).to_be_visible()
    is_in(alice, quarterdeck)
    alice.context.set_offline(False)
    expect(alice.page.locator("#trouble")).to_be_hidden()
    alice.page.go_back()
    is_in(alice, harbour)


def test_who_is_signed_out_is_led_to_the_door(alice: Someone, rooms: Rooms) -> None:
    alice.context.clear_cookies()
    alice.link_to(rooms[1]).click()
    expect(alice.page).to_have_url(re.compile(rf"/accounts/login/\?next=/rooms/{rooms[1]['slug']}/$"))


def test_a_click_with_control_opens_a_tab(alice: Someone, rooms: Rooms) -> None:
    harbour, quarterdeck = rooms
    with alice.context.expect_page() as opened:
        alice.link_to(quarterdeck).click(modifiers=["Control"])
    expect(opened.value.locator("#room-name")).to_have_text(quarterdeck["name"])
    is_in(alice, harbour)


def test_a_link_to_a_message_leads_to_it_in_another_room(alice: Someone, rooms: Rooms) -> None:
    _, quarterdeck = rooms
    wanted = says(alice, quarterdeck, "@alice here it is")
    toast = alice.toasts.filter(has_text="here it is")
    toast.hover()  # then it stays
    for number in range(60):
        says(alice, quarterdeck, f"line {number}.")
    alice.clicks("Open", role="link", within=toast)
    is_in(alice, quarterdeck)
    expect(alice.page.locator(f"#message-{wanted['id']}")).to_be_focused()
    expect(alice.page.locator(f"#message-{wanted['id']}")).to_be_in_viewport()


def test_a_new_room_is_shown_at_once(alice: Someone) -> None:
    alice.clicks("New room", within=alice.page.locator("#side"))
    alice.fills_in(name="Crow's nest")
    alice.clicks("Create")
    alice.reads("The beginning of #Crow's nest")
    assert alice.page.evaluate("window.isTheSame")
    expect(alice.page.locator("#new-room")).to_be_hidden()


def test_on_a_phone_the_drawer_closes(person: Enter, rooms: Rooms) -> None:
    harbour, quarterdeck = rooms
    alice = person("alice", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    alice.opens(harbour)
    alice.page.evaluate("window.isTheSame = true")
    alice.page.locator("[data-opens=members]").tap()
    alice.page.get_by_role("button", name="Close members").tap()
    alice.page.locator(".drawer-open").tap()
    alice.link_to(quarterdeck).tap()
    is_in(alice, quarterdeck)
    expect(alice.page.locator("#side")).not_to_be_in_viewport()
    expect(alice.page.locator(".drawer-open")).to_be_focused()


def test_a_room_that_was_gone_over_to_is_as_accessible(alice: Someone, rooms: Rooms) -> None:
    says(alice, rooms[1], "**On** deck")
    goes_over_to(alice, rooms[1])
    alice.sees("On deck")
    finds_nothing_in_either_theme(alice.page)


def test_nothing_is_left_behind(alice: Someone, rooms: Rooms) -> None:
    devtools = alice.context.new_cdp_session(alice.page)
    devtools.send("Performance.enable")
    for room in (*reversed(rooms), *reversed(rooms)):
        goes_over_to(alice, room)

    def listeners() -> int:
        devtools.send("HeapProfiler.collectGarbage")
        metrics = devtools.send("Performance.getMetrics")["metrics"]
        return next(int(metric["value"]) for metric in metrics if metric["name"] == "JSEventListeners")

    before = listeners()
    for number in range(SWITCHES):
        goes_over_to(alice, rooms[(number + 1) % 2])
    assert listeners() <= before + LISTENERS_OF_CHANCE
