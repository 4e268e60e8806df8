"""Between processes: announcements by the channel layer, which may lose any of them.

A process publishes in the background and never waits: an announcement that can't be
delivered within a second is dropped, and the other processes' comparison with the
database makes up for it. A layer that keeps failing is left alone for a while, and
nothing queues for it meanwhile.
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Sequence
from typing import Any

from channels.layers import InMemoryChannelLayer, get_channel_layer

from chatsite.realtime.breaker import Breaker
from chatsite.realtime.events import Frame

logger = logging.getLogger(__name__)

PUBLISH_TIMEOUT_SECONDS = 1.0
RETRY_SECONDS = 0.5  # at first; then twice as long each time, up to
MAX_RETRY_SECONDS = 8.0
MAX_WAITING = 1_000
EVERYONE = "everyone"  # the group of all processes that serve sockets

Message = dict[str, Any]


def group_of(stream: str) -> str:
    """The layer's group of a stream: `room:7` → `room.7` (group names have no colons)."""
    return stream.replace(":", ".")


def of_frames(stream: str, frames: Sequence[Frame], access: int) -> tuple[str, Message]:
    """A stream's new frames, as they are announced: the group that hears it, and the message."""
    plain = [tuple(frame) for frame in frames]
    return group_of(stream), {"type": "frames", "stream": stream, "frames": plain, "access": access}


def of_whisper(stream: str | None, text: str, skip_user: int | None, access: int) -> tuple[str, Message]:
    """As `of_frames`, of an ephemeral event to a stream's followers or to everyone."""
    message = {"type": "whisper", "stream": stream, "text": text, "skip_user": skip_user, "access": access}
    return group_of(stream) if stream else EVERYONE, message


def of_doubt() -> tuple[str, Message]:
    """As `of_frames`, that somebody may have been signed out."""
    return EVERYONE, {"type": "doubt"}


def crosses_processes() -> bool:
    """Whether anybody but this process could hear."""
    return not isinstance(get_channel_layer(), InMemoryChannelLayer)


class Publisher:
    """Publishes from one event loop, one message after the other."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[tuple[str, Message]] = deque(maxlen=MAX_WAITING)
        self._task: asyncio.Task[None] | None = None
        self._breaker = Breaker("the channel layer (publishing)")

    def publish(self, group: str, message: Message) -> None:
        """Called in the publisher's own loop."""
        if not self._breaker.allows():
            return
        self._waiting.append((group, message))
        if self._task is None or self._task.done():
            self._task = self._loop.create_task(self._run())

    async def _run(self) -> None:
        layer = get_channel_layer()
        while self._waiting:
            group, message = self._waiting.popleft()
            try:
                async with asyncio.timeout(PUBLISH_TIMEOUT_SECONDS):
                    await layer.group_send(group, message)
            except Exception as error:
                logger.debug("announcement to %s lost: %r; the others will find it in the database", group, error)
                self._breaker.failed(error)
                if self._breaker.is_open:
                    self._waiting.clear()
            else:
                self._breaker.succeeded()


class PublisherThread:
    """A publisher for processes without a hub: one loop, one connection, however many announcements."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._publisher: Publisher | None = None

    def publish(self, group: str, message: Message) -> None:
        """Called from any thread."""
        with self._lock:
            if self._loop is None or self._publisher is None:
                self._loop = asyncio.new_event_loop()
                self._publisher = Publisher(self._loop)
                threading.Thread(target=self._loop.run_forever, name="publisher", daemon=True).start()
        self._loop.call_soon_threadsafe(self._publisher.publish, group, message)


class Ear:
    """This process's one channel on the layer: joins groups, hears messages, survives the layer's troubles."""

    def __init__(self) -> None:
        self._layer = get_channel_layer()
        self._channel: str | None = None
        self._wanted: set[str] = set()
        self._joined: set[str] = set()
        self._settling: asyncio.Task[None] | None = None
        self._breaker = Breaker("the channel layer (listening)")  # asked anyway; it says when that changes

    def join(self, group: str) -> None:
        self._wanted.add(group)
        self.settle()

    def leave(self, group: str) -> None:
        self._wanted.discard(group)
        self.settle()

    def settle(self) -> None:
        """Joins and leaves, in the background, what is still to be joined and left."""
        if self._wanted != self._joined and (self._settling is None or self._settling.done()):
            self._settling = asyncio.get_running_loop().create_task(self._settle())

    async def _settle(self) -> None:
        """Until all is done or the layer fails; then the next call goes on."""
        while (channel := self._channel) is not None and self._wanted != self._joined:
            group = next(iter(self._wanted ^ self._joined))
            joins = group in self._wanted
            call = self._layer.group_add if joins else self._layer.group_discard
            try:
                async with asyncio.timeout(PUBLISH_TIMEOUT_SECONDS):
                    await call(group, channel)
            except Exception as error:
                self._breaker.failed(error)
                return
            self._breaker.succeeded()
            if channel == self._channel:  # else a new one was opened meanwhile, and has joined nothing yet
                (self._joined.add if joins else self._joined.discard)(group)

    async def hear(self) -> Message:
        """The next message. Opens a new channel, with all groups, where the layer failed."""
        pause = RETRY_SECONDS
        while True:
            try:
                if self._channel is None:
                    channel = await self._layer.new_channel()
                    self._joined.clear()
                    self._channel = channel
                    self.settle()
                return await self._layer.receive(self._channel)
            except Exception as error:
                self._breaker.failed(error)
                self._channel = None
                await asyncio.sleep(pause)
                pause = min(pause * 2, MAX_RETRY_SECONDS)
