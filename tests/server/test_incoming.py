"""What one client sends: taken whole, cut off or held up, but never hoarded."""

import asyncio
import json
import struct
from collections.abc import Callable

import pytest

from tests.server.conftest import (
    CONTINUATION,
    PATIENCE_SECONDS,
    PING,
    TEXT,
    Small,
    frame,
    handshake,
    raw,
)

KIB, MIB = 1024, 1024 * 1024
MAY_GROW = 10 * MIB
LIMIT = 64 * KIB
EMPTY_TEXT_BEGINS, LAST = 0x01, 0x80

MakeSmall = Callable[..., Small]


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("x" * LIMIT, LIMIT),
        ("x" * (LIMIT + 1), LIMIT + 1),
        ("x" * (LIMIT + 4), LIMIT + 4),
        ("x" * (10 * MIB), LIMIT + 4),
        ("👍" * 20_000, LIMIT + 4),
        ("x" + "👍" * 20_000, LIMIT + 1),  # cut within a character, which is left out
    ],
)
async def test_a_message_is_kept_to_just_beyond_the_limit(shared_small: Small, text: str, taken: int) -> None:
    async with shared_small.socket("/echo") as socket:
        for message in (text, [text[:10], text[10:]]):
            await socket.send(message)
            assert json.loads(await socket.recv())["length"] == taken
        await socket.send(b"x" * (LIMIT + 5))
        assert json.loads(await socket.recv())["length"] == LIMIT + 4
        await socket.send("and on it goes")
        assert json.loads(await socket.recv()) == {"length": 14, "ends": "and goes"}


async def test_a_message_without_end_closes_the_socket(small: MakeSmall) -> None:
    server = small(endless_bytes=MIB)
    before = server.peak
    async with raw(server.port, "/echo") as client:
        client.writer.write(frame(EMPTY_TEXT_BEGINS))
        sending = asyncio.create_task(forever(lambda: client.send(CONTINUATION, b"x" * KIB, 100)))
        assert struct.pack(">H", 1009) in await client.rest()
        sending.cancel()
    assert server.peak - before < MAY_GROW
    assert json.loads(server.get("/ended")) == [["/echo", 1009]]


async def test_what_is_read_to_be_forgotten_may_come_but_slowly(small: MakeSmall) -> None:
    """A flood of it would take as much time to read as there is, and others wait for that."""
    server = small(wasted_per_second=MIB)
    loop = asyncio.get_running_loop()
    async with server.socket("/echo") as socket:
        began = loop.time()
        await socket.send("x" * (3 * MIB))
        assert json.loads(await socket.recv())["length"] == LIMIT + 4
        assert loop.time() - began > 2
        await socket.send("and on it goes")
        assert json.loads(await socket.recv())["length"] == 14


async def test_who_is_sent_away_and_sends_on_is_read_slowly(small: MakeSmall) -> None:
    server = small(wasted_per_second=MIB, closing_seconds=3)
    async with raw(server.port, "/echo") as client:
        client.writer.write(frame(0x83))
        sent = 0

        async def send() -> None:
            nonlocal sent
            await client.send(TEXT, b"x" * 60_000, 10)
            sent += 600_000

        sending = asyncio.create_task(forever(send))
        await client.rest()
        sending.cancel()
    assert sent < 60 * MIB  # in the system's buffers, for the most part


async def test_fragments_of_nothing_pile_up_nowhere(small: MakeSmall) -> None:
    server = small()
    before = server.peak
    async with raw(server.port, "/echo") as client:
        client.writer.write(frame(EMPTY_TEXT_BEGINS))
        for _ in range(100):
            await client.send(CONTINUATION, times=10_000)
        await client.send(LAST)
        async with asyncio.timeout(PATIENCE_SECONDS * 5):
            answer = await client.reader.readuntil(b"}")
        assert b'"length": 0' in answer
    assert server.peak - before < 4 * MIB  # a million places in a list would be 8


async def test_who_floods_an_application_is_not_read_from(small: MakeSmall) -> None:
    """It takes in nothing at all; what the client can send lies in the system's buffers."""
    server = small()
    before = server.peak
    async with raw(server.port, "/deaf") as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3):
                await forever(lambda: client.send(TEXT, b"x" * 60_000, 10))
        async with server.socket("/echo") as other:
            await other.send("still here")
            async with asyncio.timeout(PATIENCE_SECONDS):
                await other.recv()
    assert server.peak - before < MAY_GROW


async def test_small_frames_are_held_up_by_their_number(small: MakeSmall) -> None:
    server = small()
    before = server.peak
    async with raw(server.port, "/deaf") as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3):
                await forever(lambda: client.send(TEXT, b"x", 10_000))
    assert server.peak - before < MAY_GROW


async def test_what_was_held_up_is_taken_in_order_and_whole(small: MakeSmall) -> None:
    async with small(queued_frames=4).socket("/slow") as socket:
        for number in range(50):
            await socket.send(str(number))
        async with asyncio.timeout(PATIENCE_SECONDS * 5):
            taken = [json.loads(await socket.recv())["taken"] for _ in range(50)]
    assert taken == [str(number) for number in range(50)]


async def test_a_flood_of_pings_from_who_reads_no_answers_is_ended(small: MakeSmall) -> None:
    server = small(unsent_bytes=100 * KIB, closing_seconds=1)
    before = server.peak
    async with raw(server.port, "/echo") as client:
        with pytest.raises(ConnectionError):
            async with asyncio.timeout(PATIENCE_SECONDS * 2):
                await forever(lambda: client.send(PING, b"x" * 125, 1_000))
    assert server.peak - before < MAY_GROW
    assert json.loads(server.get("/ended")) == [["/echo", 4408]]


async def test_others_are_served_during_a_flood(small: MakeSmall) -> None:
    """A flood of the smallest frames is taken apart a few at a time: an echo has its turn in between."""
    server = small()
    async with raw(server.port, "/echo") as client, server.socket("/echo") as other:
        flood = asyncio.create_task(forever(lambda: client.send(PING, times=5_000)))
        reading = asyncio.create_task(client.rest())
        loop = asyncio.get_running_loop()
        waits = []
        for _ in range(100):
            began = loop.time()
            await other.send("x")
            async with asyncio.timeout(PATIENCE_SECONDS):
                await other.recv()
            waits.append(loop.time() - began)
        flood.cancel()
        reading.cancel()
    assert sorted(waits)[50] < 0.3  # one read holds 10,000 pings, which take longer than that


async def test_what_comes_before_the_handshake_ends_waits_outside(small: MakeSmall) -> None:
    server = small()
    before = server.peak
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(handshake(server.port, "/undecided"))
    await asyncio.sleep(1)  # what comes in one piece with the head is dropped with it, and shows nothing
    with pytest.raises(ConnectionError):
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                writer.write(frame(TEXT, b"x" * 60_000))
                await writer.drain()
    assert server.peak - before < MAY_GROW


async def test_compression_is_not_agreed_to(shared_small: Small) -> None:
    async with shared_small.socket("/echo", compression="deflate") as socket:
        assert socket.response is not None
        assert "Sec-WebSocket-Extensions" not in socket.response.headers


@pytest.mark.parametrize(("broken", "code"), [(frame(0x83), 1002), (frame(TEXT, b"\xff"), 1007)])
async def test_broken_frames_are_answered_with_their_code(shared_small: Small, broken: bytes, code: int) -> None:
    async with raw(shared_small.port, "/echo") as client:
        client.writer.write(broken + frame(TEXT, b"x" * KIB) * 1_000)
        assert struct.pack(">H", code) in await client.rest()


async def forever(send: Callable[[], object]) -> None:
    while True:
        await send()  # type: ignore[misc]
