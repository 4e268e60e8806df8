"""A stream in memory and a hub without a database, so that order, holes and checks can be staged."""

import asyncio
import json
from collections.abc import Callable, Collection, Mapping
from typing import Any

import pytest

from chatsite.realtime import following as followings
from chatsite.realtime.delivery import Parcel
from chatsite.realtime.events import Frame
from chatsite.realtime.following import Following, Subscription
from chatsite.realtime.identity import Identity
from chatsite.realtime.streams import State, StreamKind


def frame(seq: int, after: int | None = None) -> Frame:
    return Frame(seq - 1 if after is None else after, seq, json.dumps({"seq": seq}))


class Log(StreamKind):
    """What the "database" holds; every read is counted, and may be held up or fail."""

    name = "log"

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.access = 0
        self.allowed: set[int] = {1, 2, 3}
        self.reads: list[int] = []
        self.checks = 0
        self.before_read: Callable[[], None] = lambda: None
        self.error: Exception | None = None

    def write(self, *frames: Frame) -> None:
        self.frames += frames

    def states(self, pks: Collection[int]) -> dict[int, State]:
        head = self.frames[-1].seq if self.frames else 0
        return {pk: State(head, self.access) for pk in pks}

    def read(self, pk: int, after: int, limit: int) -> list[Frame]:
        self.reads.append(after)
        if self.error:
            raise self.error
        self.before_read()
        return [f for f in self.frames if f.seq > after][:limit]

    def readers(self, pk: int, user_ids: Collection[int]) -> set[int]:
        self.checks += 1
        return self.allowed & set(user_ids)

    def greetings(self, readers: Mapping[int, Collection[int]]) -> dict[tuple[int, int], dict[str, Any]]:
        return {(pk, user_id): {} for pk, user_ids in readers.items() for user_id in self.readers(pk, user_ids)}


class Listener:
    """A socket that keeps what it is sent."""

    def __init__(self, user_id: int) -> None:
        self.identity = Identity(user_id, None, None, "")
        self.subscriptions: dict[str, Subscription] = {}
        self.heartbeat_at = 0.0
        self.texts: list[str] = []
        self.closed_with: int | None = None

    @property
    def seqs(self) -> list[int]:
        return [json.loads(text)["seq"] for text in self.texts]

    def send_text(self, text: str) -> None:
        self.texts.append(text)

    def send_parcel(self, parcel: Parcel) -> None:
        for text in parcel.texts:
            self.send_text(text)

    def close_with(self, code: int) -> None:
        self.closed_with = code


class FewHub:
    """As much of a hub as one followed stream needs."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.deliveries = 0
        self.following: Following

    def unfollow(self, socket: Listener, stream: str) -> None:
        if subscription := socket.subscriptions.pop(stream, None):
            self.following.drop(subscription)


class Stage:
    """A followed stream with its listeners."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.log = Log()
        self.hub = FewHub(loop)
        self.hub.following = self.following = Following(self.hub, "log:1", self.log, 1)  # type: ignore[arg-type]

    def listen(self, user_id: int, position: int = 0, live: bool = True) -> Listener:
        socket = Listener(user_id)
        subscription = Subscription(socket)
        subscription.position, subscription.live = position, live
        self.following.subscriptions.add(subscription)
        socket.subscriptions["log:1"] = subscription
        return socket

    async def settled(self) -> None:
        """Returns when no repair and no check is under way."""
        while pending := [
            task for task in (self.following._repair, self.following._check) if task is not None and not task.done()
        ]:
            await asyncio.wait(pending)


async def staged(patch: pytest.MonkeyPatch) -> Stage:
    """A stream at head 0 whose "database" answers in the loop itself."""

    async def at_once(function: Callable[..., Any], *args: Any) -> Any:
        await asyncio.sleep(0)
        return function(*args)

    patch.setattr(followings, "in_database", at_once)
    patch.setattr(followings, "HOLE_WAIT_SECONDS", 0)
    stage = Stage(asyncio.get_running_loop())
    stage.following.start_at(State(0, 0))
    return stage


@pytest.fixture
async def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return await staged(monkeypatch)
