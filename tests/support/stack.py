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

_resources = ExitStack()
folder = Path()  # of this run; set before the settings are read


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Generator[None, object, object]:
    """A wrapper runs before pytest-django's own hook, which reads the settings."""
    global folder
    folder = Path(_resources.enter_context(tempfile.TemporaryDirectory(prefix="chat-tests-")))
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
    parser.addoption("--browser", action="store_true", help="run the browser's tests, and only those")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """The browser's tests and the others exclude each other; a path given on the command line decides too."""
    browser = Path(__file__).parent.parent / "browser"
    if is_browser_run(config):
        return None if collection_path.is_relative_to(browser) or browser.is_relative_to(collection_path) else True
    return True if collection_path == browser else None


def is_browser_run(config: pytest.Config) -> bool:
    return bool(config.getoption("browser")) or any("tests/browser" in argument for argument in config.args)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if is_browser_run(config):
        for item in items:
            item.add_marker("browser")
