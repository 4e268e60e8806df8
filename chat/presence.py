"""Who is here: people with an open socket, in whichever process.

Each process says every few seconds, in one statement, whom it serves. Somebody is here
until that word is old; that survives crashes and needs no store besides the database.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.models import User
from chat.events import PresenceChanged
from chatsite.realtime.announce import whisper_to_everyone
from chatsite.realtime.threads import in_database

logger = logging.getLogger(__name__)

REFRESH_SECONDS = 15
HERE_SECONDS = 40


def is_here(user: User) -> bool:
    return user.last_seen_at is not None and user.last_seen_at > timezone.now() - timedelta(seconds=HERE_SECONDS)


class Attendance:
    """The people that this process serves."""

    def __init__(self) -> None:
        self._sockets: Counter[int] = Counter()
        self._gone: dict[int, float] = {}
        self._task: asyncio.Task[None] | None = None

    async def enter(self, user_id: int) -> None:
        self._sockets[user_id] += 1
        self._gone.pop(user_id, None)
        if self._task is None or self._task.done() or self._task.get_loop() is not asyncio.get_running_loop():
            self._task = asyncio.create_task(self._refresh_for_ever())
        if self._sockets[user_id] == 1:
            await self._attempt(arrive, user_id)

    def leave(self, user_id: int) -> None:
        self._sockets[user_id] -= 1
        if self._sockets[user_id] <= 0:
            del self._sockets[user_id]
            self._gone[user_id] = asyncio.get_running_loop().time()

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


def arrive(user_id: int) -> None:
    """Somebody's first socket in this process. That another process may have told it before harms nobody."""
    refresh([user_id])
    whisper_to_everyone(PresenceChanged(user_id, "online"))


def refresh(user_ids: list[int]) -> None:
    if user_ids:
        User.objects.filter(pk__in=user_ids).update(last_seen_at=timezone.now())


def part(user_ids: list[int]) -> None:
    """Tells of those whom no process serves any more."""
    for user in User.objects.filter(pk__in=user_ids):
        if not is_here(user):
            whisper_to_everyone(PresenceChanged(user.pk, "offline"))


attendance = Attendance()
