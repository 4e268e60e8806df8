"""How connections end: by who does not read, by silence, by failures, one by one and all at once."""

import asyncio
import json
import signal
import socket
import struct
import time
from collections.abc import Callable
from contextlib import AsyncExitStack

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tests.server.conftest import PATIENCE_SECONDS, TEXT, Small, descriptors_of, raw

MIB = 1024 * 1024
CROWD = 30

MakeSmall = Callable[..., Small]


# --- Too slow ---------------------------------------------------------------


async def test_who_reads_too_slowly_is_closed_with_4408_behind_what_was_sent(small: MakeSmall) -> None:
    server = small()
    async with raw(server.port, "/wordy") as client:
        await told_to_the_application(server, [["/wordy", 4408]])
        assert (await client.rest()).endswith(struct.pack(">BBH", 0x88, 2, 4408))


async def test_the_direct_way_out_ends_there_too(small: MakeSmall) -> None:
    server = small()
    async with raw(server.port, "/counting") as client:
        await client.send(TEXT, b"20000")
        await told_to_the_application(server, [["/counting", 4408]])
        assert (await client.rest()).endswith(struct.pack(">BBH", 0x88, 2, 4408))


async def test_what_nobody_reads_is_let_go_of(small: MakeSmall) -> None:
    """While the clients stay. What was freed need not go back to the system, but serves for those who come next."""
    server = small(closing_seconds=0.5)
    peak, descriptors = server.peak, descriptors_of(server.process.pid)
    async with AsyncExitStack() as stack:
        for crowd in (1, 2, 3):
            for _ in range(CROWD):
                await stack.enter_async_context(raw(server.port, "/wordy"))
            await told_to_the_application(server, [["/wordy", 4408]] * CROWD * crowd)
            await until(lambda: descriptors_of(server.process.pid) <= descriptors)
    assert server.peak - peak < 2 * CROWD * MIB  # each of them leaves a mebibyte unread


async def test_who_never_reads_is_hung_up_on(small: MakeSmall) -> None:
    server = small(closing_seconds=0.5)
    async with raw(server.port, "/wordy") as client:
        await told_to_the_application(server, [["/wordy", 4408]])
        with pytest.raises(ConnectionError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                while True:
                    await client.send(TEXT, b"are you there?")
                    await asyncio.sleep(0.05)


# --- Silent -----------------------------------------------------------------


async def test_a_peer_that_went_silent_is_hung_up_on(small: MakeSmall) -> None:
    server = small(ping_seconds=0.2, pong_seconds=0.2)
    async with raw(server.port, "/echo") as client:
        assert (await client.rest()).startswith(b"\x89\x00")
    await told_to_the_application(server, [["/echo", 1006]])


async def test_a_peer_that_answers_stays(small: MakeSmall) -> None:
    """The library answers pings by itself, on a busy machine within seconds."""
    server = small(ping_seconds=0.2, pong_seconds=2)
    async with server.socket("/echo") as client, raw(server.port, "/echo") as silent:
        await silent.rest()
        await client.send("here")
        await client.recv()


async def test_a_server_that_was_suspended_hangs_up_on_nobody(small: MakeSmall) -> None:
    """What came meanwhile is read first, and silence counts from the question."""
    server = small(ping_seconds=1, pong_seconds=1)
    async with server.socket("/echo") as client:
        server.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(3)
        server.process.send_signal(signal.SIGCONT)
        for _ in range(3):
            await client.send("here")
            async with asyncio.timeout(PATIENCE_SECONDS):
                await client.recv()
            await asyncio.sleep(0.5)


# --- Failures ---------------------------------------------------------------


async def test_one_connection_s_failure_is_its_own(small: MakeSmall) -> None:
    """A response that fails half-way, and a connection at which the housekeeping fails."""
    server = small(ping_seconds=0.2, pong_seconds=0.2)
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_SECONDS) as client:
        client.sendall(b"GET /half HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            while client.recv(4096):
                pass
    async with server.socket("/poison"), server.socket("/crashing") as crashing:
        await crashing.send("crash")
        async with asyncio.timeout(PATIENCE_SECONDS):
            await closed_with(crashing, 1011)
        async with raw(server.port, "/echo") as silent:
            await silent.rest()
    assert "failed half-way on request" in server.log
    assert "crashed on request" in server.log


async def test_a_failing_application_closes_its_socket(shared_small: Small) -> None:
    async with shared_small.socket("/crashing") as client:
        await client.send("crash")
        async with asyncio.timeout(PATIENCE_SECONDS):
            await closed_with(client, 1011)


# --- Slow requests ----------------------------------------------------------


@pytest.mark.parametrize("piece", [b"", b"X-Slow: yes\r\n"])
def test_a_head_that_does_not_come_in_time_ends_the_connection(small: MakeSmall, piece: bytes) -> None:
    """Also one that trickles in."""
    server = small(head_seconds=1)
    with socket.create_connection(("127.0.0.1", server.port), timeout=0.3) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        hears_the_end(client, piece)


def test_an_idle_connection_ends(small: MakeSmall) -> None:
    server = small(idle_seconds=2)
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_SECONDS) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b" 200 " in client.recv(4096)
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b" 200 " in client.recv(4096)
        hears_the_end(client)


def test_a_body_may_take_long_as_long_as_it_goes_on(small: MakeSmall) -> None:
    server = small(head_seconds=0.5, idle_seconds=2)
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_SECONDS) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8\r\n\r\n")
        for _ in range(8):
            time.sleep(0.3)  # the pace is what is tested
            client.sendall(b"x")
        assert b" 200 " in client.recv(4096)


# --- All at once ------------------------------------------------------------


async def test_going_down_answers_first_what_was_sent_before(small: MakeSmall) -> None:
    server = small()
    async with server.socket("/slow") as client:
        for number in range(20):
            await client.send(str(number))
        await client.recv()
        server.process.terminate()
        taken = []
        with pytest.raises(ConnectionClosed):
            while True:
                taken.append(json.loads(await client.recv())["taken"])
    assert client.close_code == 1012
    assert taken == [str(number) for number in range(1, 20)]
    assert server.process.wait(PATIENCE_SECONDS) == 0


async def test_going_down_finishes_responses_and_tells_to_come_back_anew(small: MakeSmall) -> None:
    server = small()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    async with server.socket("/slow") as client:
        writer.write(b"GET /later HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await client.send("wait")
        await client.recv()
        server.process.terminate()
        await closed_with(client, 1012)
        with pytest.raises(OSError):
            await asyncio.open_connection("127.0.0.1", server.port)
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert b" 200 " in await reader.readline()
        await reader.readuntil(b"\r\n\r\n")
    writer.close()
    assert server.process.wait(PATIENCE_SECONDS) == 0


async def test_going_down_hears_out_who_has_just_come(small: MakeSmall) -> None:
    server = small(newcomer_seconds=PATIENCE_SECONDS)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    asking = await asyncio.open_connection("127.0.0.1", server.port)  # taken after the first
    asking[1].write(b"GET /ended HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await asking[0].readuntil(b"\r\n\r\n")
    server.process.terminate()
    with pytest.raises(OSError):
        while True:
            (await asyncio.open_connection("127.0.0.1", server.port))[1].close()
    writer.write(b"GET /ended HTTP/1.1\r\nHost: localhost\r\n\r\n")
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert b" 200 " in await reader.readline()
    writer.close()
    asking[1].close()
    assert await asyncio.to_thread(server.process.wait, PATIENCE_SECONDS) == 0


async def test_who_has_come_and_asks_nothing_does_not_hold_the_end_up(small: MakeSmall) -> None:
    server = small(newcomer_seconds=0.1)
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    server.process.terminate()
    assert await asyncio.to_thread(server.process.wait, PATIENCE_SECONDS) == 0
    assert "unfinished" not in server.log
    writer.close()


async def test_many_sockets_are_closed_one_after_another(small: MakeSmall) -> None:
    server = small(spread_seconds=2)
    clients = await asyncio.gather(*[server.socket("/echo") for _ in range(100)])
    server.process.terminate()
    loop = asyncio.get_running_loop()

    async def closing(client: ClientConnection) -> float:
        await closed_with(client, 1012)
        return loop.time()

    moments = sorted(await asyncio.gather(*[closing(client) for client in clients]))
    assert moments[-1] - moments[0] > 0.3
    assert server.process.wait(PATIENCE_SECONDS) == 0


async def test_a_peer_that_is_gone_does_not_hold_the_end_up_for_ever(small: MakeSmall) -> None:
    server = small(drain_seconds=1)
    async with raw(server.port, "/deaf"):
        server.process.terminate()
        assert await asyncio.to_thread(server.process.wait, PATIENCE_SECONDS) == 0
    assert "unfinished" in server.log


# --- Help -------------------------------------------------------------------


async def told_to_the_application(server: Small, endings: list[list[object]]) -> None:
    await until(lambda: json.loads(server.get("/ended")) == endings)


def hears_the_end(client: socket.socket, piece: bytes = b"") -> None:
    """Until then it sends that piece again and again."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            client.sendall(piece)
            if client.recv(4096) == b"":
                return
        except TimeoutError:
            continue
        except ConnectionError:
            return
    raise AssertionError("the connection stays open")


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110 - in another process
            await asyncio.sleep(0.05)


async def closed_with(client: ClientConnection, code: int) -> None:
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            await client.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == code
