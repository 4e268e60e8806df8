"""A real server that the tests of one module share, and plain ways to send it anything."""

import http.client
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.consumers.conftest import here
from tests.support.cast import Person
from tests.support.sites import Ground, Site

__all__ = ["here"]


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    data: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.data)


class Caller:
    """One kept connection to a site, on which anything may be sent."""

    def __init__(self, site: Site) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)

    def send(
        self, method: str, path: str, person: Person, data: bytes | None = None, kind: str = "application/json"
    ) -> Answer:
        """By token under /api/, else by session."""
        headers = person.bearer if path.startswith("/api/") else person.cookie
        try:
            return self._send(method, path, {**headers, "Content-Type": kind}, data)
        except (http.client.HTTPException, ConnectionError):  # the server ended the kept connection
            self.connection.close()
            return self._send(method, path, {**headers, "Content-Type": kind}, data)

    def _send(self, method: str, path: str, headers: dict[str, str], data: bytes | None) -> Answer:
        self.connection.request(method, path, body=data, headers=headers)
        response = self.connection.getresponse()
        return Answer(response.status, dict(response.headers), response.read())


@pytest.fixture(scope="module")
def shared_site(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(ground, tmp_path_factory.mktemp("site"), RATE_LIMITS="off") as site:
        yield site


@pytest.fixture(scope="module")
def caller(shared_site: Site) -> Caller:
    return Caller(shared_site)
