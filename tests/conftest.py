"""Fixtures for everybody: the cast, their room, and the real server."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.core.cache import cache
from django.test import override_settings

from accounts.models import User
from chat.models import Room
from chatsite.realtime import ratelimits
from tests.support import cast, stack
from tests.support.sites import Ground, Site

PLAIN_STATIC_FILES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}


@pytest.fixture(autouse=True, scope="session")
def test_settings() -> Iterator[None]:
    """Pages render without collected files, and passwords are hashed fast."""
    hashers = [f"{cast.CheapHasher.__module__}.{cast.CheapHasher.__qualname__}"]
    with override_settings(PASSWORD_HASHERS=hashers, STORAGES=PLAIN_STATIC_FILES):
        yield


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """The test database goes with the folder or the server that it is in; threads may still be connected to it."""
    return True


@pytest.fixture(autouse=True)
def fresh_cache() -> None:
    """Rate limits count from nothing in each test."""
    cache.clear()
    ratelimits.forget_all()


@pytest.fixture
def alice(db: None) -> User:
    """Owns the room."""
    return cast.make_user("alice")


@pytest.fixture
def bob(db: None) -> User:
    """A member of the room."""
    return cast.make_user("bob")


@pytest.fixture
def charlie(db: None) -> User:
    """An outsider."""
    return cast.make_user("charlie")


@pytest.fixture
def dina(room: Room) -> User:
    """A moderator of the room."""
    dina = cast.make_user("dina")
    cast.add_member(room, dina, "moderator")
    return dina


@pytest.fixture
def admin(db: None) -> User:
    """The site's administrator, in no room."""
    return cast.make_user("admin", is_staff=True, is_superuser=True)


@pytest.fixture
def room(alice: User, bob: User) -> Room:
    """Private: Alice owns it, Bob is a member."""
    return cast.make_room("green-room", alice, [bob])


@pytest.fixture
def public_room(alice: User, bob: User) -> Room:
    return cast.make_room("lobby", alice, [bob], kind=Room.Kind.PUBLIC)


@pytest.fixture(scope="session")
def ground() -> Ground:
    return Ground(stack.folder)


@pytest.fixture
def make_site(ground: Ground, tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """`make_site(workers=2, RATE_LIMITS="off")`: the real server; ended with the test."""
    with ExitStack() as running:

        def make(workers: int = 0, **variables: str) -> Site:
            folder = tmp_path / f"site-{len(list(tmp_path.iterdir()))}"
            folder.mkdir()
            return running.enter_context(Site(ground, folder, workers, **variables))

        yield make


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    """The real server of this run's stack, with the cast of `tests/support/cast.py` in its database."""
    return make_site()


@pytest.fixture(scope="module")
def shared_site(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """As `site`, for a whole module of tests that neither stop it nor count what is in it."""
    with Site(ground, tmp_path_factory.mktemp("site")) as site:
        yield site
