"""One followed stream in one process: its head, its recent frames, its subscriptions."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from chatsite.realtime.delivery import SLICE, Parcel, in_slices
from chatsite.realtime.events import Frame
from chatsite.realtime.streams import State, StreamKind
from chatsite.realtime.threads import in_database

if TYPE_CHECKING:
    from chatsite.realtime.hub import Hub, Socket

logger = logging.getLogger(__name__)

RING_FRAMES = 256
READ_FRAMES = 500
HELD_WHISPERS = 64
HOLE_WAIT_SECONDS = 0.05  # two processes' announcements may cross; a hole often fills by itself


class Subscription:
    """One socket's place in a stream.

    Live ones get every new frame; others are still being brought there, or were dropped.
    """

    __slots__ = ("live", "position", "socket")

    def __init__(self, socket: "Socket") -> None:
        self.socket = socket
        self.position = 0
        self.live = False


class Following:
    """Fans out a stream's frames in order, and repairs.

    `head` is the seq up to which live subscriptions have been served; None until the
    first reader brought it from the database. `access` is the circle of readers that the
    subscriptions were last checked against: frames of a newer circle wait for a new check.
    """

    def __init__(self, hub: "Hub", stream: str, kind: StreamKind, pk: int) -> None:
        self.stream = stream
        self.kind = kind
        self.pk = pk
        self.head: int | None = None
        self.access: int | None = None
        self.subscriptions: set[Subscription] = set()
        self.idle_since = hub.loop.time()
        self._hub = hub
        self._ring: list[Frame] = []  # the newest; lists, since most of many thousand inboxes are empty
        self._old = 0  # the head when old frames were forgotten last
        self._early: dict[int, Frame] = {}
        self._whispers: list[tuple[str, int | None]] = []
        self._target = 0
        self._wanted_access = 0
        self._sending: asyncio.Task[None] | None = None
        self._repair: asyncio.Task[None] | None = None
        self._check: asyncio.Task[None] | None = None

    # --- Coming and going ---------------------------------------------------

    @property
    def newest_access(self) -> int:
        """The newest circle of readers that is known of: whoever comes must have been let in under no older one."""
        return max(self._wanted_access, self.access or 0)

    def start_at(self, state: State) -> None:
        """Tells what a first reader found in the database."""
        if self.head is None:
            self.head = state.head
            self.access = state.access
            self._settle()

    def since(self, position: int) -> list[Frame] | None:
        """The frames from `position` to the head out of memory; None where memory doesn't reach back."""
        if position == self.head:
            return []
        for index, frame in enumerate(self._ring):
            if frame.after <= position < frame.seq:
                return self._ring[index:]
        return None

    def forget_old(self) -> None:
        """Forgets the frames that stood here at the last call already."""
        if self._ring:
            self._ring = [frame for frame in self._ring if frame.seq > self._old]
        self._old = self.head or 0

    def drop(self, subscription: Subscription) -> None:
        subscription.live = False
        self.subscriptions.discard(subscription)
        if not self.subscriptions:
            self.idle_since = self._hub.loop.time()

    # --- News ---------------------------------------------------------------

    def offer(self, frames: Iterable[Frame], access: int) -> None:
        """Takes frames in any order, repeated or with holes, and fans out what is next."""
        for frame in frames:
            known = self._early.get(frame.seq)
            if known is None or frame.after < known.after:
                self._early[frame.seq] = frame
        self._wanted_access = max(self._wanted_access, access)
        self._settle()

    def whisper(self, text: str, skip_user: int | None, access: int) -> None:
        """An ephemeral event; it waits behind the check of a newer circle of readers as frames do."""
        self._whispers.append((text, skip_user))
        del self._whispers[:-HELD_WHISPERS]
        self._wanted_access = max(self._wanted_access, access)
        self._settle()

    def compare(self, state: State | None) -> None:
        """What the database says once a second; None where the stream is no more."""
        if state is None:
            self._dismiss(set())
            return
        self._target = max(self._target, state.head)
        self._wanted_access = max(self._wanted_access, state.access)
        self._settle()

    def _settle(self) -> None:
        if self.head is None or self.access is None or self._sending is not None:
            return
        if self._wanted_access > self.access:
            if self._check is None or self._check.done():
                self._check = self._hub.loop.create_task(self._check_readers())
            return
        if frames := self._next_frames(self.head):
            self._send(partial(self._serve, frames, Parcel.of(frames)))
        while self._whispers and self._sending is None:
            text, skip_user = self._whispers.pop(0)
            self._send(partial(self._tell, Parcel([text]), skip_user))
        has_hole = bool(self._early) or self._target > self.head
        if has_hole and (self._repair is None or self._repair.done()):
            self._repair = self._hub.loop.create_task(self._read_hole())

    def _next_frames(self, head: int) -> list[Frame]:
        """Takes those that follow the head, one after the other, and moves the head to the last of them."""
        frames = []
        for seq, frame in sorted(self._early.items()):
            if frame.after <= head < seq:
                frames.append(frame)
                head = seq
            if seq <= head:
                del self._early[seq]
        self.head = head
        self._ring += frames
        del self._ring[:-RING_FRAMES]
        return frames

    # --- To the sockets -----------------------------------------------------

    def _send(self, give: Callable[[Subscription], None]) -> None:
        """Gives to every subscription: at once to few, to many in slices, during which nothing else is sent."""
        subscriptions = list(self.subscriptions)  # one too slow to be sent to leaves meanwhile
        if len(subscriptions) <= SLICE:
            for subscription in subscriptions:
                give(subscription)
        else:
            self._sending = self._hub.loop.create_task(self._send_in_slices(subscriptions, give))

    async def _send_in_slices(self, subscriptions: list[Subscription], give: Callable[[Subscription], None]) -> None:
        await in_slices(subscriptions, give)
        self._sending = None
        self._settle()

    def _serve(self, frames: list[Frame], parcel: Parcel, subscription: Subscription) -> None:
        position = subscription.position
        if not subscription.live or position >= frames[-1].seq:
            return
        if position >= frames[0].seq:  # it was opened at a newer state than ours
            frames = [frame for frame in frames if frame.seq > position]
            parcel = Parcel.of(frames)
        subscription.position = frames[-1].seq
        subscription.socket.send_parcel(parcel)
        self._hub.deliveries += len(frames)

    def _tell(self, parcel: Parcel, skip_user: int | None, subscription: Subscription) -> None:
        if subscription.live and subscription.socket.identity.user_id != skip_user:
            subscription.socket.send_parcel(parcel)
            self._hub.deliveries += 1

    # --- Repair -------------------------------------------------------------

    async def _read_hole(self) -> None:
        await asyncio.sleep(HOLE_WAIT_SECONDS)
        head = self.head or 0
        if not (self._early or self._target > head):
            return
        try:
            frames, access = await in_database(_read_with_access, self.kind, self.pk, head)
        except Exception as error:  # the next comparison tries again
            logger.warning("repair of %s failed: %r", self.stream, error)
            return
        self._repair = None
        self.head = self.head or 0
        if frames and frames[0].after > self.head:
            self.head = frames[0].after  # pruned meanwhile: clients see the hole and start afresh
        elif not frames:
            self._target = self.head
            self._early.clear()
        self.offer(frames, access)

    async def _check_readers(self) -> None:
        """Asks who may still read; until the answer is there, nothing is fanned out."""
        wanted = self._wanted_access
        users = {subscription.socket.identity.user_id for subscription in self.subscriptions}
        try:
            allowed = await in_database(self.kind.readers, self.pk, users)
        except Exception as error:  # the next comparison tries again
            logger.warning("check of the readers of %s failed: %r", self.stream, error)
            return
        self._check = None
        self.access = wanted
        self._dismiss(allowed, among=users)
        self._settle()

    def _dismiss(self, allowed: set[int], among: set[int] | None = None) -> None:
        for subscription in list(self.subscriptions):
            user_id = subscription.socket.identity.user_id
            if user_id not in allowed and (among is None or user_id in among):
                self._hub.unfollow(subscription.socket, self.stream)


def _read_with_access(kind: StreamKind, pk: int, after: int) -> tuple[list[Frame], int]:
    """The frames after a position and, read after them, an access number that covers them all.

    What nobody pushed yet may be among them, even the frame that takes a reader out.
    """
    frames = kind.read(pk, after, READ_FRAMES)
    state = kind.states([pk]).get(pk)
    return frames, state.access if state else 0
