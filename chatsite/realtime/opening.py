"""What the database says to a `stream.subscribe`: where its socket stands, and the run to the head.

What is asked at the same time is read together: when everybody comes back at once, a room is
read once for all of them.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chatsite.realtime.commands import Subscribe, not_found
from chatsite.realtime.events import Frame
from chatsite.realtime.identity import Identity, IdentityLostError, lost
from chatsite.realtime.streams import State, StreamKind, epoch, is_stream, parse, states_of

MAX_REPLAY = 1_000


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """Somebody's `stream.subscribe`; `in_memory` where the hub has the run that it asks for."""

    identity: Identity
    command: Subscribe
    in_memory: bool = False


@dataclass(frozen=True, slots=True)
class Opening:
    """What the database says to a request; after `ok` and the frames its socket is at `position`."""

    state: State
    epoch: str
    frames: list[Frame]
    position: int
    ok: dict[str, Any]


def open_all(requests: Sequence[Request]) -> list[Opening | Exception]:
    """Answers each: an opening, `not_found`, or IdentityLostError.

    Reads the states, the runs and the permissions, in that order, and last who is still signed
    in. A reader who is thrown out meanwhile is refused or, if the permission was read just
    before, belongs to an older `access` than the next frames.
    """
    groups: dict[str, list[Request]] = defaultdict(list)
    for request in requests:
        if is_stream(request.command.stream):
            groups[request.command.stream].append(request)
    states = states_of(groups)
    deployment = epoch()
    runs: dict[Request, list[Frame] | None] = {}
    for stream, state in states.items():
        runs |= _runs(*parse(stream), state, deployment, groups[stream])
    greetings = _greetings({stream: groups[stream] for stream in states})
    signed_out = lost({request.identity for request in greetings})
    return [
        not_found() if request not in greetings
        else IdentityLostError() if request.identity in signed_out
        else _opening(request, states[request.command.stream], deployment, runs[request], greetings[request])
        for request in requests
    ]  # fmt: skip


def _greetings(groups: Mapping[str, list[Request]]) -> dict[Request, dict[str, Any]]:
    """Of those who may follow what they ask for."""
    by_kind: dict[StreamKind, dict[int, list[Request]]] = defaultdict(dict)
    for stream, group in groups.items():
        kind, pk = parse(stream)
        by_kind[kind][pk] = group
    found: dict[Request, dict[str, Any]] = {}
    for kind, by_row in by_kind.items():
        readers = {pk: {request.identity.user_id for request in group} for pk, group in by_row.items()}
        greetings = kind.greetings(readers)
        for pk, group in by_row.items():
            pairs = ((request, (pk, request.identity.user_id)) for request in group)
            found |= {request: greetings[pair] for request, pair in pairs if pair in greetings}
    return found


def _opening(
    request: Request, state: State, deployment: str, frames: list[Frame] | None, greeting: dict[str, Any]
) -> Opening:
    after = request.command.after
    head = frames[-1].seq if frames else state.head
    ok = {"stream": request.command.stream, "head": head, "epoch": deployment} | greeting
    if frames is None:
        ok["reset"] = True
    position = after if request.in_memory and frames is not None and after is not None else head
    return Opening(State(head, state.access), deployment, frames or [], position, ok)


def _runs(
    kind: StreamKind, pk: int, state: State, deployment: str, group: Sequence[Request]
) -> dict[Request, list[Frame] | None]:
    """The frames to replay to each; None where the client has to start afresh."""
    runs: dict[Request, list[Frame] | None] = {}
    reading: dict[int, list[Request]] = defaultdict(list)  # by cursor
    for request in group:
        after, its_epoch = request.command.after, request.command.epoch
        if after is None:
            runs[request] = []
        elif its_epoch not in (None, deployment) or after > state.head:
            runs[request] = None
        elif request.in_memory:
            runs[request] = []
        else:
            reading[after].append(request)
    for after, run in _replays(kind, pk, sorted(reading)).items():
        is_whole = run is not None and (run[0].after <= after if run else after == state.head)
        runs |= dict.fromkeys(reading[after], run if is_whole else None)
    return runs


def _replays(kind: StreamKind, pk: int, cursors: Sequence[int]) -> dict[int, list[Frame] | None]:
    """The frames after each of these cursors, read once for all of them; None for those too far back."""
    if not cursors:
        return {}
    found: dict[int, list[Frame]] = {}

    def is_near(cursor: int) -> bool:
        found[cursor] = kind.read(pk, cursor, MAX_REPLAY + 1)
        return len(found[cursor]) <= MAX_REPLAY

    nearest = 0 if is_near(cursors[0]) else bisect_left(cursors, True, lo=1, key=is_near)
    run = found[cursors[nearest]] if nearest < len(cursors) else []
    parts = {cursor: run[bisect_right(run, cursor, key=lambda frame: frame.seq) :] for cursor in cursors[nearest:]}
    return dict.fromkeys(cursors[:nearest]) | parts
