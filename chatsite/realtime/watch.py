"""Who of the open sockets' people is still signed in."""

import asyncio
import logging
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Protocol

from django.db import connections

from chatsite.realtime.identity import CLOSE_IDENTITY_LOST, Identity, lost

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
PAUSE_SECONDS = 0.1  # the least between two looks, however many people sign out

# A thread of its own, which keeps its connection: others' slow queries, and requests that have taken every other
# connection, must not keep anybody in.
_thread = ThreadPoolExecutor(1, thread_name_prefix="watch")


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
        self._is_blind = False

    def doubt(self) -> None:
        """Somebody may have been signed out just now."""
        self._doubt.set()

    async def run(self) -> None:
        while True:
            started = time.monotonic()
            self._doubt.clear()
            await self._try_to_look()
            await asyncio.sleep(PAUSE_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(started + LOOK_SECONDS - time.monotonic()):
                    await self._doubt.wait()

    async def _try_to_look(self) -> None:
        """The database may be away; then it is asked again soon, and that is said once."""
        try:
            await self._look()
            self._is_blind = False
        except Exception as error:
            self._doubt.set()
            if not self._is_blind:
                logger.warning("could not ask who is still signed in: %r", error)
            self._is_blind = True

    async def _look(self) -> None:
        present = [socket.identity for socket in self._sockets]
        if not present:
            return
        gone = await asyncio.get_running_loop().run_in_executor(_thread, _lost, present)
        if not gone:  # nearly always; to look each of thousands up would hold the loop up
            return
        for socket in [socket for socket in self._sockets if socket.identity in gone]:
            socket.close_with(CLOSE_IDENTITY_LOST)


def _lost(identities: Collection[Identity]) -> set[Identity]:
    """Of sockets, of which somebody may have several."""
    try:
        return lost(set(identities))
    except BaseException:
        connections.close_all()
        raise
