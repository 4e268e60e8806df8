"""Language, time zone, and when somebody was last here."""

import re

import pytest
from allauth.usersessions.models import UserSession
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.utils import timezone

from accounts.middleware import PreferencesMiddleware
from accounts.models import User

LOGIN = "/accounts/login/"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("pt-BR,pt;q=0.9,en;q=0.8", "pt-br"),
        ("pt", "pt-br"),
        ("pt-PT", "pt-br"),
        ("es-MX", "es"),
        ("de,es;q=0.5", "es"),
        ("de", "en"),
        ("", "en"),
        ("*;q=\x00,;;=", "en"),
    ],
)
def test_a_visitor_is_spoken_to_as_the_browser_says(alice: User, client: Client, header: str, language: str) -> None:
    answer = client.get(LOGIN, headers={"Accept-Language": header})
    assert answer["Content-Language"] == language
    assert f'<html lang="{language}"' in answer.content.decode()
    assert "Accept-Language" in answer["Vary"]


def test_a_visitors_choice_at_the_door_wins_over_the_browser(alice: User, client: Client) -> None:
    page = client.get(LOGIN).content.decode()
    action = re.search(r'<form class="languages" method="post" action="([^"]+)"', page).group(1)
    answer = client.post(action, {"language": "es", "next": LOGIN})
    assert answer["Location"] == LOGIN
    assert client.get(LOGIN, headers={"Accept-Language": "pt-BR"})["Content-Language"] == "es"


def test_the_profile_wins_over_both(alice: User, client: Client) -> None:
    User.objects.filter(pk=alice.pk).update(language="pt-br")
    client.force_login(alice)
    client.cookies["django_language"] = "es"
    assert client.get("/settings/")["Content-Language"] == "pt-br"


@pytest.mark.parametrize(
    ("stored", "current"),
    [("Asia/Tokyo", "Asia/Tokyo"), ("", "UTC"), ("Mars/Olympus", "UTC"), ("../etc/passwd", "UTC")],
)
def test_times_are_the_persons_own(alice: User, rf, stored: str, current: str) -> None:
    seen: list[str] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(timezone.get_current_timezone_name())
        return HttpResponse()

    request = rf.get("/")
    request.user = alice
    alice.time_zone = stored
    PreferencesMiddleware(view)(request)
    assert seen == [current]
    assert timezone.get_current_timezone_name() == "UTC"


def test_when_somebody_was_here_is_noted_once_a_minute(alice: User, client: Client) -> None:
    client.force_login(alice)
    client.get("/settings/")
    alice.refresh_from_db()
    first = alice.last_seen_at
    assert first is not None
    client.get("/settings/")
    alice.refresh_from_db()
    assert alice.last_seen_at == first
    cache.clear()
    client.get("/settings/")
    alice.refresh_from_db()
    assert alice.last_seen_at > first
    assert UserSession.objects.get().last_seen_at > first
