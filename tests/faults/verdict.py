"""What `checker` found: counts, and a line for each violation."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

Wrong = Literal["lost", "duplicated", "reordered", "outside", "stuck", "resources"]
MAX_LINES = 200


@dataclass
class Verdict:
    """`wrong` must be zero; `counts` tells what there was: attempted, acknowledged, refused and more.

    `unknown` counts the attempts whose reply never came; each was made again.
    `deferred` those refused for the moment, as `internal`, which were made again, too.
    `rolled_back` were acknowledged after the backup that was restored since.
    """

    counts: Counter[str] = field(default_factory=Counter)
    wrong: Counter[Wrong] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)

    def accuse(self, wrong: Wrong, line: str) -> None:
        self.wrong[wrong] += 1
        if len(self.lines) < MAX_LINES:
            self.lines.append(f"{wrong}: {line}")

    def add(self, other: "Verdict") -> None:
        self.counts += other.counts
        self.wrong += other.wrong
        self.lines += other.lines

    @property
    def is_good(self) -> bool:
        return not self.wrong.total()
