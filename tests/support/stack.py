"""What the tests run on; a pytest plugin that is loaded before Django's settings are.

`TEST_STACK` chooses: `sqlite` (the default; nothing beside this process) or `pg`
(PostgreSQL and Redis, started for this run). Everything written goes to a folder that
is removed at the end.
"""

import os
import tempfile
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support import servers

STACK = os.environ.get("TEST_STACK") or "sqlite"
OWN_VARIABLES = ("ALLOWED_HOSTS", "BIND", "DEBUG", "EMAIL_URL", "JOBS_ENGINE", "PORT", "RATE_LIMITS", "SECRET_KEY")
TESTS = Path(__file__).resolve().parent.parent
THE_SAME_ON_BOTH = (  # beginnings of paths: what no other database, process or Redis could break
    *(
        "conformance/",
        "contracts/test_permissions",
        "contracts/test_protocol",
        "support/",
        "unit/accounts/",
        "unit/pages/",
        "unit/test_",
        "test_house_",
    ),
    *("server/test_crowds", "server/test_endings", "server/test_incoming"),
    *("faults/test_checker", "faults/test_client", "faults/test_mutants", "faults/test_proxy"),
    *("backup/test_archive", "backup/test_killed"),
)

_resources = ExitStack()
folder = Path()  # of this run; set before the settings are read


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Generator[None, object, object]:
    """A wrapper runs before pytest-django's own hook, which reads the settings."""
    global folder
    folder = Path(_resources.enter_context(tempfile.TemporaryDirectory(prefix="chat-tests-")))
    (folder / "var" / "static").mkdir(parents=True)
    for name in OWN_VARIABLES:
        os.environ.pop(name, None)
    os.environ.update(VAR_DIR=str(folder / "var"), DATABASE_URL="", REDIS_URL="")
    if STACK == "pg":
        os.environ.update(servers_of_this_run())
    elif STACK != "sqlite":
        raise pytest.UsageError(f"TEST_STACK: must be sqlite or pg, not {STACK!r}")
    return (yield)


def servers_of_this_run() -> dict[str, str]:
    try:
        return {
            "DATABASE_URL": _resources.enter_context(servers.postgres()),
            "REDIS_URL": _resources.enter_context(servers.redis()),
        }
    except servers.MissingError as problem:
        raise pytest.UsageError(str(problem)) from None


def pytest_unconfigure() -> None:
    _resources.close()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--browser", choices=["only", "without"], help="whether the browser's tests run, and then alone")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Never both kinds in one process; a path given on the command line decides where the option does not.

    On the second stack only what it could break.
    """
    browser = TESTS / "browser"
    named = any("tests/browser" in argument for argument in config.args)
    wanted = (config.getoption("browser") or ("only" if named else "without")) == "only"
    for item in items:
        if item.path.is_relative_to(browser):
            item.add_marker("browser")
    once = STACK == "pg" and not config.option.markexpr
    chosen: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        fits = item.path.is_relative_to(browser) is wanted and not (once and is_for_one_stack(item))
        (chosen if fits else left_out).append(item)
    items[:] = chosen
    config.hook.pytest_deselected(items=left_out)


def is_for_one_stack(item: pytest.Item) -> bool:
    path = str(item.path.relative_to(TESTS))
    return path.startswith(THE_SAME_ON_BOTH) or item.get_closest_marker("one_stack") is not None
