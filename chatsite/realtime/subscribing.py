"""From `stream.subscribe` to a live subscription."""

from typing import TYPE_CHECKING

from chatsite.realtime.batches import Batcher
from chatsite.realtime.commands import Subscribe, not_found
from chatsite.realtime.delivery import Parcel
from chatsite.realtime.events import Frame, json_text
from chatsite.realtime.following import READ_FRAMES, Following, Subscription
from chatsite.realtime.opening import Opening, Request, open_all
from chatsite.realtime.streams import StreamKind
from chatsite.realtime.threads import in_database

if TYPE_CHECKING:
    from chatsite.realtime.hub import Socket

openings: Batcher[Request, Opening] = Batcher(open_all)


async def bring_to_life(socket: "Socket", command: Subscribe, following: Following, subscription: Subscription) -> None:
    """Answers a socket that the hub has registered already, so that nothing falls between, and brings it to the head.

    Raises CommandError, and leaves the stream then.
    """
    try:
        opening = await _read(socket, command, following)
    except BaseException:
        socket.hub.unfollow(socket, command.stream)
        raise
    if socket.subscriptions.get(command.stream) is not subscription:
        raise not_found()
    if not socket.hub.is_epoch(opening.epoch):
        return  # closed, as everybody is
    following.start_at(opening.state)
    subscription.position = opening.position
    if command.ref is not None:
        socket.send_text(json_text({"type": "ok", "ref": command.ref} | opening.ok))
    if opening.frames:
        socket.send_parcel(Parcel.of(opening.frames))
    await bring_to_head(socket, following, subscription)


async def _read(socket: "Socket", command: Subscribe, following: Following) -> Opening:
    in_memory = command.after is not None and following.since(command.after) is not None
    request = Request(socket.identity, command, in_memory)
    opening = await openings.submit(request)
    asked_under = -1
    while asked_under < opening.state.access < following.newest_access:  # somebody was removed meanwhile
        asked_under = opening.state.access
        opening = await openings.submit(request)
    return opening


async def bring_to_head(socket: "Socket", following: Following, subscription: Subscription) -> None:
    """Sends what came in while the opening was read, then lets the subscription live.

    Between the last comparison and `live` nothing is awaited, so no frame slips through.
    """
    while following.head is not None and following.head > subscription.position:
        frames = following.since(subscription.position)
        if frames is None:
            position, user_id = subscription.position, socket.identity.user_id
            frames = await in_database(_read_for, following.kind, following.pk, position, user_id)
            if frames is None or socket.subscriptions.get(following.stream) is not subscription:
                return
        if not frames:
            break
        socket.send_parcel(Parcel.of(frames))
        subscription.position = frames[-1].seq
    subscription.live = True


def _read_for(kind: StreamKind, pk: int, after: int, user_id: int) -> list[Frame] | None:
    """The frames after a position; None for who may read no more. Asked last, so that it covers all of them."""
    frames = kind.read(pk, after, READ_FRAMES)
    return frames if user_id in kind.readers(pk, [user_id]) else None
