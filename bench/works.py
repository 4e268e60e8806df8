"""What the servers are made to do, and the figures that come of it."""

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

from bench import processes
from bench.generator import Generator, mistakes
from bench.measuring import Pace, crowd, latency, rates, settled_memory, share, talk
from bench.servers import Layout, Running, Server

FAN_OUT_SENDERS = 4
WARM_CONNECTIONS = 50  # before memory is looked at, so that what is loaded with the first is not counted
NOT_REPLAYED = {"lost": 0, "disordered": 0}  # what a server that stores nothing can't help after a storm


class Sample(NamedTuple):
    """Figures by column, and what was wrong."""

    figures: dict[str, float]
    mistakes: list[str]


class Column(NamedTuple):
    key: str
    title: str
    form: str = "{:,.0f}"


GENERATOR = Column("generator", "generator's core", "{:.0f} %")
WINDOW = Column("window", "window")
CPU = Column("cpu_us", "server CPU a delivery", "{:,.2f} µs")


class Work(ABC):
    """`score`: the column whose highest value is the best, and of which ratios are told."""

    columns: ClassVar[Sequence[Column]]
    score: ClassVar[str | None] = None
    wants_durable: ClassVar[bool] = False

    name: str
    title: str
    layout: Layout

    @property
    def closed_loop(self) -> "Work | None":
        """The work by which the best window is found: itself, where it has a score."""
        return self if self.score else None

    def suits(self, server: Server) -> bool:
        return server.is_durable or not self.wants_durable

    @abstractmethod
    def measure(self, load: Path, running: Running, pace: Pace, window: int) -> Sample: ...


@dataclass
class FanOut(Work):
    """Few post as fast as they are answered, all hear."""

    name: str
    title: str
    layout: Layout
    senders: int = FAN_OUT_SENDERS

    columns = (
        *(Column("deliveries", "deliveries/s"), CPU, Column("posts", "posts/s")),
        *(Column("megabytes", "MB/s"), WINDOW, GENERATOR),
    )
    score = "deliveries"

    def measure(self, load: Path, running: Running, pace: Pace, window: int) -> Sample:
        options = crowd(running, self.layout, self.senders, pace) | {"window": window}
        report, cpu = talk(load, running, options)
        return Sample(rates(report, cpu) | {"window": window}, mistakes(report))


@dataclass
class Posting(Work):
    """Fifty post as fast as they are answered, into one room of fifty or each into a room where nobody else listens."""

    name: str
    title: str
    layout: Layout
    senders: int

    columns = (
        *(Column("posts", "acknowledged posts/s"), Column("cpu_us_a_post", "server CPU a post", "{:,.0f} µs")),
        *(Column("p50", "p50", "{:.1f} ms"), Column("p99", "p99", "{:.1f} ms"), Column("deliveries", "deliveries/s")),
        *(WINDOW, GENERATOR),
    )
    score = "posts"
    wants_durable = True

    def measure(self, load: Path, running: Running, pace: Pace, window: int) -> Sample:
        present = Layout(self.senders, self.layout.rooms)
        options = crowd(running, present, self.senders, pace) | {"window": window}
        report, cpu = talk(load, running, options)
        figures = rates(report, cpu) | {"cpu_us_a_post": share(cpu * 1e6, report["acks"]), "window": window}
        return Sample(figures | latency(report["answer_ms"]), mistakes(report))


@dataclass
class Latency(Work):
    """From post to arrival, at half of what the server can do."""

    name: str
    title: str
    most: FanOut

    columns = (
        *(Column("posts", "posts/s"), Column("deliveries", "deliveries/s")),
        *(Column("p50", "p50", "{:.2f} ms"), Column("p99", "p99", "{:.2f} ms"), Column("max", "worst", "{:.1f} ms")),
        *(Column("held_back", "posts held back", "{:.1f} %"), CPU, GENERATOR),
    )

    def __post_init__(self) -> None:
        self.layout = self.most.layout

    @property
    def closed_loop(self) -> Work:
        return self.most

    def measure(self, load: Path, running: Running, pace: Pace, window: int) -> Sample:
        options = crowd(running, self.layout, self.most.senders, pace)
        most, _ = talk(load, running, options | {"window": window})
        rate = most["acks"] / most["seconds"] / 2
        report, cpu = talk(load, running, options | {"rate": max(rate, 1.0)})
        held_back = 100 * report["skipped"] / (report["skipped"] + report["posted"])
        figures = rates(report, cpu) | latency(report["delivery_ms"]) | {"held_back": held_back}
        return Sample(figures, mistakes(most) + mistakes(report))


@dataclass
class Storm(Work):
    """All but one in each room lose their connections, miss ten messages, and come back at once."""

    name: str
    title: str
    layout: Layout

    columns = (
        *(Column("back_in", "all back after", "{:.2f} s"), Column("p50", "p50", "{:,.0f} ms")),
        *(Column("p99", "p99", "{:,.0f} ms"), Column("cpu_ms", "server CPU each", "{:.2f} ms")),
        *(Column("retried", "tried again"), Column("replayed", "of the missed, replayed", "{:.0f} %"), GENERATOR),
    )

    def measure(self, load: Path, running: Running, pace: Pace, window: int) -> Sample:
        options = crowd(running, self.layout, self.layout.rooms, pace) | {"work": "storm"}
        report, cpu = talk(load, running, options)
        figures = {
            "back_in": report["back_in"],
            "retried": report["retried"],
            "cpu_ms": share(cpu * 1e3, self.layout.members - self.layout.rooms),
            "replayed": 100 * max(0, 1 - report["lost"] / report["missed"]),
            "generator": 100 * report["cpu_share"],
        }
        forgiven = {} if running.options["dialect"] == "chat" else NOT_REPLAYED
        return Sample(figures | latency(report["join_ms"]), mistakes(report | forgiven))


@dataclass
class Idle(Work):
    """Memory of connections that do nothing; of ours, signed in and subscribed to a room, and to the inbox besides."""

    name: str
    title: str
    layout: Layout

    columns = (
        *(Column("kilobytes", "server, a connection", "{:.1f} KB"), Column("inbox", "its inbox's", "{:.1f} KB")),
        *(Column("kernel", "kernel, both ends", "{:.1f} KB"), Column("opened_in", "opened in", "{:.1f} s")),
    )

    def measure(self, load: Path, running: Running, pace: Pace, window: int) -> Sample:
        options = running.options | {"work": "idle", "rooms": self.layout.rooms, "senders": 0}
        number = self.layout.members - WARM_CONNECTIONS
        many = options | {"connections": number, "first": WARM_CONNECTIONS}
        with Generator(load, options | {"connections": WARM_CONNECTIONS}) as first:
            first.until("ready")
            before, kernel_before = settled_memory(running), processes.kernel_bytes()
            began = time.monotonic()
            with Generator(load, many) as rest:
                rest.until("ready")
                figures = {"opened_in": time.monotonic() - began}
                after = settled_memory(running)
                figures["kilobytes"] = (after - before) / number / 1024
                figures["kernel"] = (processes.kernel_bytes() - kernel_before) / number / 1024
                if running.options["dialect"] == "chat":
                    figures["inbox"] = self._inboxes(load, running, many, after)
                rest.leave()
                return Sample(figures, mistakes(rest.until("report")))

    def _inboxes(self, load: Path, running: Running, options: dict[str, object], before: int) -> float:
        """KB for each second socket of the same people."""
        with Generator(load, options | {"path": "/ws/notifications/", "inbox": 1}) as second:
            second.until("ready")
            return (settled_memory(running) - before) / (self.layout.members - WARM_CONNECTIONS) / 1024


def works(is_quick: bool) -> list[Work]:
    storm, idle = (Layout(220, 20), Layout(550, 50)) if is_quick else (Layout(1020, 20), Layout(5050, 50))
    returning, connections = storm.members - storm.rooms, idle.members - WARM_CONNECTIONS
    room = FanOut("room100", "One room of 100, four post", Layout(100, 1))
    return [
        room,
        FanOut("room500", "One room of 500, four post", Layout(500, 1)),
        FanOut("rooms50", "50 rooms of 10, one posts in each", Layout(500, 50), senders=50),
        Posting("posts1", "Acknowledged durable posts, 50 senders in one room", Layout(50, 1), senders=50),
        Posting("posts50", "Acknowledged durable posts, 50 senders in 50 rooms", Layout(500, 50), senders=50),
        Latency("latency", "From post to arrival at half of the maximum, room of 100", room),
        Storm("storm", f"{returning:,} come back at once, {storm.rooms} rooms", storm),
        Idle("idle", f"{connections:,} idle connections, {idle.rooms} rooms", idle),
    ]
