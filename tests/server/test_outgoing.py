"""What goes out past the server's layers comes in whole and in order, whatever the system takes at once."""

import asyncio
import json
import socket
from collections.abc import Callable

from tests.server.conftest import PATIENCE_SECONDS, Small

MakeSmall = Callable[..., Small]


def with_a_small_buffer(port: int) -> socket.socket:
    """A connection of which the system keeps little, so that the server can't send much before it is read."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", port))
    connection.setblocking(False)
    return connection


async def test_the_direct_way_keeps_order_when_the_system_takes_only_part(small: MakeSmall) -> None:
    server = small(unsent_bytes=32 * 1024 * 1024)
    async with server.socket("/counting", sock=with_a_small_buffer(server.port), max_queue=1) as client:
        for many in (5_000, 20, 3_000):  # so many that they wait in Twisted's buffer; then it is empty again
            await client.send(str(many))
        numbers, said = [], []
        async with asyncio.timeout(PATIENCE_SECONDS * 3):
            while len(said) < 3:
                text = json.loads(await client.recv())
                if "number" in text:
                    assert text["filling"] == "ä" * 700
                    numbers.append(text["number"])
                else:
                    said.append(text["direct"])
    assert said == [True] * 3
    assert numbers == list(range(8_020))
