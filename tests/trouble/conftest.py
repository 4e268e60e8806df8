"""Sites whose servers a test may stop, and people who go on posting meanwhile."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import servers
from tests.support.cast import Person
from tests.support.sites import Ground, Site, run_python


@pytest.fixture(scope="module")
def postgres() -> Iterator[servers.Server]:
    """A server of the module's own that keeps what it has committed, however it is ended."""
    with servers.postgres_server(durable=True) as server:
        yield server


@pytest.fixture(scope="module")
def site_on_postgres(
    ground: Ground, postgres: servers.Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """Two processes, with a Redis and a PostgreSQL of their own."""
    site = Site(ground, tmp_path_factory.mktemp("site"), DATABASE_URL=postgres.url, RATE_LIMITS="off")
    site.manage("migrate", "--verbosity=0")
    cast = json.loads(run_python(["-m", "tests.support.cast"], site.environ))
    site.people = {name: Person(*values) for name, values in cast["people"].items()}
    site.room = cast["room"]
    with site:
        yield site


@pytest.fixture
def quiet_site(make_site: Callable[..., Site]) -> Site:
    """The stack's usual site, without limits on how fast one may post."""
    return make_site(RATE_LIMITS="off")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path
