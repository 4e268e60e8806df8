"""Samples of several rounds as Markdown."""

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from bench.servers import Server
from bench.works import Column, Sample, Work

PEERS = {"tutorial": "× tutorial", "socketio": "× Socket.IO"}
SPREAD = Column("spread", "spread", "{:.0f} %")
RATIO = Column("ratio", "ratio", "{:,.2f}")
GENERATOR_IS_THE_LIMIT = 90  # % of a core


class Row(NamedTuple):
    server: Server
    samples: Sequence[Sample]

    def median(self, key: str) -> float | None:
        values = self._values(key)
        return statistics.median(values) if values else None

    def spread(self, key: str) -> float:
        """How far apart the rounds were, in % of their median."""
        values = self._values(key)
        middle = statistics.median(values) if values else 0
        return 100 * (max(values) - min(values)) / middle if middle else math.nan

    def _values(self, key: str) -> list[float]:
        return [sample.figures[key] for sample in self.samples if key in sample.figures]


def markdown(work: Work, rows: Sequence[Row]) -> str:
    """One work's table; the ratios stand behind the column that they are of."""
    medians = {row.server.name: row.median(work.score) or math.nan for row in rows} if work.score else {}
    compared = {name: title for name, title in PEERS.items() if name in medians}
    header = ["server"]
    for column in work.columns:
        header.append(column.title)
        if column.key == work.score:
            header += ["spread", *compared.values()]
    body = [[*header, "remarks"], ["---", *["---:"] * (len(header) - 1), "---"]]
    body += [cells(work, row, [medians[name] for name in compared]) for row in rows]
    return "\n".join([f"### {work.title}", "", *(f"| {' | '.join(line)} |" for line in body)])


def cells(work: Work, row: Row, scores: Sequence[float]) -> list[str]:
    """`scores`: of those whom this one is compared with."""
    line = [row.server.title]
    for column in work.columns:
        value = row.median(column.key)
        line.append(shown(column, value))
        if column.key == work.score:
            line += [shown(SPREAD, row.spread(column.key))]
            line += [shown(RATIO, None if value is None else value / score) for score in scores]
    return [*line, remarks(row)]


def shown(column: Column, value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else column.form.format(value)


def remarks(row: Row) -> str:
    said = [] if row.server.is_durable else ["stores nothing"]
    if (row.median("generator") or 0) >= GENERATOR_IS_THE_LIMIT:
        said.append("the generator was the limit")
    for sample in row.samples:
        said += [mistake for mistake in sample.mistakes if mistake not in said]
    return "; ".join(said)
