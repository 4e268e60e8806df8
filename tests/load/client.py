"""A member: follows rooms with a cursor each, posts with an outbox, comes back by itself."""

import asyncio
import itertools
import json
import random
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from pydantic_core import from_json

from tests.load.stage import Key
from tests.load.wire import Wire

BACKOFF_SECONDS = (0.2, 30.0)
HANDSHAKE_SECONDS = 10.0
POST_AGAIN_SECONDS = 1.0  # after an error that may pass
PASSING = {"internal", "rate_limited"}
SPOKEN_AT = "spoken at "  # begins each body; then the seconds of this process's monotonic clock

Message = dict[str, Any]


class Client:
    """`on_delivery(seconds)` is called for each message that somebody posted in this process.

    `back_at` is when it last stood at the head of all its rooms after connecting; None until it does.
    Of its posts, `acknowledged` has the seconds from the first attempt to the `ok`, `refused` the errors.
    """

    def __init__(self, port: int, key: Key, rooms: list[int], on_delivery: Callable[[float], None]) -> None:
        self.port = port
        self.key = key
        self.rooms = rooms
        self.on_delivery = on_delivery
        self.positions: dict[str, int | None] = {f"room:{room}": None for room in rooms}
        self.acknowledged: list[float] = []
        self.refused: list[str] = []
        self.holes = 0
        self.resets = 0
        self.closed_with: list[int] = []
        self.failures = 0  # handshakes since the last that was well
        self.failures_ever = 0
        self.back_at: float | None = None
        self._heads: dict[str, int] = {}  # told by the `ok`s of this connection
        self._epochs: dict[str, str] = {}
        self._outbox: dict[str, tuple[float, Message]] = {}  # client_id → first tried at, command
        self._waiting: dict[str, Callable[[Message], None]] = {}
        self._refs = itertools.count(1)
        self._wire: Wire | None = None
        self._task: asyncio.Task[None] | None = None
        self._at_head = asyncio.Event()

    def start(self) -> None:
        self._task = asyncio.create_task(self._live())

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def is_back(self) -> None:
        """Waits until it stands at the head of all its rooms."""
        await self._at_head.wait()

    @property
    def unacknowledged(self) -> int:
        return len(self._outbox)

    # --- The connection -----------------------------------------------------

    async def _live(self) -> None:
        for attempt in itertools.count():
            if attempt:
                await asyncio.sleep(backoff(self.failures))
            await self._connect_once()

    async def _connect_once(self) -> None:
        wire: Wire | None = None
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                _, wire = await asyncio.get_running_loop().create_connection(self._new_wire, "127.0.0.1", self.port)
                await wire.opened
        except (OSError, TimeoutError):
            self.failures += 1
            self.failures_ever += 1
            if wire:
                wire.abort()
            return
        try:
            self._came(wire)
            self.closed_with.append(await wire.gone)
        finally:
            self._went(wire)

    def _new_wire(self) -> Wire:
        return Wire("/ws/chat/", {"Authorization": f"Bearer {self.key.token}"}, self._take)

    def _came(self, wire: Wire) -> None:
        self.failures = 0
        self._wire = wire
        for stream in self.positions:
            self._subscribe(stream)
        for client_id in list(self._outbox):
            self._send_post(client_id)

    def _went(self, wire: Wire) -> None:
        wire.abort()
        self._wire = None
        self._waiting.clear()
        self._heads.clear()
        self._at_head.clear()
        self.back_at = None

    def _request(self, command: Message, answered: Callable[[Message], None]) -> None:
        ref = str(next(self._refs))
        self._waiting[ref] = answered
        if self._wire:
            self._wire.send(json.dumps(command | {"ref": ref}).encode())

    # --- Following ----------------------------------------------------------

    def _subscribe(self, stream: str) -> None:
        command: Message = {"type": "stream.subscribe", "stream": stream, "after": self.positions[stream]}
        if stream in self._epochs:
            command["epoch"] = self._epochs[stream]
        self._request(command, lambda answer: self._subscribed(stream, answer))

    def _subscribed(self, stream: str, answer: Message) -> None:
        if answer["type"] == "error":
            self.refused.append(f"subscribe: {answer['code']}")
            return
        self._epochs[stream] = answer["epoch"]
        self._heads[stream] = answer["head"]
        if self.positions[stream] is None or answer.get("reset"):
            self.resets += bool(answer.get("reset"))
            self.positions[stream] = answer["head"]
        self._look_whether_at_head()

    def _take(self, text: bytes) -> None:
        message = from_json(text)
        if "seq" in message:
            self._apply(message)
        elif (answered := self._waiting.pop(message.get("ref") or "", None)) is not None:
            answered(message)

    def _apply(self, event: Message) -> None:
        stream, seq = event["stream"], event["seq"]
        position = self.positions[stream]
        if position is None or seq <= position:
            return
        if event.get("after", seq - 1) > position:
            self.holes += 1
            self._subscribe(stream)
            return
        self.positions[stream] = seq
        body = event["message"]["body"]
        if body.startswith(SPOKEN_AT):
            self.on_delivery(time.monotonic() - float(body.removeprefix(SPOKEN_AT).split(" ", 1)[0]))
        if self.back_at is None:
            self._look_whether_at_head()

    def _look_whether_at_head(self) -> None:
        if len(self._heads) == len(self.positions) and all(
            (self.positions[stream] or 0) >= head for stream, head in self._heads.items()
        ):
            self.back_at = time.monotonic()
            self._at_head.set()

    # --- Posting ------------------------------------------------------------

    def post(self, room: int, filling: str = "") -> None:
        """Into the outbox, and sent until it is acknowledged."""
        client_id, now = str(uuid.uuid4()), time.monotonic()
        command = {"type": "message.post", "room": room, "client_id": client_id}
        self._outbox[client_id] = now, command | {"body": f"{SPOKEN_AT}{now:.6f} {filling}".strip()}
        self._send_post(client_id)

    def _send_post(self, client_id: str) -> None:
        if client_id in self._outbox:
            self._request(self._outbox[client_id][1], lambda answer: self._posted(client_id, answer))

    def _posted(self, client_id: str, answer: Message) -> None:
        if client_id not in self._outbox:
            return
        if answer["type"] == "ok":
            began, _ = self._outbox.pop(client_id)
            self.acknowledged.append(time.monotonic() - began)
            return
        self.refused.append(f"post: {answer['code']}")
        if answer["code"] in PASSING:
            wait = answer.get("retry_after") or POST_AGAIN_SECONDS
            asyncio.get_running_loop().call_later(wait, self._send_post, client_id)
        else:
            del self._outbox[client_id]


def backoff(failures: int) -> float:
    """Seconds before try number `failures` (0, 1 …): the contract's full jitter under a doubling ceiling."""
    least, most = BACKOFF_SECONDS
    return random.uniform(least, min(most, least * 2 ** min(failures + 1, 20)))
