"""The hub: one per process, between the streams and the sockets.

It follows a stream on behalf of all local sockets, fans each frame out once encoded,
and sees to it that every socket gets a gap-free run: what a push left out is read
from the database. All methods run in the hub's event loop.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from chatsite.realtime.delivery import Parcel, in_slices
from chatsite.realtime.events import Frame, json_text
from chatsite.realtime.following import Following, Subscription
from chatsite.realtime.identity import Identity
from chatsite.realtime.relay import (
    EVERYONE,
    Ear,
    Publisher,
    crosses_processes,
    group_of,
    of_doubt,
    of_frames,
    of_whisper,
)
from chatsite.realtime.streams import State, epoch, parse, states_of
from chatsite.realtime.threads import in_pool
from chatsite.realtime.watch import Watch

logger = logging.getLogger(__name__)

RECONCILE_SECONDS = 1.0
HEARTBEAT_SECONDS = 20.0
LINGER_SECONDS = 30.0  # how long a stream that nobody follows keeps its ring, for those who come back
RING_SECONDS = 60.0  # how long a frame stays in one at least; twice that at most

# A thread of its own: what was lost is found in time, however many sockets come or write at the moment.
_pool = ThreadPoolExecutor(1, thread_name_prefix="reconcile")

CLOSE_START_AFRESH = 4409  # a code that any server may send


class Socket(Protocol):
    """What the hub needs of a consumer."""

    hub: "Hub"
    identity: Identity
    subscriptions: dict[str, Subscription]
    heartbeat_at: float

    def send_text(self, text: str) -> None: ...
    def send_parcel(self, parcel: Parcel) -> None: ...
    def close_with(self, code: int) -> None: ...


class Hub:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.id = secrets.token_hex(8)
        self.sockets: set[Socket] = set()
        self.deliveries = 0
        self.active_at = float("-inf")  # by the loop's clock: when a command last came, or news went out
        self._epoch: str | None = None
        self._followings: dict[str, Following] = {}
        self._telling: set[asyncio.Task[None]] = set()
        self._ear = Ear()
        self._publisher = Publisher(loop)
        self._crosses = crosses_processes()
        self._watch = Watch(self.sockets)
        works = (self._listen(), self._tick_for_ever(), self._forget_old_for_ever(), self._watch.run())
        self._tasks = [loop.create_task(work) for work in works]

    @property
    def sockets_open(self) -> int:
        return len(self.sockets)

    # --- Sockets ------------------------------------------------------------

    def enter(self, socket: Socket) -> None:
        socket.heartbeat_at = self.loop.time() + HEARTBEAT_SECONDS
        self.sockets.add(socket)
        if len(self.sockets) == 1:
            self._ear.join(EVERYONE)

    def leave(self, socket: Socket) -> None:
        self.sockets.discard(socket)
        for stream in list(socket.subscriptions):
            self.unfollow(socket, stream)

    def follow(self, socket: Socket, stream: str) -> tuple[Following, Subscription]:
        """Registers interest, before anything is read; the subscription is not live yet."""
        self.unfollow(socket, stream)
        following = self._followings.get(stream)
        if following is None:
            kind, pk = parse(stream)
            following = self._followings[stream] = Following(self, stream, kind, pk)
            self._ear.join(group_of(stream))
        subscription = Subscription(socket)
        following.subscriptions.add(subscription)
        socket.subscriptions[stream] = subscription
        return following, subscription

    def unfollow(self, socket: Socket, stream: str) -> None:
        subscription = socket.subscriptions.pop(stream, None)
        if subscription is not None and (following := self._followings.get(stream)):
            following.drop(subscription)
            if following.head is None and not following.subscriptions:
                self._forget(stream)  # somebody asked for what there isn't, or not for them

    def is_epoch(self, epoch: str) -> bool:
        """Takes note of the deployment's epoch, and says whether it is still the same.

        Where it isn't, a backup was restored: heads, frames and subscriptions are of another
        history, so all of them are dropped and everybody has to subscribe anew.
        """
        before, self._epoch = self._epoch, epoch
        if before in (None, epoch):
            return True
        logger.warning("a backup was restored: %d sockets start afresh", len(self.sockets))
        for socket in list(self.sockets):
            self.leave(socket)
            socket.close_with(CLOSE_START_AFRESH)
        for stream in list(self._followings):
            self._forget(stream)
        return False

    # --- News ---------------------------------------------------------------

    def announce(self, stream: str, frames: Sequence[Frame], access: int) -> None:
        """News of this process: to its own sockets at once, to the other processes in the background."""
        self.offer(stream, frames, access)
        if self._crosses:
            self._publish(*of_frames(stream, frames, access))

    def whisper(self, stream: str | None, text: str, skip_user: int | None, access: int = 0) -> None:
        """An ephemeral event to a stream's followers, or to everyone."""
        self._hear_whisper(stream, text, skip_user, access)
        if self._crosses:
            self._publish(*of_whisper(stream, text, skip_user, access))

    def doubt(self) -> None:
        """Somebody may have been signed out: every process looks at once."""
        self._watch.doubt()
        if self._crosses:
            self._publish(*of_doubt())

    def offer(self, stream: str, frames: Iterable[Frame], access: int) -> None:
        if following := self._followings.get(stream):
            self.active_at = self.loop.time()
            following.offer(frames, access)

    def _publish(self, group: str, message: dict[str, Any]) -> None:
        self._publisher.publish(group, message | {"origin": self.id, "epoch": self._epoch})

    def _hear_whisper(self, stream: str | None, text: str, skip_user: int | None, access: int) -> None:
        if stream is None:
            telling = self.loop.create_task(self._tell_everyone(Parcel([text])))
            self._telling.add(telling)
            telling.add_done_callback(self._telling.discard)
        elif following := self._followings.get(stream):
            following.whisper(text, skip_user, access)

    async def _tell_everyone(self, parcel: Parcel) -> None:
        sockets = list(self.sockets)  # one too slow to be sent to leaves meanwhile
        await in_slices(sockets, lambda socket: socket.send_parcel(parcel))
        self.deliveries += len(sockets)

    async def _listen(self) -> None:
        while True:
            message = await self._ear.hear()
            try:
                self._hear(message)
            except Exception:  # of a newer version, during a deploy
                logger.exception("unusable announcement")

    def _hear(self, message: dict[str, Any]) -> None:
        if message.get("origin") == self.id:
            return
        if message["type"] == "frames" and not self._is_of_another(message.get("epoch")):
            self.offer(message["stream"], [Frame(*frame) for frame in message["frames"]], message["access"])
        elif message["type"] == "whisper":
            access = message.get("access", 0)  # not said by an older version, during a deploy
            self._hear_whisper(message["stream"], message["text"], message["skip_user"], access)
        elif message["type"] == "doubt":
            self._watch.doubt()

    def _is_of_another(self, epoch: str | None) -> bool:
        """Whether a frame belongs to another history than ours; a sender may not know."""
        return None not in (epoch, self._epoch) and epoch != self._epoch

    # --- Once a second ------------------------------------------------------

    async def _tick_for_ever(self) -> None:
        while True:
            started = time.monotonic()
            try:
                await self._tick()
            except Exception as error:
                logger.warning("comparison with the database failed: %r", error)
            await asyncio.sleep(max(0.05, RECONCILE_SECONDS - (time.monotonic() - started)))

    async def _tick(self) -> None:
        self._beat()
        self._forget_unfollowed()
        self._ear.settle()
        await self._reconcile()

    def _beat(self) -> None:
        now = self.loop.time()
        for socket in list(self.sockets):
            if socket.heartbeat_at > now:
                continue
            socket.heartbeat_at = now + HEARTBEAT_SECONDS
            positions = socket.subscriptions.items()
            heads = {stream: subscription.position for stream, subscription in positions if subscription.live}
            socket.send_text(json_text({"type": "heartbeat", "heads": heads}))

    def _forget_unfollowed(self) -> None:
        now = self.loop.time()
        for stream, following in list(self._followings.items()):
            if not following.subscriptions and following.idle_since + LINGER_SECONDS < now:
                self._forget(stream)

    def _forget(self, stream: str) -> None:
        del self._followings[stream]
        self._ear.leave(group_of(stream))

    async def _reconcile(self) -> None:
        """Compares the followed streams' heads with the database's: finds what no push told."""
        streams = list(self._followings)
        if not streams:
            return
        known = self._epoch
        states, deployment = await in_pool(_pool, _states_and_epoch, streams)
        if self._epoch != known or not self.is_epoch(deployment):
            return
        for stream in streams:
            if following := self._followings.get(stream):
                following.compare(states.get(stream))

    # --- Once a minute ------------------------------------------------------

    async def _forget_old_for_ever(self) -> None:
        """Else what hundreds of streams said in a day would stay; who was away so long is told from the database."""
        while True:
            await asyncio.sleep(RING_SECONDS)
            await in_slices(list(self._followings.values()), Following.forget_old)

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()


def _states_and_epoch(streams: list[str]) -> tuple[dict[str, State], str]:
    return states_of(streams), epoch()


_hub: Hub | None = None


def current() -> Hub | None:
    """This process's hub, if it serves sockets."""
    return _hub if _hub is not None and not _hub.loop.is_closed() else None


def ensure() -> Hub:
    """The hub of the running loop; made at the first socket."""
    global _hub
    loop = asyncio.get_running_loop()
    if _hub is None or _hub.loop is not loop:
        _hub = Hub(loop)
    return _hub
