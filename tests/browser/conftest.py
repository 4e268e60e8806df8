"""A real browser and the real site: people with windows of their own, whose pages may not complain."""

import itertools
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.people import Complaints, Someone
from tests.browser.windows import TIMEOUT_MS, Windows
from tests.suite import RESULTS, chosen_browser
from tests.support import stack
from tests.support.sites import Ground, Site

# The address bar of each window has two hidden pages of its own, which cost more than the test's. Of several such
# lists the last one counts, so what Playwright switches off is in it, too.
FEATURES_OFF = [
    *("WebUIOmniboxPopup", "WebUIOmniboxAimPopup"),
    *("AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades"),
    *(
        "HttpsFirstBalancedModeAutoEnable",
        "LensOverlay",
        "MediaRouter",
        "PaintHolding",
        "ThirdPartyStoragePartitioning",
    ),
    *("AvoidCorsURLLoaderRestartOnRedirect", "TcpPortRandomizationWin", "OptimizationHints"),
    *("NetworkTimeServiceQuerying", "AimEnabled", "PreconnectToSearch"),
]
FLAGS = [
    *("--no-sandbox", "--disable-dev-shm-usage"),  # containers offer neither namespaces nor much /dev/shm
    f"--disable-features={','.join(FEATURES_OFF)}",
]
BOTH_STACKS = "both_stacks"
TWO_PROCESSES = "two_processes"
NUMBERS = itertools.count(1)
FAILED = pytest.StashKey[bool]()
REPORT = pytest.StashKey[list[str]]()

Enter = Callable[..., Someone]
Room = dict[str, Any]
Rooms = tuple[Room, Room]
MakeRoom = Callable[..., Room]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chosen_browser(), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One for all tests of a module; each makes what it needs. Mail lands in its folder."""
    with Site(ground, tmp_path_factory.mktemp("site"), RATE_LIMITS="off", EMAIL_URL="file://") as site:
        yield site


@pytest.fixture(scope="module")
def windows(browser: Browser) -> Iterator[Windows]:
    windows = Windows(browser)
    yield windows
    windows.close()


@pytest.fixture
def complaints() -> Complaints:
    return Complaints()


@pytest.fixture
def person(windows: Windows, site: Site, complaints: Complaints, request: pytest.FixtureRequest) -> Iterator[Enter]:
    """`person("alice", color_scheme="dark")`: Alice at a window of her own, signed in; without a name nobody is.

    With `alone=True` at a browser that nobody had before; the rest are options of Playwright's `new_context`.
    The test fails where a page complained; a failed test leaves pictures and the server's log in test-results/.
    """
    people: list[Someone] = []
    with ExitStack() as lent:

        def enter(name: str = "", at: Site = site, alone: bool = False, **options: Any) -> Someone:
            options = {"base_url": at.origin, "reduced_motion": "reduce", **options}
            context = lent.enter_context(windows.lend(name, alone, **options))
            people.append(lent.enter_context(Someone.at(context, at, name, complaints)))
            return people[-1]

        yield enter
        if request.node.stash.get(FAILED, False):
            keep_evidence(request.node.name, people)
    complaints.expect_none()


@pytest.fixture
def make_room(site: Site, request: pytest.FixtureRequest) -> MakeRoom:
    """`make_room("alice", "bob", kind="public")`: a room of the first with the others in it, named after the test."""

    def make(owner: str, *members: str, kind: str = "private", name: str = "") -> dict[str, Any]:
        name = name or re.sub(r"\W+|_", " ", request.node.name.removeprefix("test_"))[:56].strip()
        return new_room(site, owner, *members, kind=kind, name=name)

    return make


def new_room(site: Site, owner: str, *members: str, kind: str = "private", name: str) -> dict[str, Any]:
    ids = [site.people[member].id for member in members]
    status, room = site.call("POST", "/api/rooms", site.people[owner], {"name": name, "kind": kind, "members": ids})
    assert status == 201, room
    return dict(room)


@pytest.fixture
def room(make_room: MakeRoom) -> dict[str, Any]:
    """Alice's, with Bob in it; private, and nobody has written there."""
    return make_room("alice", "bob")


@pytest.fixture
def rooms(make_room: MakeRoom) -> Rooms:
    """Harbour and Quarterdeck, Alice's, with Bob in them; numbered, for there is one of each in every test."""
    number = next(NUMBERS)
    return tuple(make_room("alice", "bob", name=f"{name} {number}") for name in ("Harbour", "Quarterdeck"))  # type: ignore[return-value]


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """`report("median 12 ms")`: a line at the end of the run."""
    lines: list[str] = request.config.stash.setdefault(REPORT, [])
    return lines.append


def keep_evidence(test: str, people: list[Someone]) -> None:
    RESULTS.mkdir(exist_ok=True)
    name = re.sub(r"[^\w-]+", "-", test)
    pages = [page for someone in people for page in someone.context.pages if page.url != "about:blank"]
    for number, page in enumerate(pages):
        page.screenshot(path=RESULTS / f"{name}-{number}.png")
    for number, site in enumerate({someone.site.port: someone.site for someone in people}.values()):
        (RESULTS / f"{name}-{number}.log").write_text(site.log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    outcome = yield
    if outcome.when == "call":
        item.stash[FAILED] = outcome.failed
    return outcome


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{BOTH_STACKS}: runs on PostgreSQL and Redis, too")
    config.addinivalue_line("markers", f"{TWO_PROCESSES}: runs there only")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Pages are the same on both stacks: on the second only what two processes could break (`-m browser`: all)."""
    chosen = [item for item in items if runs_here(item, everything=bool(config.option.markexpr))]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen


def runs_here(item: pytest.Item, everything: bool) -> bool:
    if not item.path.is_relative_to(Path(__file__).parent):
        return True  # pytest hands over all that it collected, not this folder's alone
    needs_two = item.get_closest_marker(TWO_PROCESSES) is not None
    if stack.STACK == "sqlite":
        return not needs_two
    return everything or needs_two or item.get_closest_marker(BOTH_STACKS) is not None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash.get(REPORT, []):
        terminalreporter.write_line(line)
