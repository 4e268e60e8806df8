"""Patches of the server (`tests.support.patching`) that break one safeguard each, while the switch `broken` names it.

And the points at which scenarios let something else come between. Where no switch is set, the
server is as it is.
"""

import asyncio
import threading
import time
from collections.abc import Collection, Sequence
from typing import Any

from tests.faults.patches import PATCHES as FAULTS
from tests.support.patching import take, value

BROKEN = "broken"
SLOW_SUBSCRIBE, SLOW_SAVE = "slow-subscribe", "slow-save"  # taken by the next one, which then waits for so many seconds

# How the database forgets that a `client_id` is there but once.
FORGET_UNIQUENESS = """
from django.db import connection
from chat.models import Message
once = next(each for each in Message._meta.constraints if each.name == "message_sent_once")
with connection.schema_editor() as editor:
    editor.remove_constraint(Message, once)
"""


def _is_broken(name: str) -> bool:
    return value(BROKEN) == name


def _wait_if_told(point: str) -> None:
    if (seconds := take(point)) is not None:
        time.sleep(float(seconds))


def reconcile_off() -> None:
    """Nobody compares the heads with the database's."""
    from chatsite.realtime.hub import Hub

    reconcile = Hub._reconcile

    async def reconcile_or_not(hub: Hub) -> None:
        if not _is_broken("reconcile_off"):
            await reconcile(hub)

    Hub._reconcile = reconcile_or_not  # type: ignore[method-assign]


def repair_off() -> None:
    """What is missing before a frame, or was found missing, is not read from the database."""
    from chatsite.realtime.following import Following

    read_hole = Following._read_hole

    async def read_hole_or_not(following: Following) -> None:
        if not _is_broken("repair_off"):
            await read_hole(following)

    Following._read_hole = read_hole_or_not  # type: ignore[method-assign]


def unique_client_id_off() -> None:
    """A `client_id` that was seen is saved again. The database has to have forgotten it, too."""
    from chat.services import posting

    begin, take_post = posting._Batch.__init__, posting._Batch.take

    def begin_without_memory(batch: Any, posts: Sequence[Any]) -> None:
        begin(batch, posts)
        if _is_broken("unique_client_id_off"):
            batch.seen = {}

    def take_without_memory(batch: Any, post: Any) -> Any:
        made = batch.made
        if _is_broken("unique_client_id_off"):
            made.pop((post.author_id, post.client_id), None)
        return take_post(batch, post)

    posting._Batch.__init__ = begin_without_memory  # type: ignore[method-assign]
    posting._Batch.take = take_without_memory  # type: ignore[method-assign]


def ack_before_commit() -> None:
    """Who posts has the `ok` when the row is inserted, and the commit comes later. Comes before `die_at_points`."""
    from chat import consumers
    from chat.services import posting

    save, submit = posting._Batch.save, consumers.writer.submit
    waiting: dict[Any, tuple[asyncio.AbstractEventLoop, asyncio.Future[Any]]] = {}  # by the post's client_id

    def submit_for_early_answer(post: Any) -> asyncio.Future[Any]:
        committed = submit(post)
        if not _is_broken("ack_before_commit"):
            return committed
        loop = asyncio.get_running_loop()
        early: asyncio.Future[Any] = loop.create_future()
        waiting[post.client_id] = loop, early
        return early

    def save_and_answer(batch: Any) -> None:
        save(batch)
        for key, (post, _) in batch.made.items():
            if post.client_id in waiting:
                loop, early = waiting.pop(post.client_id)
                _answer_now(loop, early, consumers.ok(post.ref, batch.posted[key]))

    consumers.writer.submit = submit_for_early_answer  # type: ignore[method-assign]
    posting._Batch.save = save_and_answer  # type: ignore[method-assign]


def _answer_now(loop: asyncio.AbstractEventLoop, early: asyncio.Future[Any], ok: str | None) -> None:
    """Returns when the reply has left."""
    left = threading.Event()

    def answer() -> None:
        early.set_result(ok)
        loop.call_later(0.1, left.set)

    loop.call_soon_threadsafe(answer)
    left.wait(10)


def seq_without_lock() -> None:
    """The next seqs are given out and committed before the messages that get them are inserted."""
    from django.db import transaction

    from chat.models import Room
    from chat.services import posting
    from chat.statements import move_heads

    saved, save = posting._saved, posting._Batch.save

    def saved_in_two_steps(posts: Sequence[Any]) -> list[Any]:
        if not _is_broken("seq_without_lock"):
            return saved(posts)
        with transaction.atomic():
            batch = posting._Batch(posts)
            results = [batch.take(post) for post in posts]
            move_heads(batch.heads)
        _wait_if_told(SLOW_SAVE)
        with transaction.atomic():
            for room in Room.objects.select_for_update(no_key=True).filter(pk__in=batch.rooms).order_by("pk"):
                batch.heads[room.pk] = room.head_seq
            save(batch)
            return [result if isinstance(result, Exception) else result() for result in results]

    def save_slowly(batch: Any) -> None:
        _wait_if_told(SLOW_SAVE)
        save(batch)

    posting._saved = saved_in_two_steps
    posting._Batch.save = save_slowly  # type: ignore[method-assign]


def register_late() -> None:
    """A subscription reads what it missed, and begins to listen only then."""
    from chatsite.realtime import consumers, subscribing
    from chatsite.realtime.batches import Batcher
    from chatsite.realtime.events import json_text
    from chatsite.realtime.opening import Request, open_all
    from chatsite.realtime.streams import State

    subscribe = consumers.StreamConsumer.subscribe

    def open_slowly(requests: Any) -> Any:
        outcomes = open_all(requests)
        _wait_if_told(SLOW_SUBSCRIBE)
        return outcomes

    async def subscribe_late(socket: Any, command: Any) -> object:
        if not _is_broken("register_late"):
            return await subscribe(socket, command)
        opening = await subscribing.openings.submit(Request(socket.identity, command))
        now = await subscribing.openings.submit(Request(socket.identity, command))
        following, subscription = socket.hub.follow(socket, command.stream)
        following.start_at(State(now.state.head, now.state.access))
        subscription.position = following.head
        subscription.live = True
        socket.send_text(json_text({"type": "ok", "ref": command.ref} | opening.ok))
        for frame in opening.frames:
            socket.send_text(frame.text)
        return consumers.ANSWERED

    subscribe_late.command, subscribe_late.pipelined = subscribe.command, False  # type: ignore[attr-defined]
    subscribing.openings = Batcher(open_slowly)
    consumers.StreamConsumer.subscribe = subscribe_late  # type: ignore[method-assign]


def membership_check_off() -> None:
    """Everybody may read and write everywhere."""
    from chat.services import posting
    from chat.streams import RoomKind

    readers, write_refusal = RoomKind.readers, posting.write_refusal

    def all_readers(kind: RoomKind, pk: int, user_ids: Collection[int]) -> set[int]:
        return set(user_ids) if _is_broken("membership_check_off") else readers(kind, pk, user_ids)

    def no_refusal(room: Any, membership: Any) -> Any:
        return None if _is_broken("membership_check_off") else write_refusal(room, membership)

    RoomKind.readers = all_readers  # type: ignore[method-assign]
    posting.write_refusal = no_refusal


BREAKAGES = (
    reconcile_off,
    repair_off,
    unique_client_id_off,
    ack_before_commit,
    seq_without_lock,
    register_late,
    membership_check_off,
)
PATCHES = (*(f"{__name__}:{breakage.__name__}" for breakage in BREAKAGES), *FAULTS)
