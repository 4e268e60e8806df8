"""Patches of the server's processes: they die at a named point, lose pushes, or have a wrong clock.

Applied by `tests.support.patching`; each does nothing until its switch is set.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from tests.support.patching import take, value

BEFORE_COMMIT, AFTER_COMMIT, AFTER_ACK = "die-before-commit", "die-after-commit", "die-after-ack"
LOSE_PUSHES, SHIFT_CLOCK = "lose-pushes", "shift-clock"
WRITTEN_SECONDS = 0.005  # after which a reply has left for its socket

PATCHES = tuple(f"{__name__}:{name}" for name in ("die_at_points", "lose_pushes", "shift_clock"))


def _die_if_told(point: str) -> None:
    if take(point) is not None:
        os.kill(os.getpid(), signal.SIGKILL)


def die_at_points() -> None:
    from chat import consumers
    from chat.services import posting

    save, write = posting._Batch.save, consumers.writer._work
    answer_late = consumers.ChatConsumer._answer_late

    def save_and_die(batch: Any) -> None:
        save(batch)
        _die_if_told(BEFORE_COMMIT)

    def write_and_die(posts: Sequence[Any]) -> Any:
        results = write(posts)
        _die_if_told(AFTER_COMMIT)
        return results

    def answer_and_die(consumer: Any, *arguments: Any) -> None:
        answer_late(consumer, *arguments)
        asyncio.get_running_loop().call_later(WRITTEN_SECONDS, _die_if_told, AFTER_ACK)

    posting._Batch.save = save_and_die  # type: ignore[method-assign,assignment]
    consumers.writer._work = write_and_die
    consumers.ChatConsumer._answer_late = answer_and_die  # type: ignore[method-assign,assignment]


def lose_pushes() -> None:
    """While the switch is on, news reach nobody, not even this process's own sockets."""
    from chatsite.realtime.hub import Hub

    announce = Hub.announce

    def announce_or_lose(hub: Hub, *arguments: Any) -> None:
        if value(LOSE_PUSHES) is None:
            announce(hub, *arguments)

    Hub.announce = announce_or_lose  # type: ignore[method-assign,assignment]


def shift_clock() -> None:
    """One process that starts while the switch is on has, from then on, a clock that is off by its seconds."""
    from django.utils import timezone

    now: Callable[[], datetime] = timezone.now
    seconds = take(SHIFT_CLOCK)
    if seconds is not None:
        shift = timedelta(seconds=float(seconds))
        timezone.now = lambda: now() + shift
