"""The site's WebSocket server under the Autobahn test suite.

    python -m tests.conformance --wstest FOLDER/bin/wstest [--cases '1.*' '2.*'] [--report FOLDER]

`wstest` is a Python 2.7 program; with such an interpreter, one gets it by

    python2.7 -m pip install --user 'virtualenv<20.22'
    python2.7 -m virtualenv FOLDER
    FOLDER/bin/pip install autobahntestsuite==0.8.2 'autobahn[twisted]==0.10.9'

It starts `tests/conformance/echo.py` on a database of its own, lets the cases loose on it, prints a table and what
did not pass, and ends with 1 if something failed that should not have. It takes about three minutes.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.support import servers
from tests.support.sites import ROOT, run_python

AGENT = "site"
GROUPS = {
    1: "frames of all lengths",
    2: "pings and pongs",
    3: "reserved bits",
    4: "unknown opcodes",
    5: "fragmentation",
    6: "UTF-8",
    7: "closing",
    9: "sizes up to 16 MiB, and floods",
    10: "automatic fragmentation",
    12: "compression",
    13: "compression's options",
}
PASSED = {"OK", "NON-STRICT", "INFORMATIONAL"}
MEANT_TO_FAIL = {
    "empty binary message: Daphne never sends one": re.compile(r"1\.2\.1|9\.8\.1"),
    "message over the limit of 64 KiB": re.compile(r"9\.[12]\.[2-6]|9\.[3-6]\.\d+"),
}

Case = dict[str, Any]


class Line(NamedTuple):
    """One group of cases: how many of them ended how."""

    passed: int = 0
    non_strict: int = 0
    informational: int = 0
    not_offered: int = 0
    meant_to_fail: int = 0
    failed: int = 0


def main() -> None:
    options = arguments()
    with tempfile.TemporaryDirectory(prefix="chat-conformance-") as folder:
        report = (options.report or Path(folder) / "report").resolve()
        with echo_server(Path(folder)) as url:
            cases = run_cases(options.wstest, options.cases, url, report)
    show(cases)
    sys.exit(1 if any(verdict(name, case) == "failed" for name, case in cases.items()) or not cases else 0)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance")
    parser.add_argument("--wstest", default="wstest", help="the program, where it is not on PATH")
    parser.add_argument("--cases", nargs="+", default=["*"], metavar="PATTERN", help="as Autobahn takes them: 1.*")
    parser.add_argument("--report", type=Path, metavar="FOLDER", help="keep Autobahn's own report, a page a case")
    return parser.parse_args()


@contextmanager
def echo_server(folder: Path) -> Iterator[str]:
    """Gives its address."""
    port = servers.free_port()
    environ = {**os.environ, "VAR_DIR": str(folder / "var"), "PORT": str(port), "DATABASE_URL": "", "REDIS_URL": ""}
    (folder / "var" / "static").mkdir(parents=True)
    run_python(["manage.py", "migrate", "--verbosity=0"], environ)
    command = [sys.executable, "-m", "tests.conformance.echo"]
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True) as process:
        try:
            if not process.stdout or not process.stdout.readline():
                raise RuntimeError("the echo server did not start")
            yield f"ws://127.0.0.1:{port}/"
        finally:
            process.terminate()


def run_cases(wstest: str, patterns: Sequence[str], url: str, report: Path) -> dict[str, Case]:
    """What Autobahn says of each case, by its name (`9.1.2`)."""
    report.mkdir(parents=True, exist_ok=True)
    spec = {
        "outdir": str(report),
        "servers": [{"agent": AGENT, "url": url, "options": {"version": 18}}],
        "cases": list(patterns),
        "exclude-cases": [],
        "exclude-agent-cases": {},
    }
    path = report / "spec.json"
    path.write_text(json.dumps(spec))
    print("Running the cases; all of them take about three minutes", flush=True)
    subprocess.run([wstest, "-m", "fuzzingclient", "-s", str(path)], check=True, capture_output=True)
    cases: dict[str, Case] = json.loads((report / "index.json").read_text()).get(AGENT, {})
    return cases


def verdict(name: str, case: Case) -> str:
    """The field of `Line` under which a case counts."""
    if case["behavior"] == "UNIMPLEMENTED":
        return "not_offered"
    if case["behavior"] in PASSED and case["behaviorClose"] in PASSED:
        return {"OK": "passed", "NON-STRICT": "non_strict", "INFORMATIONAL": "informational"}[case["behavior"]]
    return "meant_to_fail" if reason(name) else "failed"


def reason(name: str) -> str | None:
    """Why a case may fail; None where it may not."""
    return next((why for why, names in MEANT_TO_FAIL.items() if names.fullmatch(name)), None)


def show(cases: dict[str, Case]) -> None:
    counts = Counter((int(name.partition(".")[0]), verdict(name, case)) for name, case in cases.items())
    print("\n| group | " + " | ".join(field.replace("_", " ") for field in Line._fields) + " |")
    print("| --- |" + " ---: |" * len(Line._fields))
    for group, title in GROUPS.items():
        line = Line(*(counts[group, field] for field in Line._fields))
        if sum(line):
            print(f"| {group}: {title} | " + " | ".join(str(number or "") for number in line) + " |")
    for name, case in cases.items():
        if (how := verdict(name, case)) in ("failed", "meant_to_fail", "non_strict"):
            why = reason(name) if how == "meant_to_fail" else how.replace("_", " ")
            print(f"{name}: {case['behavior']}, closing {case['behaviorClose']} ({case['remoteCloseCode']}): {why}")


if __name__ == "__main__":
    main()
