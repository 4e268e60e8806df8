"""Per person: language, time zone, when they were last here. And the way to the first administrator."""

import zoneinfo
from collections.abc import Callable

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers

from accounts.models import User
from chatsite.realtime.outages import courtesy

ACTIVITY_SECONDS = 60

GetResponse = Callable[[HttpRequest], HttpResponse]


class PreferencesMiddleware:
    """Speaks the person's language and counts in their time zone.

    Language: the profile's, else the one chosen at the door (a cookie), else the
    browser's first that we have. Time zone: the profile's, else the site's.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user if isinstance(request.user, User) else None
        language = (user.language if user else "") or translation.get_language_from_request(request)
        zone = zone_or_none(user.time_zone) if user else None
        with translation.override(language), timezone.override(zone or timezone.get_default_timezone()):
            request.LANGUAGE_CODE = language
            response = self.get_response(request)
        patch_vary_headers(response, ("Accept-Language",))
        response.headers.setdefault("Content-Language", language)
        return response


def zone_or_none(name: str) -> zoneinfo.ZoneInfo | None:
    """The zone of that name; None for none and for one that this machine does not know."""
    try:
        return zoneinfo.ZoneInfo(name) if name else None
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return None


class ActivityMiddleware:
    """Notes when a person and each of their sessions was last here: once a minute, not at every request."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user, key = request.user, request.session.session_key
        if isinstance(user, User) and key and cache.add(f"activity:{key}", True, ACTIVITY_SECONDS):
            with courtesy("somebody's last visit"):
                UserSession.objects.create_from_request(request)
                User.objects.filter(pk=user.pk).update(last_seen_at=timezone.now())
        return self.get_response(request)


class FirstRunMiddleware:
    """Leads every page to the first-run page while nobody has an account.

    That somebody has one is remembered for good: afterwards this costs nothing.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.has_people = False

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if self.has_people or _open_before_first_run(request.path):
            return self.get_response(request)
        self.has_people = User.objects.exists()
        if self.has_people:
            return self.get_response(request)
        return redirect("welcome")


def _open_before_first_run(path: str) -> bool:
    """What the first-run page itself needs, and what watches the server."""
    return path.startswith((reverse("welcome"), settings.STATIC_URL, "/i18n/", "/healthz", "/readyz", "/metrics"))
