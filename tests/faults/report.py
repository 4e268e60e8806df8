"""What a run found, as a table."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from tests.faults.journal import Absence, Ack, Attempt, Journal, Receipt
from tests.faults.verdict import Verdict
from tests.faults.vitals import Sample

SHOWN_LINES = 40


@dataclass
class Report:
    """`heals` has the seconds after each fault of a name; `acks` and `deliveries` are in seconds, sorted."""

    seed: int
    stack: str
    minutes: float
    verdict: Verdict = field(default_factory=Verdict)
    heals: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    not_here: dict[str, str] = field(default_factory=dict)
    notes: dict[str, float] = field(default_factory=dict)
    acks: list[float] = field(default_factory=list)
    deliveries: list[float] = field(default_factory=list)
    baseline: Sample | None = None
    peak: Sample | None = None
    end: Sample | None = None

    def injected(self, name: str, heal: float) -> None:
        self.heals[name].append(heal)

    def measure(self, journals: Sequence[Journal], absences: Sequence[Absence]) -> None:
        """From a post's first attempt: until its acknowledgement, and until each client had it.

        Those who were out of the room meanwhile read it later, by right.
        """
        sent: dict[str, float] = {}
        for journal in journals:
            for attempt in journal.all(Attempt):
                sent[attempt.client_id] = min(attempt.at, sent.get(attempt.client_id, attempt.at))
        self.acks = sorted(_since(sent, (ack for journal in journals for ack in journal.all(Ack))))
        away = {(absence.person, absence.stream) for absence in absences}
        posted = (
            event
            for journal in journals
            for event in journal.all(Receipt)
            if event.type == "message.posted" and event.fate == "applied" and (journal.person, event.stream) not in away
        )
        self.deliveries = sorted(_since(sent, posted))

    def text(self) -> str:
        verdict = self.verdict
        counts: dict[str, int] = {**verdict.counts, **{str(name): times for name, times in verdict.wrong.items()}}
        kinds = {name: len(heals) for name, heals in sorted(self.heals.items())}
        faults = ", ".join(f"{name} {times}" for name, times in kinds.items())
        lines = [
            f"seed {self.seed} on {self.stack}, {self.minutes:g} min",
            f"faults injected: {sum(kinds.values())} ({faults})",
            *(f"not on this machine: {name}, {why}" for name, why in self.not_here.items()),
            _slashed(counts, "attempted", "acknowledged", "refused", "unknown"),
            _slashed(counts, "lost", "duplicated", "reordered"),
            _slashed(counts, "outside", "stuck", "resources"),
            _slashed(counts, "holes", "resets", "deferred", "rolled_back"),
            f"ack p50 / p99 / max: {_percentiles(self.acks)}",
            f"delivery p50 / p99 / max: {_percentiles(self.deliveries)}",
            *(f"healed after {name}, median / max: {_heals(heals)}" for name, heals in sorted(self.heals.items())),
            *(f"{name}: {value:.2f}" for name, value in sorted(self.notes.items())),
            *(f"{name}: {self._vitals(name)}" for name in ("baseline", "peak", "end")),
            self._row(),
        ]
        if not verdict.is_good:
            repeat = f"Repeat it with --minutes {self.minutes:g} --seed {self.seed} --stack {self.stack}"
            lines += ["VIOLATED", *verdict.lines[:SHOWN_LINES], repeat]
        return "\n".join(lines)

    def _row(self) -> str:
        """Of the table in docs/reliability.md."""
        counts, wrong = self.verdict.counts, self.verdict.wrong
        cells = [
            self.stack,
            f"{self.seed}",
            f"{self.minutes:g}",
            f"{sum(map(len, self.heals.values()))}",
            " / ".join(str(counts[name]) for name in ("attempted", "acknowledged", "refused", "unknown")),
            f"{wrong['lost']} / {wrong['duplicated']} / {wrong['reordered']}",
            f"{counts['holes']}",
            _percentiles(self.acks),
            _percentiles(self.deliveries),
            f"{max((max(heals) for heals in self.heals.values()), default=0):.1f} s",
            f"{self.peak.memory:.0f} MB, {self.peak.descriptors}" if self.peak else "",
        ]
        return f"| {' | '.join(cells)} |"

    def _vitals(self, name: str) -> str:
        sample: Sample | None = getattr(self, name)
        return f"{sample.memory:.0f} MB, {sample.descriptors} descriptors" if sample else "not seen"


def _since(sent: dict[str, float], entries: Iterable[Ack | Receipt]) -> Iterable[float]:
    return (entry.at - sent[entry.client_id] for entry in entries if entry.client_id in sent)


def _slashed(counts: Mapping[str, int], *names: str) -> str:
    return " / ".join(names) + ": " + " / ".join(str(counts.get(name, 0)) for name in names)


def _percentiles(sorted_seconds: list[float]) -> str:
    if not sorted_seconds:
        return "none"
    last = len(sorted_seconds) - 1
    p50, p99, most = (sorted_seconds[round(last * share)] for share in (0.5, 0.99, 1))
    return f"{p50 * 1000:.0f} ms / {p99 * 1000:.0f} ms / {most:.1f} s"


def _heals(heals: list[float]) -> str:
    return f"{median(heals):.1f} s / {max(heals):.1f} s"
