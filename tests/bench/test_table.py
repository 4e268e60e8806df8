"""What becomes of the rounds: medians, spread, ratios, and nothing that went wrong left unsaid."""

from pathlib import Path

import pytest

from bench.rounds import Bench, Measurement
from bench.servers import Layout, peers
from bench.table import Row, markdown
from bench.works import FanOut, Sample
from bench.workshop import Workshop
from tests.bench.test_works import PACE

pytestmark = pytest.mark.one_stack

SERVERS = {server.name: server for server in peers(Workshop(Path()))}
ROOM = FanOut("room", "A room", Layout(2, 1))


def row(name: str, *deliveries: float, mistakes: tuple[str, ...] = (), generator: float = 10) -> Row:
    figures = {"generator": generator, "window": 4.0}
    return Row(SERVERS[name], [Sample(figures | {"deliveries": each}, list(mistakes)) for each in deliveries])


def cells(table: str, title: str) -> dict[str, str]:
    """The cells of one server, by their column's title."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if "|" in line]
    return dict(zip(lines[0], next(line for line in lines if line[0] == title), strict=True))


def test_it_tells_medians_and_ratios_of_them() -> None:
    table = markdown(
        ROOM, [row("tutorial", 90, 100, 500), row("socketio", 1000, 800, 900), row("ws", 2700, 1800, 1900)]
    )
    shown = cells(table, "ws, prepared frames")
    assert shown["deliveries/s"] == "1,900"
    assert shown["spread"] == "47 %"
    assert shown["× tutorial"] == "19.00"
    assert shown["× Socket.IO"] == "2.11"
    assert shown["remarks"] == "stores nothing"


def test_it_leaves_out_ratios_to_whom_was_not_measured() -> None:
    shown = cells(markdown(ROOM, [row("ws", 5), row("socketio", 10)]), "ws, prepared frames")
    assert "× tutorial" not in shown
    assert shown["× Socket.IO"] == "0.50"


def test_it_says_what_went_wrong_and_when_the_generator_was_the_limit() -> None:
    rows = [
        row("ws", 5, 6, mistakes=("3 deliveries lost",), generator=97),
        Row(SERVERS["limit"], [Sample({}, ["no!"])]),
    ]
    table = markdown(ROOM, rows)
    said = cells(table, "ws, prepared frames")["remarks"]
    assert said == "stores nothing; the generator was the limit; 3 deliveries lost"
    shown = cells(table, "C, a write a batch")
    assert shown["deliveries/s"] == "–"
    assert shown["remarks"] == "stores nothing; no!"


def test_a_mistake_counts_in_whichever_round_it_was() -> None:
    run = Bench(Path(), [SERVERS["ws"]], PACE)
    run.measurements.append(Measurement("room", "ws", 0, Sample({}, ["3 deliveries lost"])))
    assert run.has_failed(SERVERS["ws"])
    assert not run.has_failed(SERVERS["limit"])
