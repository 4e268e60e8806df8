"""Each work of the benchmark, small, on the real site; and the program around it, on the bare server."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench import works
from bench.generator import mistakes
from bench.measuring import Pace, crowd, talk
from bench.servers import Layout, Running
from tests.support.sites import ROOT, Ground, Site, run_python

SMALL, WITH_WARM_ONES = Layout(12, 3), Layout(works.WARM_CONNECTIONS + 10, 2)
PACE = Pace(seconds=0.5, warm_up=0.2, patience=60, windows=(8,))


@pytest.fixture(scope="module")
def running(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Layout], Running]]:
    """The site of this run's stack, as the generator has to know it for a layout."""
    folder = tmp_path_factory.mktemp("bench-site")
    with Site(ground, folder, RATE_LIMITS="off", ALLOW_SEED_LOAD="1") as site:
        run_python(["-m", "bench.seed", str(site.var), str(SMALL), str(WITH_WARM_ONES)], site.environ)
        assert site.process is not None
        pids = [site.process.pid]

        def as_seen_by(layout: Layout) -> Running:
            keys = site.var / str(layout)
            return Running(pids, {"port": site.port, "dialect": "chat", "path": "/ws/chat/", "keys": keys})

        yield as_seen_by


def test_every_member_hears_every_post(load: Path, running: Callable[[Layout], Running]) -> None:
    present = running(SMALL)
    report, cpu = talk(load, present, crowd(present, SMALL, SMALL.rooms, PACE))
    assert mistakes(report) == []
    assert 0 < report["acks"] <= report["posts"] + SMALL.rooms * PACE.windows[0], "besides those under way at the start"
    assert report["heard"] == report["expected"] == report["posted"] * SMALL.members / SMALL.rooms
    assert cpu > 0


def test_each_work_has_all_its_figures(load: Path, running: Callable[[Layout], Running]) -> None:
    room = works.FanOut("room", "", SMALL, senders=3)
    all_works = [
        room,
        works.Posting("posts", "", SMALL, senders=6),
        works.Latency("latency", "", room),
        works.Storm("storm", "", SMALL),
        works.Idle("idle", "", WITH_WARM_ONES),
    ]
    for work in all_works:
        sample = work.measure(load, running(work.layout), PACE, 4)
        assert sample.mistakes == [], work.name
        assert {column.key for column in work.columns} <= set(sample.figures), work.name
        if isinstance(work, works.Storm):
            assert sample.figures["replayed"] == 100


@pytest.mark.one_stack
def test_the_program_prints_a_table_and_keeps_what_it_measured(load: Path, tmp_path: Path) -> None:
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "load").symlink_to(load.parent)
    command = [sys.executable, "-m", "bench", "--quick", "--servers", "limit", "--only", "room100"]
    environ = {**os.environ, "VAR_DIR": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "### One room of 100, four post" in done.stdout
    assert "| C, a write a batch |" in done.stdout
    (kept,) = json.loads((tmp_path / "bench" / "results.json").read_text())
    assert kept["sample"]["figures"]["deliveries"] > 0
    assert kept["sample"]["mistakes"] == []
