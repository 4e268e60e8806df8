"""Long rooms: older pages come above, and nothing that is read moves."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Enter, new_room
from tests.browser.seeding import talk_of_the_past
from tests.support.sites import Site

Room = dict[str, Any]

# Where a message stands in the window, after the next frame was drawn.
TOP_OF = "text => new Promise(r => requestAnimationFrame(() => r(find(text).getBoundingClientRect().top)))"
FIND = "window.find = text => [...document.querySelectorAll('.msg')].find(m => m.textContent.includes(text))"


MANY = 10_000


@pytest.fixture(scope="module")
def rooms(site: Site) -> list[Room]:
    """One for each test: with messages “line 1.” to “line 130.” in two, and very many in the third."""
    rooms = [new_room(site, "alice", "bob", name=name) for name in ("Read up", "Read above", "Scroll through")]
    talk_of_the_past(
        site, {room["id"]: length for room, length in zip(rooms, (130, 130, MANY), strict=True)}, "alice", "bob"
    )
    return rooms


def test_history_comes_above_without_moving_what_is_read(person: Enter, rooms: list[Room]) -> None:
    long_room, _, _ = rooms
    bob = person("bob")
    bob.opens(long_room)
    bob.page.evaluate(FIND)
    expect(bob.message("line 130.")).to_have_count(1)
    expect(bob.message("line 1.")).to_have_count(0)

    oldest = bob.messages.first
    text = oldest.locator(".body").text_content()
    bob.page.evaluate("text => find(text).scrollIntoView({block: 'start'})", text)
    before = bob.page.evaluate(TOP_OF, text)
    expect(oldest.locator(".body")).not_to_have_text(text or "")
    assert abs(bob.page.evaluate(TOP_OF, text) - before) <= 1

    while bob.message("line 1.").count() == 0:
        first = bob.messages.first.get_attribute("id") or ""
        bob.messages.first.scroll_into_view_if_needed()
        expect(bob.messages.first).not_to_have_id(first)
    lines = bob.messages.locator(".body").all_text_contents()
    assert lines == [f"line {number}." for number in range(1, 131)]
    expect(bob.page.locator(".history-end")).to_be_hidden()


def test_a_page_that_was_cut_off_is_asked_for_again(person: Enter, rooms: list[Room]) -> None:
    long_room, _, _ = rooms
    alice = person("alice")
    half = {"content_type": "application/json", "body": '{"messages": [{"id": 1'}
    alice.page.route("**/messages?*before=*", lambda route: route.fulfill(**half))
    with alice.page.expect_response("**/messages?*before=*"):
        alice.opens(long_room)
        alice.page.locator("#timeline").evaluate("box => { box.scrollTop = 0 }")
    expect(alice.page.locator("#timeline .skeleton")).to_have_count(0)
    expect(alice.messages).to_have_count(50)
    alice.page.unroute_all()
    again = alice.page.get_by_role("button", name="Earlier messages")
    again.evaluate("button => button.click()")  # a mouse would scroll there first, which asks, too
    expect(alice.message("line 80.")).to_have_count(1)


def test_who_reads_above_is_not_pulled_down_and_finds_back(person: Enter, rooms: list[Room]) -> None:
    _, long_room, _ = rooms
    alice, bob = person("alice"), person("bob")
    alice.opens(long_room)
    bob.opens(long_room)
    bob.page.evaluate(FIND)
    bob.page.evaluate("find('line 90.').scrollIntoView({block: 'start'})")
    pill = bob.page.locator(".newest")
    expect(pill).to_be_visible()
    before = bob.page.evaluate(TOP_OF, "line 90.")
    alice.writes("news")
    expect(pill).to_contain_text("1 new")
    assert abs(bob.page.evaluate(TOP_OF, "line 90.") - before) <= 1
    pill.click()
    expect(bob.message("news")).to_be_in_viewport()
    expect(pill).to_be_hidden()
    alice.writes("more news")
    expect(bob.message("more news")).to_be_in_viewport()


MOST_SHOWN = 320  # 300, and what stands around them for a moment
# Scrolls to an end of what stands there (step -1: up, 1: down) until more has come, so many times or to the newest.
# Gives the numbers of the oldest and the newest line at last, the most messages there were at a time, and how
# far the line at the edge was moved at most, in px.
SCROLL_THROUGH = """async ({step, times, last}) => {
  const box = document.getElementById('timeline')
  const numbers = () => lines().map(line => Number(/line (\\d+)\\./.exec(line.textContent)?.[1]))
  const lines = () => [...box.querySelectorAll('.msg:not(.event, [aria-busy])')]
  const edge = () => lines().at(step < 0 ? 0 : -1)
  const frame = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)))
  const seen = {most: 0, moved: 0}
  const count = () => { seen.most = Math.max(seen.most, box.querySelectorAll('.msg').length) }
  new MutationObserver(count).observe(box, {childList: true})
  const until = performance.now() + 120_000
  for (let time = 0; time < times && !(step > 0 && numbers().at(-1) === last); time += 1) {
    const line = edge()
    line.scrollIntoView({block: step < 0 ? 'start' : 'end'})
    await frame()
    const {top} = line.getBoundingClientRect()
    while (edge() === line) {
      if (performance.now() > until) throw new Error('no more came')
      await frame()
    }
    await frame()
    seen.moved = Math.max(seen.moved, Math.abs(line.getBoundingClientRect().top - top))
  }
  return {...seen, oldest: numbers()[0], newest: numbers().at(-1)}
}"""


def test_a_long_past_is_scrolled_through_with_few_messages_on_the_page(person: Enter, rooms: list[Room]) -> None:
    """Up through thousands and down again: what is in view stays where it is while others come and go."""
    _, _, room = rooms
    alice = person("alice")
    alice.opens(room)
    expect(alice.message(f"line {MANY}.")).to_have_count(1)
    up = alice.page.evaluate(SCROLL_THROUGH, {"step": -1, "times": 20, "last": MANY})
    assert up["oldest"] <= MANY - 1049  # fifty at the beginning, and twenty times fifty or more
    expect(alice.message(f"line {MANY}.")).to_have_count(0)
    down = alice.page.evaluate(SCROLL_THROUGH, {"step": 1, "times": 30, "last": MANY})
    assert down["newest"] == MANY
    for way in (up, down):
        assert way["most"] <= MOST_SHOWN
        assert way["moved"] <= 1
