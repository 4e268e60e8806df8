"""Writing in groups: in order of arrival, and one poisonous item harms no other."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from chatsite.realtime.batches import MAX_BATCH, Batcher
from chatsite.realtime.commands import CommandError


class Ledger:
    """Takes batches; the first one waits until it is let go, so that the next one gathers."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.go_on = threading.Event()
        self.began = threading.Event()

    def write(self, items: Sequence[str]) -> list[str | Exception]:
        self.began.set()
        self.go_on.wait(10)
        if "poison" in items:
            raise RuntimeError("this batch can't be written")
        self.batches.append(list(items))
        return [CommandError("invalid", item) if item == "refused" else item.upper() for item in items]


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def writer(ledger: Ledger) -> Batcher[str, str]:
    return Batcher(ledger.write)


async def gathered(writer: Batcher[str, str], ledger: Ledger, items: list[str]) -> "list[asyncio.Future[str]]":
    """Submits while a first batch is at work, so that they are written together."""
    first = writer.submit("first")
    await asyncio.to_thread(ledger.began.wait)
    futures = [writer.submit(item) for item in items]
    ledger.go_on.set()
    await first
    return futures


async def test_what_gathers_is_written_together_and_in_order(writer: Batcher[str, str], ledger: Ledger) -> None:
    futures = await gathered(writer, ledger, ["a", "b", "c"])
    assert await asyncio.gather(*futures) == ["A", "B", "C"]
    assert ledger.batches == [["first"], ["a", "b", "c"]]


async def test_a_batch_has_a_limit(writer: Batcher[str, str], ledger: Ledger) -> None:
    futures = await gathered(writer, ledger, [str(number) for number in range(MAX_BATCH + 5)])
    assert await asyncio.gather(*futures) == [str(number) for number in range(MAX_BATCH + 5)]
    assert [len(batch) for batch in ledger.batches] == [1, MAX_BATCH, 5]


async def test_a_refusal_is_its_own_submitters_alone(writer: Batcher[str, str], ledger: Ledger) -> None:
    one, refused, two = await gathered(writer, ledger, ["a", "refused", "b"])
    assert (await one, await two) == ("A", "B")
    with pytest.raises(CommandError):
        await refused


async def test_a_poisonous_item_fails_alone(writer: Batcher[str, str], ledger: Ledger) -> None:
    one, poison, two = await gathered(writer, ledger, ["a", "poison", "b"])
    assert (await one, await two) == ("A", "B")
    with pytest.raises(RuntimeError):
        await poison
    assert await writer.submit("later") == "LATER"


async def test_who_no_longer_waits_disturbs_nobody(writer: Batcher[str, str], ledger: Ledger) -> None:
    gone, stays = await gathered(writer, ledger, ["a", "b"])
    gone.cancel()
    assert await stays == "B"


async def test_draining_waits_for_everything(writer: Batcher[str, str], ledger: Ledger) -> None:
    futures = await gathered(writer, ledger, ["a", "b"])
    await writer.drain()
    assert all(future.done() for future in futures)
