"""A room's page, and the same as data for a page that is open already."""

import pytest
from django.test import Client

from accounts.models import User
from chat.models import Room

JSON = {"accept": "application/json"}


@pytest.fixture
def address(room: Room) -> str:
    return f"/rooms/{room.slug}/"


def test_who_asks_for_data_gets_the_pages_data(client: Client, bob: User, room: Room, address: str) -> None:
    client.force_login(bob)
    answer = client.get(address, headers=JSON)
    assert answer["Content-Type"] == "application/json"
    assert answer.json()["room"]["id"] == room.pk
    assert {"me", "room", "head", "epoch", "messages", "quoted", "has_more"} <= set(answer.json())
    assert f'"slug": "{room.slug}"' in client.get(address).text


def test_no_cache_takes_one_for_the_other(client: Client, bob: User, address: str) -> None:
    client.force_login(bob)
    data, page = client.get(address, headers=JSON), client.get(address)
    assert "Accept" in data["Vary"]
    assert "Accept" in page["Vary"]
    assert data["Cache-Control"] == "no-store"


@pytest.mark.parametrize("accept", ["*/*", "text/html,application/xhtml+xml,*/*;q=0.8", ""])
def test_everybody_else_gets_the_page(client: Client, bob: User, address: str, accept: str) -> None:
    client.force_login(bob)
    assert client.get(address, headers={"accept": accept})["Content-Type"].startswith("text/html")


def test_outsiders_get_neither(client: Client, charlie: User, address: str) -> None:
    client.force_login(charlie)
    assert client.get(address, headers=JSON).status_code == 404
    client.logout()
    assert client.get(address, headers=JSON).status_code == 302


def test_pages_come_compressed(client: Client, bob: User, address: str) -> None:
    client.force_login(bob)
    assert client.get(address, headers={"accept-encoding": "gzip"})["Content-Encoding"] == "gzip"
