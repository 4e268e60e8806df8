"""Who of the open sockets' people is still signed in."""

import asyncio
import logging
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Protocol

from chatsite.realtime.identity import CLOSE_IDENTITY_LOST, Identity, lost
from chatsite.realtime.threads import in_pool

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
PAUSE_SECONDS = 0.1  # the least between two looks, however many people sign out

# A thread of its own: slow queries of others must not keep anybody in.
_pool = ThreadPoolExecutor(1, thread_name_prefix="watch")


class Guest(Protocol):
    identity: Identity

    def close_with(self, code: int) -> None: ...


class Watch:
    """Closes the sockets of who was signed out, deactivated or whose token was revoked.

    It looks once a second, which is the guarantee, and at once where there is doubt, which
    spares most of that second. It waits for nothing else that its process does.
    """

    def __init__(self, sockets: Collection[Guest]) -> None:
        self._sockets = sockets
        self._doubt = asyncio.Event()

    def doubt(self) -> None:
        """Somebody may have been signed out just now."""
        self._doubt.set()

    async def run(self) -> None:
        while True:
            started = time.monotonic()
            self._doubt.clear()
            try:
                await self._look()
            except Exception as error:
                logger.warning("could not ask who is still signed in: %r", error)
            await asyncio.sleep(PAUSE_SECONDS)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._doubt.wait(), started + LOOK_SECONDS - time.monotonic())

    async def _look(self) -> None:
        present = {socket.identity for socket in self._sockets}
        if not present:
            return
        gone = await in_pool(_pool, lost, present)
        for socket in [socket for socket in self._sockets if socket.identity in gone]:
            socket.close_with(CLOSE_IDENTITY_LOST)
