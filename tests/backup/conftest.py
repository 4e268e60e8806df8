"""Sites to back up and to restore into."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.consumers.conftest import here
from tests.support import servers, stack
from tests.support.sites import Ground, Site


@pytest.fixture(autouse=True)
def programs_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """`pg_dump` lies beside the PostgreSQL that the tests run, wherever that came from."""
    if stack.STACK == "pg":
        monkeypatch.setenv("PATH", str(servers.postgres_programs()), prepend=":")


@pytest.fixture
def make_still_site(ground: Ground, tmp_path: Path) -> Iterator[Callable[[], Site]]:
    """Sites with the cast in their databases, which nobody serves."""
    with ExitStack() as made:

        def make() -> Site:
            folder = tmp_path / f"still-{len(list(tmp_path.iterdir()))}"
            folder.mkdir()
            site = Site(ground, folder)
            made.callback(site.close)
            return site

        yield make


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a backup goes."""
    return tmp_path / "site.backup"


__all__ = ["here"]
