"""Whether what one client received of each stream is the database's order without holes."""

from collections import defaultdict
from dataclasses import dataclass, field

from tests.faults.journal import Journal, Page, Receipt, Subscribed
from tests.faults.truth import Truth
from tests.faults.verdict import Verdict, Wrong


@dataclass
class Span:
    """An unbroken run: what was applied from `start` on, until the client had to start afresh."""

    start: int
    events: list[Receipt] = field(default_factory=list)

    @property
    def end(self) -> int:
        return self.events[-1].seq if self.events else self.start


def check_received(journal: Journal, truth: Truth, verdict: Verdict) -> None:
    for stream, spans in spans_of(journal, verdict).items():
        received: dict[int, Receipt] = {}
        for span in spans:
            _check_chain(journal.name, span, verdict)
            received.update((event.seq, event) for event in span.events)
        _check_against(truth, journal.name, stream, spans, received, verdict)
        standing = journal.positions.get(stream, 0)
        if truth.may_read(journal.person, stream) and stream in journal.positions and standing != truth.head_of(stream):
            verdict.accuse(
                "lost", f"{journal.name} stands at {standing} of {stream}, its head is {truth.head_of(stream)}"
            )
    for page in journal.all(Page):
        _check_page(journal.name, page, truth, verdict)


def spans_of(journal: Journal, verdict: Verdict) -> dict[str, list[Span]]:
    """The runs of each stream; says on the way what a single subscription told twice or out of order."""
    spans: dict[str, list[Span]] = defaultdict(list)
    told: dict[str, int] = {}
    for entry in journal.entries:
        if isinstance(entry, Subscribed):
            told[entry.stream] = entry.head if entry.reset else entry.after
            if entry.reset or not spans[entry.stream]:
                spans[entry.stream].append(Span(entry.head if entry.reset else entry.after))
        elif isinstance(entry, Receipt):
            if entry.seq <= told.get(entry.stream, -1):
                wrong: Wrong = "reordered" if entry.fate == "applied" else "duplicated"
                verdict.accuse(wrong, f"{journal.name} was told {entry} after {told[entry.stream]} on one subscription")
            told[entry.stream] = max(entry.seq, told.get(entry.stream, 0))
            if entry.fate == "applied" and spans[entry.stream]:
                spans[entry.stream][-1].events.append(entry)
    return spans


def _check_chain(name: str, span: Span, verdict: Verdict) -> None:
    """The client's own rule: each event follows where it stood. Proves the client before it accuses the server."""
    position = span.start
    for event in span.events:
        if not event.after <= position < event.seq:
            verdict.accuse("reordered", f"{name} applied {event} at {position}")
        position = event.seq


def _check_against(
    truth: Truth, name: str, stream: str, spans: list[Span], received: dict[int, Receipt], verdict: Verdict
) -> None:
    """Every event that stands in the database within a run was received, and is the one that was received.

    A message stands at its last change only: what was posted and changed meanwhile comes once.
    """
    if room := truth.rooms.get(stream):
        events = [(row.changed_seq, row.id) for row in room.messages]
    elif inbox := truth.inboxes.get(stream):
        events = [(row.seq, row.job) for row in inbox.events]
    else:
        return
    for seq, message in events:
        got = received.get(seq)
        if got is not None and got.message != message:
            verdict.accuse("reordered", f"{name} has {got}, the database {message} there")
        elif got is None and any(span.start < seq <= span.end for span in spans):
            verdict.accuse("lost", f"{name} never received {stream} {seq} (message or job {message})")


def _check_page(name: str, page: Page, truth: Truth, verdict: Verdict) -> None:
    room = truth.rooms.get(page.stream)
    places = {row.id: row.seq for row in room.messages} if room else {}
    for message, seq in page.messages:
        if places.get(message) != seq:
            verdict.accuse(
                "reordered", f"{name} loaded message {message} at {seq} of {page.stream}, not {places.get(message)}"
            )
    order = [seq for _, seq in page.messages]
    if order != list(range(order[0], order[0] + len(order)) if order else []) and order != sorted(order):
        verdict.accuse("reordered", f"{name} loaded a page out of order: {page.stream} {order}")
