"""Who is here: people with an open socket, in whichever process.

Each process says every few seconds, in one statement, whom it serves. Somebody is here
until that word is old; that survives crashes and needs no store besides the database.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from accounts.models import User
from chat.events import PresenceChanged
from chatsite.realtime.announce import whisper_to_everyone
from chatsite.realtime.threads import in_database

logger = logging.getLogger(__name__)

REFRESH_SECONDS = 15
HERE_SECONDS = 40
REST_A_PERSON = 250e-6  # seconds between two rounds of news; to tell one person takes a tenth of it


def is_here(last_seen_at: datetime | None) -> bool:
    return last_seen_at is not None and last_seen_at > timezone.now() - timedelta(seconds=HERE_SECONDS)


class Attendance:
    """The people that this process serves."""

    def __init__(self) -> None:
        self._sockets: Counter[int] = Counter()
        self._gone: dict[int, float] = {}
        self._arrived: set[int] = set()
        self._refreshing: asyncio.Task[None] | None = None
        self._receiving: asyncio.Task[None] | None = None

    def enter(self, user_id: int) -> None:
        self._sockets[user_id] += 1
        self._gone.pop(user_id, None)
        self._refreshing = _running(self._refreshing) or asyncio.create_task(self._refresh_for_ever())
        if self._sockets[user_id] == 1:
            self._arrived.add(user_id)
            self._receiving = _running(self._receiving) or asyncio.create_task(self._receive())

    def leave(self, user_id: int) -> None:
        self._sockets[user_id] -= 1
        if self._sockets[user_id] <= 0:
            del self._sockets[user_id]
            self._gone[user_id] = asyncio.get_running_loop().time()

    async def _receive(self) -> None:
        """The first is told at once; those who come meanwhile, together.

        Everybody hears of everybody: without a rest, thousands who come back would mostly be told of each other.
        """
        while self._arrived:
            arrived, self._arrived = self._arrived, set()
            await self._attempt(arrive, list(arrived))
            await asyncio.sleep(len(self._sockets) * REST_A_PERSON)

    async def _refresh_for_ever(self) -> None:
        while self._sockets or self._gone:
            await asyncio.sleep(REFRESH_SECONDS)
            now = asyncio.get_running_loop().time()
            left = [user_id for user_id, since in self._gone.items() if since + HERE_SECONDS < now]
            for user_id in left:
                del self._gone[user_id]
            await self._attempt(refresh, list(self._sockets))
            await self._attempt(part, left)

    async def _attempt(self, write: Callable[..., None], *args: Any) -> None:
        """Presence is a courtesy: a database in trouble must not cost anybody their socket."""
        try:
            await in_database(write, *args)
        except Exception as error:
            logger.warning("presence not written: %r", error)


def _running(task: asyncio.Task[None] | None) -> asyncio.Task[None] | None:
    """The task, if it still runs, and in this loop."""
    here = task is not None and not task.done() and task.get_loop() is asyncio.get_running_loop()
    return task if here else None


def arrive(user_ids: list[int]) -> None:
    """Their first sockets in this process. That another process may have told it before harms nobody."""
    refresh(user_ids)
    whisper_to_everyone(PresenceChanged(user_ids, "online"))


def refresh(user_ids: list[int]) -> None:
    if user_ids:
        User.objects.filter(pk__in=user_ids).update(last_seen_at=timezone.now())


def part(user_ids: list[int]) -> None:
    """Tells of those whom no process serves any more."""
    seen = User.objects.filter(pk__in=user_ids).values_list("pk", "last_seen_at")
    if gone := [user_id for user_id, last_seen_at in seen if not is_here(last_seen_at)]:
        whisper_to_everyone(PresenceChanged(gone, "offline"))


attendance = Attendance()
