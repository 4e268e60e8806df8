"""A minute of faults on this run's stack, as `dev.py faults` does it: no promise is broken."""

import subprocess
import sys

from tests.support import stack
from tests.support.sites import ROOT

SEEDS = {"sqlite": 11, "pg": 12}
SECONDS = 400  # for a machine that is busy with other tests, too


def test_a_minute_of_faults_breaks_no_promise() -> None:
    command = [sys.executable, "-m", "tests.faults", "--minutes", "1", "--seed", str(SEEDS[stack.STACK])]
    done = subprocess.run(
        [*command, "--stack", stack.STACK], cwd=ROOT, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    assert done.returncode == 0, done.stdout + done.stderr
