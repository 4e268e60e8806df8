"""What the proxy does to a connection is what its name says."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.faults.proxy import Proxy

ACK = b'{"type":"ok","ref":"1","message":{"client_id":"c"}}'
SECONDS = 10


class Ends:
    """A client connected through the proxy, and the site's end of that connection."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self.arrived: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()

    async def connect(self) -> None:
        self.from_site, self.to_site = await asyncio.open_connection("127.0.0.1", self.proxy.port)
        async with asyncio.timeout(SECONDS):
            self.from_client, self.to_client = await self.arrived.get()
        (self.link,) = self.proxy.links

    async def site_gets(self, data: bytes) -> bytes:
        self.to_site.write(data)
        async with asyncio.timeout(SECONDS):
            return await self.from_client.readexactly(len(data))

    async def client_gets(self, data: bytes) -> bytes:
        """What comes until as much as was sent, or the end of the connection."""
        self.to_client.write(data)
        try:
            async with asyncio.timeout(SECONDS):
                return await self.from_site.readexactly(len(data))
        except (asyncio.IncompleteReadError, ConnectionResetError):
            return b""


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    waiting: list[Ends] = []
    site = await asyncio.start_server(lambda *pair: waiting[0].arrived.put_nowait(pair), "127.0.0.1", 0)
    async with Proxy(site.sockets[0].getsockname()[1]) as proxy:
        waiting.append(Ends(proxy))
        await waiting[0].connect()
        yield waiting[0]
    site.close()


async def test_it_passes_on_both_ways(ends: Ends) -> None:
    assert await ends.site_gets(b"hello") == b"hello"
    assert await ends.client_gets(ACK) == ACK


async def test_a_split_connection_passes_on_the_same_bytes(ends: Ends) -> None:
    ends.link.split = True
    assert await ends.site_gets(b"hello") == b"hello"


async def test_a_swallowing_connection_passes_on_nothing_and_stays_open(ends: Ends) -> None:
    ends.link.swallowing = True
    ends.to_site.write(b"hello")
    ends.to_client.write(b"hello")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await ends.from_client.read(1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await ends.from_site.read(1)


async def test_a_reset_ends_both_sides(ends: Ends) -> None:
    ends.link.reset()
    for reader in (ends.from_client, ends.from_site):
        with pytest.raises(ConnectionResetError):
            async with asyncio.timeout(SECONDS):
                await reader.read(1)


async def test_a_dropped_ack_does_not_arrive(ends: Ends) -> None:
    ends.link.drop_ack = True
    assert await ends.client_gets(b'{"type":"heartbeat"}') == b'{"type":"heartbeat"}'
    assert await ends.client_gets(ACK) == b""
