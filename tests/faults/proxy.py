"""A small TCP proxy between the clients and the site, which does to connections what networks do."""

import asyncio
import random
import socket
import struct
from contextlib import suppress

CHUNK = 64 * 1024
CONNECT_SECONDS = 5.0
RESET_AT_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, for no time


class Link:
    """One connection. Its faults are attributes that may be set at any time.

    `swallowing`: takes what comes from both sides and passes nothing on, with neither end told.
    `split`: passes on a byte at a time. `delay`: seconds that everything takes each way.
    `drop_ack`: ends instead of passing on the next reply to a post, which the site has written.
    """

    def __init__(self, to_client: asyncio.StreamWriter) -> None:
        self.to_client = to_client
        self.to_site: asyncio.StreamWriter | None = None
        self.swallowing = False
        self.split = False
        self.delay = 0.0
        self.drop_ack = False

    def reset(self) -> None:
        """Ends both sides at once, with RST."""
        for writer in (self.to_client, self.to_site):
            if writer is not None:
                sock = writer.get_extra_info("socket")
                with suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
                writer.transport.abort()

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, from_site: bool) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                if self.swallowing:
                    continue
                if self.delay:
                    await asyncio.sleep(self.delay)
                if self.drop_ack and from_site and is_ack(data):
                    break
                await self._pass_on(data, writer)
        if not self.swallowing:
            self.reset()

    async def _pass_on(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        if self.split:
            for place in range(len(data)):
                writer.write(data[place : place + 1])
                await asyncio.sleep(0)
        else:
            writer.write(data)
        await writer.drain()


def is_ack(data: bytes) -> bool:
    """Whether there's the reply to a post in it; the server does not mask and the clients ask for no compression."""
    return b'"type":"ok"' in data and b'"client_id":"' in data


class Proxy:
    """`async with Proxy(site_port) as proxy:` listens on `proxy.port`; `links` are the open ones."""

    def __init__(self, site_port: int) -> None:
        self.site_port = site_port
        self.links: set[Link] = set()
        self.port = 0
        self._serving: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._server.close()
        for link in list(self.links):
            link.reset()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def some(self, rng: random.Random, share: float) -> list[Link]:
        """A part of the open links, at least one where there are any."""
        links = sorted(self.links, key=id)
        return rng.sample(links, min(len(links), max(1, round(len(links) * share))))

    def _accept(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(from_client, to_client))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        link = Link(to_client)
        self.links.add(link)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                from_site, link.to_site = await asyncio.open_connection("127.0.0.1", self.site_port)
            await asyncio.gather(
                link.pump(from_client, link.to_site, from_site=False), link.pump(from_site, to_client, from_site=True)
            )
        except (OSError, TimeoutError):
            pass
        finally:
            self.links.discard(link)
            link.reset()
