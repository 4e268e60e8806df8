"""Nobody receives or writes outside their membership, or after their identity was taken away."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tests.faults.journal import Absence, Ack, Attempt, Journal, Page, Receipt, SignedIn, SignedOut, Subscribed
from tests.faults.truth import Row, Truth
from tests.faults.verdict import Verdict

READ_LIMIT_SECONDS = 2.0  # of the contract: how long a socket may go on reading
SLACK_SECONDS = 1.0  # between the server's sending and this process's turn to read it


class Gap(NamedTuple):
    """Somebody is out of a room from `removed_seq` to before `added_seq`; `back` is when the return was asked for.

    Between `began` and `back` no subscription may be granted.
    """

    removed_seq: int
    added_seq: float
    began: float
    back: float


NEVER_IN = Gap(0, math.inf, -math.inf, math.inf)


def check_outside(
    journals: Iterable[Journal], truth: Truth, absences: Sequence[Absence], base: Truth | None, verdict: Verdict
) -> None:
    gaps = gaps_of(truth, absences, base)
    for journal in journals:
        _check_rooms(journal, truth, gaps, verdict)
        _check_identity(journal, verdict)
    for stream, room in truth.rooms.items():
        known = base.head_of(stream) if base else 0
        for row in room.messages:
            if row.kind == "text" and row.author is not None and row.seq > known:
                _check_written(stream, row, gaps.get((row.author, stream), []), verdict)


def gaps_of(truth: Truth, absences: Sequence[Absence], base: Truth | None) -> dict[tuple[int, str], list[Gap]]:
    """By person and stream. A private room's system messages tell when; the absences' notes tell when by our clock."""
    noted: dict[tuple[int, str], list[Absence]] = defaultdict(list)
    for absence in absences:
        noted[absence.person, absence.stream].append(absence)
    gaps: dict[tuple[int, str], list[Gap]] = {}
    for stream, room in truth.rooms.items():
        if room.kind == "public":
            continue
        moves = _moves(truth, stream, base)
        for person in truth.names.values():
            known = base.rooms.get(stream) if base else None
            if known is None or person in known.members:
                first = [] if moves.get(person) or known or person in room.members else [NEVER_IN]
            else:
                first = [_gap_from_the_beginning(known.head, moves.get(person, []), noted[person, stream])]
            gaps[person, stream] = first + _gaps_of_one(moves.get(person, []), noted[person, stream])
    return gaps


def _moves(truth: Truth, stream: str, base: Truth | None) -> dict[int, list[tuple[bool, int]]]:
    """Of each person: (came in?, seq), in order."""
    known = base.head_of(stream) if base else 0
    found: dict[int, list[tuple[bool, int]]] = defaultdict(list)
    for row in truth.rooms[stream].messages:
        verb, _, name = row.said.partition(" ")
        person = row.author if verb in ("joined", "left") else truth.names.get(name)
        if row.seq > known and person is not None and verb in ("joined", "left", "added", "removed"):
            found[person].append((verb in ("joined", "added"), row.seq))
    return found


def _gap_from_the_beginning(head: int, moves: list[tuple[bool, int]], notes: list[Absence]) -> Gap:
    """Of somebody who was out when the evidence begins. Takes the note about that from `notes`."""
    added = moves[0][1] if moves else math.inf
    note = notes.pop(0) if notes and not notes[0].began else None
    return Gap(head + 1, added, note.confirmed if note else -math.inf, _back(note) if note else math.inf)


def _back(note: Absence) -> float:
    return math.inf if note.ended is None else note.ended


def _gaps_of_one(moves: list[tuple[bool, int]], notes: list[Absence]) -> list[Gap]:
    gaps: list[Gap] = []
    removals = [(place, seq) for place, (came_in, seq) in enumerate(moves) if not came_in]
    for number, (place, seq) in enumerate(removals):
        note = notes[number] if number < len(notes) else None
        added = moves[place + 1][1] if place + 1 < len(moves) else math.inf
        began = note.confirmed if note else math.inf
        back = _back(note) if note else -math.inf
        gaps.append(Gap(seq, added, began, back))
    return gaps


def _check_rooms(journal: Journal, truth: Truth, gaps: dict[tuple[int, str], list[Gap]], verdict: Verdict) -> None:
    for entry in journal.entries:
        if not isinstance(entry, Receipt | Subscribed | Page) or entry.stream not in truth.rooms:
            continue
        for gap in gaps.get((journal.person, entry.stream), []):
            if isinstance(entry, Receipt):
                is_outside = entry.seq >= gap.removed_seq and entry.at < gap.back
            else:
                is_outside = entry.began >= gap.began and entry.at < gap.back
            if is_outside:
                verdict.accuse("outside", f"{journal.name} got {entry} while out of the room: {gap}")


def _check_written(stream: str, row: Row, gaps: list[Gap], verdict: Verdict) -> None:
    for gap in gaps:
        if gap.removed_seq < row.seq < gap.added_seq:
            verdict.accuse("outside", f"{row.author} wrote {row} in {stream} while out of the room: {gap}")


def _check_identity(journal: Journal, verdict: Verdict) -> None:
    """After the commit that took the identity away nothing is written; after two seconds nothing read."""
    sent: dict[str, float] = {}
    gone: SignedOut | None = None
    for entry in journal.entries:
        if isinstance(entry, SignedOut):
            gone = entry
        elif isinstance(entry, SignedIn):
            gone = None
        elif isinstance(entry, Attempt):
            sent[entry.client_id] = entry.at
        elif gone and isinstance(entry, Ack) and sent.get(entry.client_id, 0) > gone.at:
            verdict.accuse("outside", f"{journal.name} wrote {entry} after {gone}")
        elif gone and isinstance(entry, Receipt) and entry.at > gone.at + READ_LIMIT_SECONDS + SLACK_SECONDS:
            verdict.accuse("outside", f"{journal.name} read {entry} after {gone}")
