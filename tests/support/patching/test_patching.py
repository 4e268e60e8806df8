"""The real server takes patches, in each of its processes, and they follow the test's switches."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.patching import Switches, patched
from tests.support.sites import Site

ASKS = "tests.support.patching.asks:answer_switches"
SECONDS = 30


def ask(site: Site) -> dict[str, Any]:
    with urllib.request.urlopen(site.url("/switches"), timeout=10) as response:
        answer: dict[str, Any] = json.load(response)
    return answer


def test_patches_reach_each_serving_process_and_follow_switches(make_site: Callable[..., Site], tmp_path: Path) -> None:
    switches = Switches(tmp_path / "switches")
    site = make_site(workers=2, **patched(ASKS, switches=switches.folder))
    one, other = site.worker_pids()
    switches.set("standing", "for all")
    switches.set("standing", "for one", pid=one)
    switches.set("once", "soon gone")
    answers = [ask(site)]
    deadline = time.monotonic() + SECONDS
    while {answer["pid"] for answer in answers} != {one, other}:
        assert time.monotonic() < deadline, f"only {answers[0]['pid']} of {one, other} answers"
        answers.append(ask(site))
    assert {(answer["pid"], answer["standing"]) for answer in answers} == {(one, "for one"), (other, "for all")}
    assert [answer["once"] for answer in answers] == ["soon gone"] + [None] * (len(answers) - 1)
    assert not switches.is_set("once")
    switches.clear("standing")
    switches.clear("standing", pid=one)
    assert ask(site)["standing"] is None
    said = re.findall(rf"Patched in process (\d+): {ASKS}\n", site.log)
    assert {one, other} <= {int(pid) for pid in said}


def test_a_patch_that_does_not_fit_stops_the_start(make_site: Callable[..., Site]) -> None:
    with pytest.raises(RuntimeError, match="this patch does not fit"):
        make_site(workers=1, **patched("tests.support.patching.asks:fail"))


def test_patches_wait_for_the_module_that_they_name(tmp_path: Path) -> None:
    """And an interpreter's own `sitecustomize` runs as ever."""
    (tmp_path / "sitecustomize.py").write_text("print('own')")
    (tmp_path / "awaited.py").write_text("print('awaited')")
    (tmp_path / "fitting.py").write_text("def patch():\n    import awaited\n    awaited.answer = 42")
    environ = {**os.environ, **patched("fitting:patch@awaited")}
    environ["PYTHONPATH"] += os.pathsep + str(tmp_path)
    program = "print('program'); import awaited; print(awaited.answer)"
    done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["own", "program", "awaited", "42"]
    assert re.fullmatch(r"Patched in process \d+: fitting:patch\n", done.stderr)
