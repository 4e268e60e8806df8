"""What the first view of a room costs: counted in bytes and requests, which are the same on any machine."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Response, expect

from tests.browser import weighing
from tests.browser.conftest import Enter, MakeRoom
from tests.support.sites import Site

Room = dict[str, Any]

MAX_BYTES = 80_000
MAX_REQUESTS = 12
TALK = "Sounding {n}: the tide was lower than **expected** at the east bar, see `log {n}` for what the gauge wrote."


@pytest.fixture
def room(site: Site, make_room: MakeRoom) -> Room:
    """With a page full of talk, among some others."""
    room, *_ = [make_room("alice", "bob", name=f"Berth {n}") for n in range(10)]
    for n in range(60):
        author = site.people[("alice", "bob")[n // 3 % 2]]
        path = f"/api/rooms/{room['id']}/messages"
        assert site.call("POST", path, author, {"body": TALK.format(n=n)})[0] == 201
    return room


@pytest.mark.parametrize("language", ["en", "es", "pt-BR"])
def test_the_first_view_of_a_room_is_light(
    person: Enter, room: Room, language: str, report: Callable[[str], None]
) -> None:
    alice = person("alice", alone=True, locale=language)
    load = weighing.load(alice.context, f"/rooms/{room['slug']}/")
    kinds = ", ".join(f"{kind} {size:,}" for kind, size in load.sizes.most_common())
    report(f"First view of a room in {language}: {load.total:,} bytes in {load.requests} requests ({kinds})")
    assert load.total <= MAX_BYTES
    assert load.requests <= MAX_REQUESTS


def test_the_browser_knows_all_scripts_from_the_pages_head(person: Enter, room: Room) -> None:
    """None is found only by running another."""
    load = weighing.load(person("alice", alone=True).context, f"/rooms/{room['slug']}/")
    assert load.scripts
    assert set(load.scripts) <= set(load.named)


def test_what_has_a_hash_is_kept_for_ever_and_comes_compressed(person: Enter, room: Room) -> None:
    alice = person("alice", alone=True, locale="es")  # the English texts are too few to be worth it
    answers: list[Response] = []
    alice.page.on("response", lambda answer: answers.append(answer))
    alice.goes_to(f"/rooms/{room['slug']}/")
    expect(alice.messages.first).to_be_visible()
    scripts = [answer for answer in answers if answer.url.split("?")[0].endswith((".js", ".css"))]
    assert len(scripts) >= 4  # the look, the texts, the frame, the room
    for answer in scripts:
        assert "immutable" in answer.headers["cache-control"], answer.url
        assert answer.headers["content-encoding"] == "gzip", answer.url


def test_a_second_view_brings_no_script_and_no_style_again(person: Enter, room: Room) -> None:
    alice = person("alice", alone=True)
    path = f"/rooms/{room['slug']}/"
    first, second = weighing.load(alice.context, path), weighing.load(alice.context, path)
    assert min(first.sizes["Script"], first.sizes["Stylesheet"]) > 0
    assert second.sizes["Script"] == second.sizes["Stylesheet"] == 0
