"""The beginning of a subscription: where a client stands, and the run that brings it to the head."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chatsite.realtime.commands import Subscribe, not_found
from chatsite.realtime.delivery import Parcel
from chatsite.realtime.events import Frame
from chatsite.realtime.following import READ_FRAMES, Following, Subscription
from chatsite.realtime.identity import Identity, IdentityLostError, lost
from chatsite.realtime.streams import State, StreamKind, epoch, parse
from chatsite.realtime.threads import in_database

if TYPE_CHECKING:
    from chatsite.realtime.hub import Socket

MAX_REPLAY = 1_000


@dataclass(frozen=True, slots=True)
class Opening:
    """What the database says to a `stream.subscribe`."""

    state: State
    epoch: str
    frames: list[Frame]
    ok: dict[str, Any]


def open_for(identity: Identity, command: Subscribe) -> Opening:
    """As `open_stream`, for somebody who is still signed in when all is read. Raises IdentityLostError, too."""
    opening = open_stream(command, identity.user_id)
    if lost([identity]):
        raise IdentityLostError
    return opening


def open_stream(command: Subscribe, user_id: int) -> Opening:
    """Reads the state, the run after `after`, and the permission, in that order.

    A reader who is thrown out meanwhile is refused or, if the permission was read just
    before, belongs to an older `access` than the next frames. Raises `not_found`.
    """
    kind, pk = parse(command.stream)
    state = kind.states([pk]).get(pk)
    deployment = epoch()
    frames = None if state is None else _run(kind, pk, state, command, deployment)
    if state is None or user_id not in kind.readers(pk, [user_id]):
        raise not_found()
    head = frames[-1].seq if frames else state.head
    ok = {"stream": command.stream, "head": head, "epoch": deployment} | kind.greeting(pk, user_id)
    if frames is None:
        ok["reset"] = True
    return Opening(State(head, state.access), deployment, frames or [], ok)


def _run(kind: StreamKind, pk: int, state: State, command: Subscribe, deployment: str) -> list[Frame] | None:
    """The frames to replay; None where the client has to start afresh."""
    if command.after is None:
        return []
    if command.epoch not in (None, deployment) or command.after > state.head:
        return None
    frames = kind.read(pk, command.after, MAX_REPLAY + 1)
    if len(frames) > MAX_REPLAY or (frames and frames[0].after > command.after):
        return None
    if not frames and command.after != state.head:
        return None
    return frames


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
        socket.send_parcel(Parcel([frame.text for frame in frames]))
        subscription.position = frames[-1].seq
    subscription.live = True


def _read_for(kind: StreamKind, pk: int, after: int, user_id: int) -> list[Frame] | None:
    """The frames after a position; None for who may read no more. Asked last, so that it covers all of them."""
    frames = kind.read(pk, after, READ_FRAMES)
    return frames if user_id in kind.readers(pk, [user_id]) else None
