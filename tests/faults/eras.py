"""Times between restored backups: after one, what clients noted before is no longer comparable."""

from dataclasses import dataclass, field

from tests.faults.checker import Evidence
from tests.faults.crowd import Crowd
from tests.faults.journal import Ack
from tests.faults.truth import Truth


@dataclass
class Eras:
    """`past` is the evidence of the eras that are over; `evidence` is that of the present one."""

    crowd: Crowd
    past: list[Evidence] = field(default_factory=list)
    before: set[str] = field(default_factory=set)
    exempt: set[str] = field(default_factory=set)
    base: Truth | None = None

    def evidence(self, truth: Truth) -> Evidence:
        crowd = self.crowd
        return Evidence(
            crowd.journals, truth, list(crowd.absences), set(crowd.jobs), self.before, self.exempt, self.base
        )

    def close(self, truth: Truth, backup_began: float) -> Evidence:
        """The evidence up to now. What was acknowledged before the backup began must be in the next era, too."""
        crowd = self.crowd
        evidence = self.evidence(truth)
        evidence.journals = [journal.begin_again() for journal in crowd.journals]
        acks = [ack for journal in evidence.journals for ack in journal.all(Ack)]
        self.before = {ack.client_id for ack in acks if ack.at < backup_began} | self.before
        self.exempt = {ack.client_id for ack in acks} - self.before
        self.past.append(evidence)
        crowd.jobs = set()
        return evidence

    def begin(self, restored: Truth) -> None:
        """Goes on from what the restored database holds: who is in which room was set back, too."""
        self.base = restored
        self.crowd.take_over(restored)
