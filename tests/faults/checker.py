"""The invariants, over what every client noted and what the database holds in the end.

Pure functions: `check` takes the evidence of one era (a time in which no backup was
restored) and returns a verdict.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.faults import access, runs
from tests.faults.journal import Absence, Ack, Attempt, Changed, Deferred, Hole, Journal, Refusal, Subscribed, Unknown
from tests.faults.truth import TERMINAL, Row, Truth
from tests.faults.verdict import Verdict

ENDED = {"succeeded", "failed", "cancelled"}
CHANGES = {"message.edit", "message.delete", "reaction.add", "reaction.remove"}


@dataclass
class Evidence:
    """`before` are the client ids acknowledged in an earlier era that must stand in this one's database, too.

    `exempt` were acknowledged after the backup that this era started from. `base` is the database as this
    era found it; None where it was empty. `jobs` are the ids that starting a job was answered with.
    """

    journals: Sequence[Journal]
    truth: Truth
    absences: Sequence[Absence] = ()
    jobs: set[int] = field(default_factory=set)
    before: set[str] = field(default_factory=set)
    exempt: set[str] = field(default_factory=set)
    base: Truth | None = None


def check(evidence: Evidence) -> Verdict:
    verdict = Verdict()
    _count(evidence, verdict)
    stored = _stored(evidence.truth)
    _check_posts(evidence, stored, verdict)
    _check_changes(evidence, verdict)
    _check_rooms(evidence, verdict)
    for journal in evidence.journals:
        runs.check_received(journal, evidence.truth, verdict)
        _check_own_order(journal, stored, verdict)
    access.check_outside(evidence.journals, evidence.truth, evidence.absences, evidence.base, verdict)
    _check_jobs(evidence, verdict)
    return verdict


def _count(evidence: Evidence, verdict: Verdict) -> None:
    for journal in evidence.journals:
        verdict.counts["attempted"] += len({entry.client_id for entry in journal.all(Attempt)})
        verdict.counts["acknowledged"] += len({entry.client_id for entry in journal.all(Ack)})
        verdict.counts["refused"] += len({entry.client_id for entry in journal.all(Refusal)})
        verdict.counts["unknown"] += sum(1 for _ in journal.all(Unknown))
        verdict.counts["deferred"] += sum(1 for _ in journal.all(Deferred))
        verdict.counts["holes"] += sum(1 for _ in journal.all(Hole))
        verdict.counts["resets"] += sum(entry.reset for entry in journal.all(Subscribed))


def _stored(truth: Truth) -> dict[str, list[tuple[str, Row]]]:
    """By client id, the messages saved with it, each with its room's stream."""
    found: dict[str, list[tuple[str, Row]]] = defaultdict(list)
    for stream, room in truth.rooms.items():
        for row in room.messages:
            if row.client_id:
                found[row.client_id].append((stream, row))
    return found


def _check_posts(evidence: Evidence, stored: dict[str, list[tuple[str, Row]]], verdict: Verdict) -> None:
    """Acknowledged: once. Unacknowledged: once or never. Refused at the only attempt: never."""
    for journal in evidence.journals:
        acks = {entry.client_id: entry for entry in journal.all(Ack)}
        attempts = Counter(entry.client_id for entry in journal.all(Attempt))
        unknown = {entry.client_id for entry in journal.all(Unknown)}
        for client_id in attempts:
            times = len(stored.get(client_id, ()))
            if times > 1:
                verdict.accuse("duplicated", f"{client_id} by {journal.name} stands {times} times in the database")
            elif client_id in acks and not times:
                verdict.accuse("lost", f"{client_id} by {journal.name}: {acks[client_id]}, not in the database")
            elif client_id in acks and acks[client_id].message != stored[client_id][0][1].id:
                verdict.accuse("reordered", f"{acks[client_id]}, but the database has {stored[client_id]}")
        for refusal in journal.all(Refusal):
            once = attempts[refusal.client_id] == 1 and refusal.client_id not in unknown
            if once and refusal.client_id in stored and refusal.client_id not in evidence.before | evidence.exempt:
                verdict.accuse("duplicated", f"{refusal} by {journal.name}, but saved: {stored[refusal.client_id]}")
    for client_id in evidence.before:
        if len(stored.get(client_id, ())) != 1:
            verdict.accuse(
                "lost", f"{client_id}, acknowledged before the backup, stands {len(stored.get(client_id, ()))} times"
            )
    verdict.counts["rolled_back"] += sum(client_id not in stored for client_id in evidence.exempt)


def _check_changes(evidence: Evidence, verdict: Verdict) -> None:
    """An acknowledged edit, deletion or reaction is in the message's last state or was followed by a later one."""
    rows = {row.id: row for room in evidence.truth.rooms.values() for row in room.messages}
    for journal in evidence.journals:
        for entry in journal.all(Changed):
            row = rows.get(entry.message)
            if row is None or row.changed_seq < entry.changed_seq:
                verdict.accuse("lost", f"{entry} by {journal.name}, but the database has {row}")
            elif entry.command == "message.delete" and not row.deleted:
                verdict.accuse("lost", f"{entry} by {journal.name}, but it is not deleted: {row}")


def _check_rooms(evidence: Evidence, verdict: Verdict) -> None:
    """No two events of a room share a place, and none is beyond its head."""
    for stream, room in evidence.truth.rooms.items():
        for column in ("seq", "changed_seq"):
            places = Counter(getattr(row, column) for row in room.messages)
            for seq, times in places.items():
                if times > 1:
                    verdict.accuse("reordered", f"{stream} has {times} messages at {column} {seq}")
            if places and max(places) > room.head:
                verdict.accuse("lost", f"{stream} has {column} {max(places)} beyond its head {room.head}")


def _check_own_order(journal: Journal, stored: dict[str, list[tuple[str, Row]]], verdict: Verdict) -> None:
    """What somebody sent to a room after something else stands after it.

    Compared are neighbours that cannot have overtaken each other: all attempts of the one came
    before the first of the other, and it was acknowledged by then or sent on the same socket.
    """
    first, last, acked = _times(journal)
    previous: dict[int, Attempt] = {}
    for attempt in first.values():
        before = previous.get(attempt.room)
        previous[attempt.room] = attempt
        if before is None or before.client_id not in acked or attempt.client_id not in acked:
            continue
        earlier = last[before.client_id]
        settled = acked[before.client_id].at <= attempt.at or earlier.connection == attempt.connection
        if earlier.at > attempt.at or not settled:
            continue
        rows = [stored[client_id][0][1] for client_id in (before.client_id, attempt.client_id) if client_id in stored]
        if len(rows) == 2 and rows[0].seq > rows[1].seq:
            verdict.accuse("reordered", f"{journal.name} sent {before} before {attempt}, the database has {rows}")


def _times(journal: Journal) -> tuple[dict[str, Attempt], dict[str, Attempt], dict[str, Ack]]:
    """By client id: the first attempt, in order; the last; the acknowledgement."""
    first: dict[str, Attempt] = {}
    last: dict[str, Attempt] = {}
    for attempt in journal.all(Attempt):
        first.setdefault(attempt.client_id, attempt)
        last[attempt.client_id] = attempt
    return first, last, {entry.client_id: entry for entry in journal.all(Ack)}


def _check_jobs(evidence: Evidence, verdict: Verdict) -> None:
    """Every job that was started ended, and its owner's inbox says so exactly once."""
    told: Counter[int] = Counter()
    for inbox in evidence.truth.inboxes.values():
        told.update(event.job for event in inbox.events if event.type in TERMINAL)
    for job in evidence.jobs:
        if job not in evidence.truth.jobs:
            verdict.accuse("lost", f"job {job} was started, but the database has none")
            continue
        _owner, status = evidence.truth.jobs[job]
        if status not in ENDED:
            verdict.accuse("stuck", f"job {job} is {status}")
        elif told[job] != 1:
            verdict.accuse("lost" if told[job] == 0 else "duplicated", f"job {job} {status}: told {told[job]} times")
