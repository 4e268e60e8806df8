"""The first run: somebody has to be first, and nobody can be it twice."""

import threading

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth import get_user
from django.db import connections
from django.test import Client

from accounts import services
from accounts.models import User
from tests.support.cast import PASSWORD

FORM = {"display_name": "Ada Admin", "username": "ada", "email": "Ada@Example.org", "password": PASSWORD}


@pytest.mark.django_db
class TestWelcome:
    @pytest.mark.parametrize("page", ["/", "/settings/", "/accounts/login/", "/admin/", "/nowhere/"])
    def test_every_page_leads_there(self, client: Client, page: str) -> None:
        assert client.get(page)["Location"] == "/welcome/"

    def test_what_watches_the_server_does_not(self, client: Client) -> None:
        assert client.get("/healthz").status_code == 200

    def test_the_first_becomes_administrator_and_is_signed_in(self, client: Client) -> None:
        answer = client.post("/welcome/", {**FORM, "time_zone": "Europe/Lisbon"})
        assert answer["Location"] == "/"
        ada = User.objects.get()
        assert ada.is_superuser
        assert (ada.name, ada.time_zone) == ("Ada Admin", "Europe/Lisbon")
        assert EmailAddress.objects.get(user=ada, email="ada@example.org").verified
        assert get_user(client) == ada

    def test_afterwards_the_page_is_gone(self, client: Client) -> None:
        client.post("/welcome/", FORM)
        for visitor in (client, Client()):
            assert visitor.get("/welcome/").status_code == 404
            assert visitor.post("/welcome/", {**FORM, "username": "eve"}).status_code == 404
        assert User.objects.count() == 1

    def test_that_somebody_is_there_is_asked_once(self, client: Client, django_assert_num_queries) -> None:
        client.post("/welcome/", FORM)
        client.logout()
        client.get("/accounts/login/")
        with django_assert_num_queries(0):
            client.get("/healthz")
            client.get("/nowhere/")

    @pytest.mark.parametrize(
        ("field", "value", "words"),
        [
            ("password", "short", "too short"),
            ("password", "ada@example.org", "too similar"),
            ("username", "ada lovelace", "A user name is made of letters"),
            ("email", "ada", "valid email address"),
            ("username", "", "Fill this in."),
        ],
    )
    def test_what_is_wrong_is_said(self, client: Client, field: str, value: str, words: str) -> None:
        answer = client.post("/welcome/", {**FORM, field: value})
        assert words in answer.content.decode()
        assert not User.objects.exists()

    def test_an_unknown_time_zone_is_dropped(self, client: Client) -> None:
        client.post("/welcome/", {**FORM, "time_zone": "Mars/Olympus"})
        assert User.objects.get().time_zone == ""


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_wins() -> None:
    start = threading.Barrier(2)
    outcomes: list[str] = []

    def run(name: str) -> None:
        start.wait()
        try:
            services.create_first_administrator(User(username=name, email=f"{name}@example.org"), PASSWORD)
            outcomes.append("won")
        except services.AlreadyStartedError:
            outcomes.append("late")
        finally:
            connections.close_all()

    runners = [threading.Thread(target=run, args=(name,)) for name in ("ada", "eve")]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join()
    assert sorted(outcomes) == ["late", "won"]
    assert User.objects.count() == 1
