"""How much there may be at once: sockets of an address, connections of the whole process."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from tests.server.conftest import PATIENCE_SECONDS, Small, descriptors_of

MakeSmall = Callable[..., Small]
FEW = 128  # descriptors; some 64 are kept free


async def test_an_address_has_so_many_sockets(small: MakeSmall) -> None:
    server = small(sockets_per_address=2)
    async with server.socket("/echo"):
        async with server.socket("/echo"):
            with pytest.raises(InvalidStatus) as refused:
                await server.socket("/echo", additional_headers={"X-Forwarded-For": "192.0.2.1"})
            assert refused.value.response.status_code == 429
            assert "address" in refused.value.response.reason_phrase
        async with server.socket("/echo") as again:
            await again.send("there is room again")
            await again.recv()


async def test_behind_a_proxy_the_address_is_what_the_proxy_says(small: MakeSmall) -> None:
    """The nearest proxy's word counts; what was claimed further away doesn't."""
    server = small(proxies=1, sockets_per_address=1)

    def coming_from(addresses: str) -> dict[str, str]:
        return {"X-Forwarded-For": addresses}

    async with (
        server.socket("/echo", additional_headers=coming_from("192.0.2.1")),
        server.socket("/echo", additional_headers=coming_from("192.0.2.1, 192.0.2.2")),
        server.socket("/echo"),
    ):
        for taken in ("192.0.2.1", "192.0.2.9, 192.0.2.2"):
            with pytest.raises(InvalidStatus):
                await server.socket("/echo", additional_headers=coming_from(taken))


async def test_without_a_limit_they_are_many(small: MakeSmall) -> None:
    server = small(sockets_per_address=None)
    sockets = [await server.socket("/echo") for _ in range(60)]
    for each in sockets:
        await each.close()


async def test_a_crowd_leaves_descriptors_to_the_rest(small: MakeSmall) -> None:
    server = small(descriptors=FEW)
    with ExitStack() as crowd:
        async with server.socket("/echo") as first:
            for _ in range(2 * FEW):
                crowd.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            await first.send("still here")
            await first.recv()
            assert descriptors_of(server.process.pid) < FEW - 20
    assert server.get("/ended")


async def test_it_survives_having_no_descriptors_at_all(small: MakeSmall) -> None:
    """The application takes the rest; nobody new is served, nothing spins, and it goes on afterwards."""
    server = small(descriptors=FEW)
    async with server.socket("/echo") as first:
        server.get("/eat")
        with ExitStack() as crowd:
            refused = [crowd.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(20)]
            for each in refused[5:]:  # a few descriptors were free again
                each.settimeout(PATIENCE_SECONDS)
                assert each.recv(1) == b""
            await first.send("still here")
            await first.recv()
            used = processor_seconds(server.process.pid)
            await asyncio.sleep(2)  # long enough for the housekeeping to look, and to see that nothing spins
            assert processor_seconds(server.process.pid) - used < 0.5
    assert server.log.count("file descriptors are in use") == 1
    assert "Traceback" not in server.log


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
