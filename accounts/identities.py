"""Who somebody is, by a session or by a token, and whether that still holds."""

from collections.abc import Collection, Sequence
from importlib import import_module

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.utils import timezone

from accounts import tokens
from accounts.models import AccessToken, User
from chatsite.realtime.identity import Identity

LOST_CHUNK = 500  # SQLite takes no more than 999 parameters in its older builds


def by_session(session_key: str) -> Identity | None:
    """The identity of a browser's session: unexpired, its person active, its password unchanged."""
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = get_user(request)
    return of_session(user, request.session.session_key) if isinstance(user, User) else None


def of_session(user: User, session_key: str | None) -> Identity:
    return Identity(user.pk, session_key, None, user.password, language=user.language)


def by_key(key: str) -> Identity | None:
    """The identity of a program's key."""
    token = tokens.find(key)
    return of_token(token) if token is not None else None


def of_token(token: AccessToken) -> Identity:
    user = token.user
    return Identity(user.pk, None, token.pk, user.password, frozenset(token.scopes), user.language)


def lost(identities: Collection[Identity]) -> set[Identity]:
    """Those that hold no longer: signed out, expired, revoked, deactivated, password changed."""
    everybody = list(identities)
    chunks = (everybody[start : start + LOST_CHUNK] for start in range(0, len(everybody), LOST_CHUNK))
    return set().union(*map(_lost_of, chunks))


def _lost_of(identities: Sequence[Identity]) -> set[Identity]:
    sessions = _living_sessions({identity.session_key for identity in identities} - {None})
    living_tokens = _living_tokens({identity.token_id for identity in identities} - {None})
    people = User.objects.filter(pk__in={identity.user_id for identity in identities}, is_active=True)
    stamps = dict(people.values_list("pk", "password"))
    return {
        identity
        for identity in identities
        if stamps.get(identity.user_id) != identity.stamp
        or (identity.session_key is not None and identity.session_key not in sessions)
        or (identity.token_id is not None and identity.token_id not in living_tokens)
    }


def _living_sessions(keys: set[str | None]) -> set[str]:
    if not keys:
        return set()
    living = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    return set(living.values_list("session_key", flat=True))


def _living_tokens(ids: set[int | None]) -> set[int]:
    return set(AccessToken.objects.valid().filter(pk__in=ids).values_list("pk", flat=True)) if ids else set()
