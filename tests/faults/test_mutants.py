"""Each safeguard, broken on purpose, is missed: the checker says so, and says nothing where it is whole.

`seq_without_lock` gives seqs out in a transaction of their own, so that it bites on SQLite, too, whose
one writer would hide a mere lack of row locks.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from tests.faults.clerk import Clerk
from tests.faults.journal import Ack, Receipt
from tests.faults.mutants import scenarios
from tests.faults.mutants.breakages import BREAKAGES, BROKEN, FORGET_UNIQUENESS, PATCHES
from tests.faults.mutants.scenarios import Place, Scenario, begun
from tests.faults.verdict import Verdict, Wrong
from tests.support.patching import Switches, patched
from tests.support.sites import Ground, Site

Provocation = Callable[[Scenario], Awaitable[None]]

HEAL_SECONDS = 2.0  # of the contract
SLACK_SECONDS = 2.0  # for a busy machine
WHOLE_SECONDS = 20.0
BROKEN_SECONDS = HEAL_SECONDS + 1

# The breakage, what provokes it, and what the checker then says.
# The last one stays last: the database forgets for good.
CASES: list[tuple[str, Provocation, Wrong]] = [
    ("reconcile_off", scenarios.lost_push_and_silence, "lost"),
    ("repair_off", scenarios.lost_push_and_more, "lost"),
    ("ack_before_commit", scenarios.death_before_commit, "lost"),
    ("seq_without_lock", scenarios.overtaken_commit, "lost"),
    ("register_late", scenarios.post_while_subscribing, "lost"),
    ("membership_check_off", scenarios.removed_member, "outside"),
    ("unique_client_id_off", scenarios.lost_answer, "duplicated"),
]


@pytest.fixture(scope="module")
def place(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("mutants")
    switches = Switches(folder / "switches")
    variables = patched(*PATCHES, switches=switches.folder)
    site = Site(ground, folder, **variables)
    plain = {name: text for name, text in site.environ.items() if name not in variables}
    with Clerk(plain) as clerk, site:
        yield Place(site, switches, clerk)


async def outcome(place: Place, provoke: Provocation, seconds: float) -> Verdict:
    """What the checker says when all who can be up to date are, or after that time."""
    async with begun(place) as scenario:
        await provoke(scenario)
        await scenario.behind(seconds)
        return await scenario.verdict()


def test_a_lost_push_followed_by_silence_heals_within_two_seconds(place: Place) -> None:
    """That it was lost indeed is shown below, where nobody compares with the database."""

    async def heal() -> list[float]:
        async with begun(place) as scenario:
            await scenarios.lost_push_and_silence(scenario)
            assert not await scenario.behind(WHOLE_SECONDS)
            (ack,) = scenario.clients[0].journal.all(Ack)
            receipts = [receipt for client in scenario.clients for receipt in client.journal.all(Receipt)]
            return [receipt.at - ack.at for receipt in receipts if receipt.message == ack.message]

    waits = asyncio.run(heal())
    assert len(waits) == 2
    assert max(waits) < HEAL_SECONDS + SLACK_SECONDS


@pytest.mark.parametrize(("breakage", "provoke", "wrong"), CASES, ids=[breakage for breakage, *_ in CASES])
def test_a_broken_safeguard_is_missed(breakage: str, provoke: Provocation, wrong: Wrong, place: Place) -> None:
    whole = asyncio.run(outcome(place, provoke, WHOLE_SECONDS))
    assert whole.is_good, whole.lines
    if breakage == "unique_client_id_off":
        place.site.manage("shell", "--no-imports", "--command", FORGET_UNIQUENESS)
    place.switches.set(BROKEN, breakage)
    try:
        verdict = asyncio.run(outcome(place, provoke, BROKEN_SECONDS))
    finally:
        place.switches.clear(BROKEN)
    assert verdict.wrong[wrong], f"{breakage} passed: {verdict}"


def test_every_breakage_is_tried() -> None:
    assert {breakage for breakage, *_ in CASES} == {breakage.__name__ for breakage in BREAKAGES}
