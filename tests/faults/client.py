"""A client that follows the contract to the letter, and notes everything in its journal."""

import asyncio
import itertools
import json
import random
import time
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from tests.faults.journal import Denied, Disconnected, Fate, Hole, Journal, Page, Receipt, Subscribed
from tests.faults.outbox import Outbox

Message = dict[str, Any]
Headers = dict[str, str]

RECENT = 40  # messages that the client may edit, delete and react to


@dataclass(frozen=True)
class Pace:
    """Seconds. The contract's are `Pace()`; tests wait shorter, and ping since the server's heartbeat comes seldom."""

    silence: float = 45.0
    backoff_base: float = 0.2
    backoff_ceiling: float = 30.0
    ask_again: float = 5.0  # where a stream was denied

    @property
    def ping(self) -> float:
        return self.silence / 3


@dataclass(frozen=True)
class Endpoint:
    """Where the client finds the site: sockets through the proxy, pages of history directly."""

    socket_url: str
    load_page: Callable[[int, Headers], list[Message]]


class Client:
    """Follows `streams` from their beginning, over one socket after the other, until it is stopped."""

    def __init__(
        self, journal: Journal, endpoint: Endpoint, headers: Headers, streams: list[str], pace: Pace, rng: random.Random
    ) -> None:
        self.journal = journal
        self.endpoint = endpoint
        self.headers = headers
        self.pace = pace
        self.positions = journal.positions
        self.positions.update(dict.fromkeys(streams, 0))
        self.outbox = Outbox(self)
        self.recent: deque[Message] = deque(maxlen=RECENT)
        self.connection: ClientConnection | None = None
        self.connection_number = 0
        self.denied: set[str] = set()
        self._rng = rng
        self._epochs: dict[str, str] = {}
        self._asking: set[str] = set()  # the streams whose `ok` is awaited
        self._refs = itertools.count(1)
        self._waiting: dict[str, Callable[[Message | None], None]] = {}
        self._healing: set[asyncio.Task[None]] = set()  # pages being loaded, subscriptions being asked for
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=self.journal.name)

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    @property
    def is_settled(self) -> bool:
        """Whether it waits for nothing: connected, subscribed, pages loaded, all posts answered."""
        return self.connection is not None and not (self._asking or self._healing or self.outbox.posts)

    # --- The socket ---------------------------------------------------------

    async def _run(self) -> None:
        failures = 0
        while True:
            began = time.monotonic()
            await self._one_socket()
            failures = 0 if time.monotonic() - began > self.pace.silence else failures + 1
            ceiling = min(self.pace.backoff_ceiling, self.pace.backoff_base * 2**failures)
            await asyncio.sleep(self._rng.uniform(0, ceiling))

    async def _one_socket(self) -> None:
        try:
            connection = await self._connect()
        except (InvalidHandshake, InvalidMessage, OSError, TimeoutError, EOFError, ConnectionClosed):
            return
        self.connection_number = self.journal.connected()
        self.connection = connection
        pinging = asyncio.create_task(self._ping())
        try:
            for stream in self.positions:
                await self.subscribe(stream)
            self.outbox.pump()
            await self._read(connection)
        except (ConnectionClosed, TimeoutError, OSError):
            pass
        finally:
            pinging.cancel()
            self._forget_socket(connection)
            connection.transport.abort()

    async def _connect(self) -> ClientConnection:
        """Without compression, so that the proxy sees what passes, and without pings that hide a silence."""
        options: dict[str, Any] = {"proxy": None, "compression": None, "ping_interval": None, "close_timeout": 1}
        timeout = self.pace.silence
        return await connect(
            self.endpoint.socket_url, additional_headers=self.headers, max_size=None, open_timeout=timeout, **options
        )

    async def _read(self, connection: ClientConnection) -> None:
        """Raises `TimeoutError` after the silence in which a server must have said something."""
        while True:
            async with asyncio.timeout(self.pace.silence):
                text = await connection.recv()
            self._take(json.loads(text))

    async def _ping(self) -> None:
        """Also asks again for streams that were denied: who is let in again hears it from nobody here."""
        asked = time.monotonic()
        with suppress(ConnectionClosed):
            while True:
                await asyncio.sleep(self.pace.ping)
                await self.send({"type": "ping"})
                if self.denied and time.monotonic() - asked > self.pace.ask_again:
                    asked = time.monotonic()
                    for stream in list(self.denied):
                        await self.subscribe(stream)

    def _forget_socket(self, connection: ClientConnection) -> None:
        self.connection = None
        self.journal.note(Disconnected(time.monotonic(), self.connection_number, connection.close_code or 1006))
        self._asking.clear()
        waiting, self._waiting = self._waiting, {}
        for answer in waiting.values():
            answer(None)

    async def send(self, message: Message) -> None:
        if self.connection is not None:
            await self.connection.send(json.dumps(message))

    async def request(self, message: Message, answered: Callable[[Message | None], None]) -> None:
        """Calls `answered` with the reply, or with None where the socket goes away before it comes."""
        if self.connection is None:
            answered(None)
            return
        ref = f"{self.connection_number}.{next(self._refs)}"
        self._waiting[ref] = answered
        with suppress(ConnectionClosed):
            await self.send(message | {"ref": ref})

    def _take(self, message: Message) -> None:
        if (answered := self._waiting.pop(message.get("ref", ""), None)) is not None:
            answered(message)
        elif "seq" in message:
            self._take_event(message)
        elif message["type"] == "heartbeat":
            self._compare(message["heads"])

    # --- Streams ------------------------------------------------------------

    async def subscribe(self, stream: str) -> None:
        position = self.positions.setdefault(stream, 0)
        began = time.monotonic()
        self._asking.add(stream)
        command = {"type": "stream.subscribe", "stream": stream, "after": position}
        if stream in self._epochs:
            command["epoch"] = self._epochs[stream]
        await self.request(command, lambda answer: self._subscribed(stream, began, position, answer))

    def _subscribed(self, stream: str, began: float, after: int, answer: Message | None) -> None:
        now = time.monotonic()
        if answer is None:
            return
        self._asking.discard(stream)
        if answer["type"] == "error":
            self.journal.note(Denied(now, stream, answer["code"]))
            self.denied.add(stream)
            return
        self.denied.discard(stream)
        self._epochs[stream] = answer["epoch"]
        reset = bool(answer.get("reset"))
        self.journal.note(Subscribed(now, began, stream, after, answer["head"], answer["epoch"], reset))
        if reset:
            self.positions[stream] = answer["head"]
            if stream.startswith("room:"):
                self._heal_by(self._load_page(stream))

    async def _load_page(self, stream: str) -> None:
        room = int(stream.partition(":")[2])
        while stream not in self.denied:
            began = time.monotonic()
            try:
                messages = await asyncio.to_thread(self.endpoint.load_page, room, self.headers)
            except PermissionError:
                return
            except OSError:
                await asyncio.sleep(self._rng.uniform(0.2, 1))
                continue
            places = tuple((message["id"], message["seq"]) for message in messages)
            self.journal.note(Page(time.monotonic(), began, stream, places))
            return

    def _take_event(self, event: Message) -> None:
        stream, seq = event["stream"], event["seq"]
        after, position = event.get("after", seq - 1), self.positions.get(stream, 0)
        fate: Fate = "dropped" if seq <= position else "applied" if after <= position else "hole"
        content = event.get("message") or event.get("job") or {}
        sender = content.get("client_id") or ""
        kind, now = event["type"], time.monotonic()
        self.journal.note(Receipt(now, stream, seq, after, kind, content.get("id", 0), sender, fate))
        if fate == "hole":
            self._heal(Hole(now, stream, position, "event"))
        elif fate == "applied":
            self.positions[stream] = seq
            if "message" in event and content["kind"] == "text" and not content["deleted_at"]:
                self.recent.append(content)

    def _compare(self, heads: dict[str, int]) -> None:
        for stream, head in heads.items():
            if head > self.positions.get(stream, 0):
                self._heal(Hole(time.monotonic(), stream, self.positions.get(stream, 0), "heartbeat"))

    def _heal(self, hole: Hole) -> None:
        if hole.stream not in self._asking:
            self.journal.note(hole)
            self._asking.add(hole.stream)
            self._heal_by(self.subscribe(hole.stream))

    def _heal_by(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._healing.add(task)
        task.add_done_callback(self._healing.discard)
