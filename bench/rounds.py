"""Each work on each server in turn, round after round."""

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from bench.generator import GeneratorError
from bench.measuring import Pace
from bench.servers import Server
from bench.table import Row
from bench.works import Sample, Work

TUNING = 0.5  # of a measurement's time
TUNING_ROUND = 0  # counted from 1, they are for the tables


class Measurement(NamedTuple):
    work: str
    server: str
    round: int
    sample: Sample


class Bench:
    """Says a line for everything that is done."""

    def __init__(self, load: Path, servers: Sequence[Server], pace: Pace) -> None:
        self.load = load
        self.servers = servers
        self.pace = pace
        self.windows: dict[tuple[str, str], int] = {}  # the best, by server and work
        self.measurements: list[Measurement] = []
        self.began = time.monotonic()

    def run(self, work: Work, rounds: int) -> list[Row]:
        """A row a server, also of one that can't do it: it has no figures then, and says why."""
        servers = [server for server in self.servers if work.suits(server)]
        for server in servers:
            self.tune(work, server)
        taken: dict[str, list[Sample]] = {server.name: [] for server in servers}
        for number in range(1, rounds + 1):
            for server in servers:
                sample = self.measure(work, server, self.pace, self.window_for(work, server))
                taken[server.name].append(sample)
                self.measurements.append(Measurement(work.name, server.name, number, sample))
                self.say(f"{work.name}, round {number}, {server.name}: {told(work, sample)}")
        return [Row(server, taken[server.name]) for server in servers]

    def tune(self, work: Work, server: Server) -> None:
        """Finds the window of posts under way at which a server is at its best, without mistakes if it can."""
        loop, windows = work.closed_loop, self.pace.windows
        if loop is None or (server.name, loop.name) in self.windows:
            return
        tried = self.try_windows(loop, server) if len(windows) > 1 else {}
        best = max(tried, key=lambda window: tried[window], default=windows[0])
        self.windows[server.name, loop.name] = best

    def try_windows(self, loop: Work, server: Server) -> dict[int, tuple[bool, float]]:
        """By window: whether all was well, and the score. Narrow ones first, since wide ones may leave a backlog."""
        pace = self.pace._replace(seconds=self.pace.seconds * TUNING)
        tried: dict[int, tuple[bool, float]] = {}
        with suppress(TimeoutError, GeneratorError), server.running(loop.layout) as running:
            for window in sorted(pace.windows):
                sample = loop.measure(self.load, running, pace, window)
                self.measurements.append(Measurement(loop.name, server.name, TUNING_ROUND, sample))
                tried[window] = (not sample.mistakes, sample.figures[loop.score or ""])
                self.say(f"{loop.name}, trying a window of {window}, {server.name}: {told(loop, sample)}")
        return tried

    def window_for(self, work: Work, server: Server) -> int:
        loop = work.closed_loop
        return self.windows[server.name, loop.name] if loop else self.pace.windows[0]

    def measure(self, work: Work, server: Server, pace: Pace, window: int) -> Sample:
        try:
            with server.running(work.layout) as running:
                return work.measure(self.load, running, pace, window)
        except (GeneratorError, TimeoutError) as error:
            return Sample({}, [str(error)])

    def has_failed(self, server: Server) -> bool:
        """Whether anything was wrong at a server, in a table's rounds or before."""
        return any(m.sample.mistakes for m in self.measurements if m.server == server.name)

    def say(self, line: str) -> None:
        print(f"[{time.monotonic() - self.began:6.1f} s] {line}", flush=True)

    def write(self, file: Path) -> None:
        """All that was measured, as JSON."""
        rows = [{**m._asdict(), "sample": m.sample._asdict()} for m in self.measurements]
        file.write_text(json.dumps(rows, indent=1) + "\n")


def told(work: Work, sample: Sample) -> str:
    said = [
        f"{column.title} {column.form.format(sample.figures[column.key])}"
        for column in work.columns
        if column.key in sample.figures
    ]
    return "; ".join([*said, *sample.mistakes])
