"""All checks and tests, in order; what `python3 dev.py test` runs in its virtual environment.

`python -m tests.suite` runs everything; with arguments, which go to pytest, the suites only.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import IO, NamedTuple
from xml.etree import ElementTree

from tests.support.servers import MissingError

PYTHON = sys.executable
RESULTS = Path("test-results")
PACKAGES = ("chromium-headless-shell", "chromium")  # Debian's, the cheaper first; each has a program of its name
BROWSERS = (*PACKAGES, "chromium-browser", "google-chrome", "google-chrome-stable")
SITE_VARIABLES = (
    *("ALLOWED_HOSTS", "ALLOW_SEED_LOAD", "BIND", "DATABASE_URL", "DEBUG", "DEMO_PASSWORD", "EMAIL_URL"),
    *("JOBS_ENGINE", "PORT", "RATE_LIMITS", "REDIS_URL", "SECRET_KEY", "SITE_NAME", "TEST_STACK", "VAR_DIR"),
)
STACKS = {"sqlite": "SQLite, one process", "pg": "PostgreSQL, Redis, two processes"}
APART = {  # what starts whole sites and mostly waits for them
    "tests of whole sites": ["tests/access", "tests/backup", "tests/conformance", "tests/crash", "tests/server"],
    "faults": ["tests/faults", "tests/trouble"],
}
LONGEST_FIRST = [
    *(("browser tests", "sqlite"), ("tests of whole sites", "sqlite"), ("tests", "sqlite")),
    *(("tests of whole sites", "pg"), ("tests", "pg"), ("faults", "pg"), ("faults", "sqlite"), ("browser tests", "pg")),
]
AT_ONCE = 3  # suites, on two cores
STAGE_SECONDS = 1800  # what takes longer hangs where pytest's own limit for a test does not reach
NOTHING_COLLECTED = 5  # pytest's exit code
STARTED = time.monotonic()


class Stage(NamedTuple):
    title: str
    command: Sequence[str | Path]
    variables: dict[str, str] = {}
    report: Path | None = None  # pytest's, as JUnit XML


class Outcome:
    """What was counted (passed, failed, skipped) and a line for each failure."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.failures: list[str] = []
        self._lock = Lock()  # stages that run at once count into it

    def count(self, what: str, failure: str = "") -> None:
        with self._lock:
            self.counts[what] += 1
            if failure:
                self.failures.append(f"FAILED {failure}")

    def report(self) -> None:
        print("\n=== Failures" if self.failures else "\n=== No failures", *self.failures, sep="\n")
        numbers = ", ".join(f"{self.counts[what]} {what}" for what in ("passed", "failed", "skipped"))
        print(f"{numbers} in {time.monotonic() - STARTED:.1f}s", flush=True)


def run(arguments: list[str]) -> None:
    """All checks and suites; with arguments only the suites, where some may then be empty."""
    for name in SITE_VARIABLES:
        os.environ.pop(name, None)
    shutil.rmtree(RESULTS, ignore_errors=True)
    RESULTS.mkdir()
    os.environ["CHROMIUM"] = find_chromium()
    outcome = Outcome()
    with tempfile.TemporaryDirectory(prefix="chat-test-") as var:
        os.environ["VAR_DIR"] = var
        keep_bytecode(Path(var))
        run_stage(Stage("translations", [PYTHON, "manage.py", "compile_translations"]), outcome)
        stages = suites(arguments) if arguments else [*checks(), *suites(arguments), types()]
        run_at_once(stages, outcome, may_be_empty=bool(arguments))
    outcome.report()
    sys.exit(1 if outcome.failures else 0)


def keep_bytecode(var: Path) -> None:
    """Also where none is to be written beside the sources, as in many containers: it goes with the run's folder.

    Else each of the hundreds of programs that the tests start would compile all that it imports, which takes as
    long as all the rest of its start.
    """
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
        os.environ["PYTHONPYCACHEPREFIX"] = str(var / "bytecode")


def checks() -> Iterable[Stage]:
    production = {"ALLOWED_HOSTS": "chat.example.org", "SECRET_KEY": os.urandom(32).hex()}
    yield Stage("ruff check", [PYTHON, "-m", "ruff", "check"])
    yield Stage("ruff format", [PYTHON, "-m", "ruff", "format", "--check"])
    yield Stage("import-linter", [Path(PYTHON).with_name("lint-imports")])
    yield Stage("migrations", [PYTHON, "manage.py", "makemigrations", "--check", "--dry-run"])
    deploy = [PYTHON, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    yield Stage("production settings", deploy, production)


def types() -> Stage:
    """Takes a minute where it has no cache; last, it fills what the suites leave of the processors in the end."""
    return Stage("mypy", [PYTHON, "-m", "mypy"])


def suites(arguments: list[str]) -> list[Stage]:
    """The suites on both stacks, those first that take longest, so that none runs alone in the end.

    The browser's tests run apart in any case: synchronous Playwright and pytest-asyncio disturb each other.
    With arguments all others are in one suite.
    """
    kinds: dict[str, Sequence[str]] = {"browser tests": ["--browser=only"], "tests": ["--browser=without"]}
    order = [(kind, stack) for stack in STACKS for kind in kinds]
    if not arguments:
        folders = [folder for folders in APART.values() for folder in folders]
        kinds |= {kind: ["--browser=without", *folders] for kind, folders in APART.items()}
        kinds["tests"] = ["--browser=without", *(f"--ignore={folder}" for folder in folders)]
        order = LONGEST_FIRST
    return [suite(f"{kind} on {STACKS[stack]}", stack, [*kinds[kind], *arguments]) for kind, stack in order]


def suite(title: str, stack: str, arguments: list[str]) -> Stage:
    report = RESULTS / f"{title.partition(',')[0].replace(' ', '-')}.xml"
    command = [PYTHON, "-m", "pytest", "-q", "-o", "junit_family=xunit1", f"--junitxml={report}"]
    return Stage(title, [*command, *arguments], {"TEST_STACK": stack}, report)


def run_at_once(stages: list[Stage], outcome: Outcome, may_be_empty: bool) -> None:
    """Some at a time, in this order, since suites mostly wait: what each prints comes at its end."""

    def run_quietly(stage: Stage) -> None:
        print(f"... {stage.title}", flush=True)
        with tempfile.TemporaryFile("w+") as kept:
            run_stage(stage, outcome, may_be_empty, kept)
            kept.seek(0)
            print(kept.read(), end="", flush=True)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(run_quietly, stages))


def run_stage(stage: Stage, outcome: Outcome, may_be_empty: bool = False, output: IO[str] | None = None) -> None:
    """A check counts where it fails, as one failed test."""
    print(f"\n=== {stage.title}", file=output, flush=True)
    began = time.monotonic()
    code = exit_code(stage, output)
    result = f"{'ok' if code == 0 else f'exit code {code}'} in {time.monotonic() - began:.1f}s"
    print(f"=== {stage.title}: {result}", file=output, flush=True)
    failed = read_report(stage.title, stage.report, outcome) if stage.report and stage.report.exists() else 0
    if code and not failed and not (code == NOTHING_COLLECTED and may_be_empty):
        outcome.count("failed", f"{stage.title}: exit code {code}")


def exit_code(stage: Stage, output: IO[str] | None) -> int:
    variables = {**os.environ, **stage.variables}
    try:
        done = subprocess.run(
            stage.command, env=variables, stdout=output, stderr=output, check=False, timeout=STAGE_SECONDS
        )
    except subprocess.TimeoutExpired:
        return -signal.SIGKILL  # which it got
    return done.returncode


def read_report(title: str, report: Path, outcome: Outcome) -> int:
    """Counts its tests; returns how many failed."""
    failed = 0
    for case in ElementTree.parse(report).iter("testcase"):
        problem = next((part for part in case if part.tag in ("failure", "error")), None)
        if problem is not None:
            message = (problem.get("message") or "").partition("\n")[0][:200]
            outcome.count("failed", f"{title}: {case.get('file')}::{case.get('name')} - {message}")
            failed += 1
        else:
            outcome.count("passed" if case.find("skipped") is None else "skipped")
    return failed


def find_chromium() -> str:
    """The browser's path, or nothing where Playwright has its own."""
    if chosen := os.environ.get("CHROMIUM"):
        if not starts([chosen, "--version"]):
            raise MissingError(f"CHROMIUM: {chosen} does not start")
        return chosen
    if found := browser_on_path():
        return found
    if shutil.which("apt-get") and os.geteuid() == 0:
        print("Installing Chromium with apt-get")
        apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "Acquire::Retries=0", "-qq", "-y"]
        for command in (["update"], *(["install", "--no-install-recommends", name] for name in PACKAGES)):
            try:
                quietly([*apt, *command])
            except MissingError as problem:
                print(str(problem))
            if found := browser_on_path():
                return found
    print("Downloading Chromium with Playwright")
    launch = "from playwright.sync_api import sync_playwright as s\nwith s() as p: p.chromium.launch().close()"
    if starts([PYTHON, "-m", "playwright", "install", "chromium-headless-shell"]) and starts([PYTHON, "-c", launch]):
        return ""
    raise MissingError(
        "No Chromium for the browser tests: apt-get install chromium, or set CHROMIUM to a browser's path"
    )


def chosen_browser() -> str | None:
    """The path for Playwright, which takes its own where there is none."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)


def browser_on_path() -> str | None:
    found = (shutil.which(name) for name in BROWSERS)
    return next((path for path in found if path and starts([path, "--version"])), None)


def quietly(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MissingError(f"{command[-1]}: {done.stderr.strip()}")


def starts(command: Sequence[str]) -> bool:
    """Whether a program runs and ends well."""
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


if __name__ == "__main__":
    try:
        run(sys.argv[1:])
    except MissingError as problem:
        sys.exit(str(problem))
    except KeyboardInterrupt:
        sys.exit(130)
