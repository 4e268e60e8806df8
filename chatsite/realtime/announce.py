"""Telling what was committed, from any thread of any process.

Call these in `transaction.on_commit(…, robust=True)`. They never raise and never
wait: should an announcement be lost, the hubs find the news in the database.
"""

import logging
from collections.abc import Sequence

from chatsite.realtime import hub as hubs
from chatsite.realtime.events import EphemeralEvent, Frame, encode_ephemeral
from chatsite.realtime.relay import PublisherThread, crosses_processes, of_doubt, of_frames, of_whisper

logger = logging.getLogger(__name__)

_publisher = PublisherThread()


def announce(stream: str, frames: Sequence[Frame], access: int = 0) -> None:
    """Tells a stream's new frames, in order.

    `access` is the stream's access number as of these frames: processes that know an older one
    check who may still read before they fan out.
    """
    announce_all([(stream, frames, access)])


def announce_all(news: Sequence[tuple[str, Sequence[Frame], int]]) -> None:
    """As `announce`, for the streams that one transaction wrote to: the hub's loop is woken once."""
    try:
        if hub := hubs.current():
            hub.loop.call_soon_threadsafe(_take_to, hub, news)
        elif crosses_processes():
            for stream, frames, access in news:
                _publisher.publish(*of_frames(stream, frames, access))
    except Exception:
        logger.exception("announcement lost: %s", ", ".join(stream for stream, _, _ in news))


def _take_to(hub: hubs.Hub, news: Sequence[tuple[str, Sequence[Frame], int]]) -> None:
    for stream, frames, access in news:
        hub.announce(stream, frames, access)


def doubt_identities() -> None:
    """Tells that somebody may have been signed out, so that every process looks now instead of within a second."""
    try:
        if hub := hubs.current():
            hub.loop.call_soon_threadsafe(hub.doubt)
        elif crosses_processes():
            _publisher.publish(*of_doubt())
    except Exception:
        logger.exception("doubt lost")


def whisper(stream: str, event: EphemeralEvent, skip_user: int | None = None, access: int = 0) -> None:
    """Tells an ephemeral event to a stream's followers, except the sockets of one person.

    `access` as with `announce`: who was removed before the event hears nothing of it.
    """
    _whisper(stream, encode_ephemeral(event, stream), skip_user, access)


def whisper_to_everyone(event: EphemeralEvent) -> None:
    """Tells an ephemeral event to every socket."""
    _whisper(None, encode_ephemeral(event, None), None, 0)


def _whisper(stream: str | None, text: str, skip_user: int | None, access: int) -> None:
    try:
        if hub := hubs.current():
            hub.loop.call_soon_threadsafe(hub.whisper, stream, text, skip_user, access)
        elif crosses_processes():
            _publisher.publish(*of_whisper(stream, text, skip_user, access))
    except Exception:
        logger.exception("whisper lost: %s", stream)
