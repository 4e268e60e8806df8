"""Sites whose servers a test may stop, and people who go on posting meanwhile."""

import subprocess
from collections.abc import Callable, Iterator

import pytest

from tests.support import servers
from tests.support.sites import Ground, Site


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
    programs = servers.postgres_programs()
    dump = [programs / "pg_dump", "--no-owner", ground.environ["DATABASE_URL"]]
    schema_and_cast = subprocess.run(dump, capture_output=True, check=True).stdout
    psql = [programs / "psql", "--quiet", "--set=ON_ERROR_STOP=1", postgres.url]
    subprocess.run(psql, input=schema_and_cast, stdout=subprocess.DEVNULL, check=True)
    site = Site(ground, tmp_path_factory.mktemp("site"), DATABASE_URL=postgres.url, RATE_LIMITS="off")
    with site:
        yield site


@pytest.fixture
def quiet_site(make_site: Callable[..., Site]) -> Site:
    """The stack's usual site, without limits on how fast one may post."""
    return make_site(RATE_LIMITS="off")
