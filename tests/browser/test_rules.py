"""The pure rules of the front end's modules, in the browser that runs them."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.people import Complaints, Someone
from tests.browser.windows import Windows
from tests.support.sites import Site

CURSOR = "/static/chatsite/cursor.js"
MATCH = "/static/chatsite/match.js"


@pytest.fixture(scope="module")
def alice(windows: Windows, site: Site) -> Iterator[Someone]:
    """At one page for all: rules leave nothing behind."""
    complaints = Complaints()
    with (
        windows.lend("alice", alone=True, base_url=site.origin) as context,
        Someone.at(context, site, "alice", complaints) as alice,
    ):
        alice.goes_to("/people/")
        yield alice
    complaints.expect_none()


def ask(someone: Someone, module: str, expression: str) -> Any:
    """What an expression gives, with a module's exports as `it`."""
    return someone.page.evaluate(f"import({module!r}).then(it => {expression})")


@pytest.mark.parametrize(
    ("event", "verdict"),
    [
        ("{seq: 6}", "apply"),
        ("{seq: 5}", "drop"),
        ("{seq: 3}", "drop"),
        ("{seq: 7}", "hole"),
        ("{seq: 9, after: 5}", "apply"),
        ("{seq: 9, after: 3}", "apply"),
        ("{seq: 9, after: 6}", "hole"),
        ("{seq: 5, after: 1}", "drop"),
    ],
)
def test_events_are_placed_by_the_contract(alice: Someone, event: str, verdict: str) -> None:
    assert ask(alice, CURSOR, f"it.verdict({event}, 5)") == verdict


def test_waits_double_up_to_half_a_minute_with_full_jitter(alice: Someone) -> None:
    longest = ask(alice, CURSOR, "[0, 1, 2, 20, 400].map(attempt => it.backoff(attempt, () => 1))")
    shortest = ask(alice, CURSOR, "[0, 5, 400].map(attempt => it.backoff(attempt, () => 0))")
    assert longest == [400, 800, 1600, 30_000, 30_000]
    assert shortest == [200, 200, 200]


@pytest.mark.parametrize(
    ("typed", "name", "rank"),
    [("ti", "tiles", 0), ("BAR", "east bar", 1), ("ines", "Inês Duarte", 0), ("les", "tiles", 2), ("x", "tiles", None)],
)
def test_names_are_found_without_accents_the_starts_of_words_first(
    alice: Someone, typed: str, name: str, rank: int | None
) -> None:
    assert ask(alice, MATCH, f"it.rank({typed!r}, {name!r})") == rank


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (58.4, "58 s"), (60, "1 min"), (252, "4 min 12 s"), (7500, "2 h 5 min")]
)
def test_durations_read_as_people_say_them(alice: Someone, seconds: float, words: str) -> None:
    assert ask(alice, "/static/chatsite/time.js", f"it.duration({seconds})") == words


def test_characters_are_counted_as_the_server_counts_them(alice: Someone) -> None:
    assert ask(alice, "/static/chat/format.js", "it.characters('a👍🏽é')") == 4


def test_modules_come_once_and_by_their_hashed_addresses(alice: Someone) -> None:
    loaded = alice.page.evaluate(
        "performance.getEntriesByType('resource').map(entry => entry.name).filter(name => name.endsWith('.js'))"
    )
    ours = [address for address in loaded if "/static/" in address]
    assert ours
    assert all(address.rsplit("/", 1)[1].count(".") == 2 for address in ours)
    assert len(set(ours)) == len(ours)
