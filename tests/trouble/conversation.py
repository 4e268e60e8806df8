"""People who talk while something is broken: what they sent, what they were told, what they heard."""

import asyncio
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any, NamedTuple
from uuid import uuid4

from tests.support.cast import Person
from tests.support.runs import Reader
from tests.support.sites import Site, frozen
from tests.support.sockets import RefusedError, WsClient

PATIENCE_SECONDS = 30


class Answer(NamedTuple):
    """What came back from a page or a call."""

    status: int
    headers: dict[str, str]
    text: str


def get(site: Site, path: str, headers: dict[str, str] | None = None, timeout: float = PATIENCE_SECONDS) -> Answer:
    request = urllib.request.Request(site.url(path), headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return Answer(response.status, dict(response.headers), response.read().decode())
    except urllib.error.HTTPError as error:
        return Answer(error.code, dict(error.headers), error.read().decode())


class Talk:
    """Alice and Dina post in the room, Bob listens on two sockets at each process."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.room: int = site.room["id"]
        self.acknowledged: list[str] = []
        self.refused: Counter[str] = Counter()
        self.slowest = 0.0
        self._clients = AsyncExitStack()
        self._enough = asyncio.Event()

    async def __aenter__(self) -> "Talk":
        people = self.site.people
        self.posters = [await self._socket(people[name]) for name in ("alice", "dina")]
        processes = self.site.worker_pids() or [0]
        self.listeners: list[WsClient] = []
        for process in processes * 2:
            with frozen(pid for pid in processes if pid != process):
                self.listeners.append(await self._socket(people["bob"]))
        self.heard = [Reader(0) for _ in self.listeners]
        for listener in self.listeners:
            await listener.request("stream.subscribe", stream=f"room:{self.room}", after=0)
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._clients.aclose()

    async def _socket(self, person: Person) -> WsClient:
        return await self._clients.enter_async_context(WsClient(self.site.ws_url("/ws/chat/"), person.cookie))

    async def post(self, poster: WsClient, client_id: str = "") -> str:
        """Returns the message's `client_id` once it is acknowledged. Raises `RefusedError`."""
        client_id = client_id or str(uuid4())
        began = time.monotonic()
        await poster.request("message.post", room=self.room, client_id=client_id, body="a word", reply_to=None)
        self.slowest = max(self.slowest, time.monotonic() - began)
        self.acknowledged.append(client_id)
        return client_id

    async def goes_on_during(self, trouble: Callable[[], object], words: int = 5) -> None:
        """Posts without end while the trouble is made in a thread, and `words` more by each afterwards."""
        over = asyncio.Event()
        talking = [asyncio.create_task(self._talk(poster, over, words)) for poster in self.posters]
        await asyncio.to_thread(trouble)
        over.set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.gather(*talking)

    async def _talk(self, poster: WsClient, over: asyncio.Event, words: int) -> None:
        left = words
        while left:
            left -= over.is_set()
            try:
                await self.post(poster)
            except RefusedError as refusal:
                self.refused[str(refusal.code)] += 1
            await asyncio.sleep(0.01)

    async def is_heard(self) -> None:
        """Returns when each listener has heard all that was acknowledged, once and in order."""
        for reader, listener in zip(self.heard, self.listeners, strict=True):
            while set(self.acknowledged) - {message["client_id"] for message in reader.messages.values()}:
                event = await listener.next_event(stream=f"room:{self.room}", timeout=PATIENCE_SECONDS)
                reader.apply(event)
        told = [{m["client_id"]: m["seq"] for m in reader.messages.values()} for reader in self.heard]
        assert all(each == told[0] for each in told)
        assert len(set(told[0].values())) == len(told[0])


async def until(check: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
    """Waits for a thing that the other side does by itself; returns what `check`, called in a thread, says."""
    deadline = time.monotonic() + seconds
    while not (found := await asyncio.to_thread(check)):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{check} says {found!r} after {seconds} s")
        await asyncio.sleep(0.05)
    return found
