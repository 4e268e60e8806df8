"""Who somebody is, by a session or by a token, and whether that still holds."""

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from importlib import import_module
from typing import Protocol

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.models import Session
from django.db.models import Exists, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts import tokens
from accounts.models import AccessToken, User
from chatsite.realtime.identity import Identity, IdentityLostError

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


def confirmed(identity: Identity) -> User:
    """Who that still is, in one query. Raises IdentityLostError.

    Call it inside the transaction that writes: then what begins after a sign-out's commit
    is refused, in whichever process.
    """
    people = User.objects.filter(pk=identity.user_id, password=identity.stamp, is_active=True)
    if identity.session_key is not None:
        people = people.filter(Exists(_living_sessions({identity.session_key})))
    if identity.token_id is not None:
        people = people.filter(Exists(_living_tokens({identity.token_id})))
    if (user := people.first()) is None:
        raise IdentityLostError
    return user


def lost(identities: Collection[Identity]) -> set[Identity]:
    """Those that hold no longer: signed out, expired, revoked, deactivated, password changed."""
    everybody = list(identities)
    chunks = (everybody[start : start + LOST_CHUNK] for start in range(0, len(everybody), LOST_CHUNK))
    return set().union(*map(_lost_of, chunks))


def _lost_of(identities: Sequence[Identity]) -> set[Identity]:
    people = User.objects.only("password", "is_active").in_bulk({identity.user_id for identity in identities})
    keys = {identity.session_key for identity in identities if identity.session_key is not None}
    ids = {identity.token_id for identity in identities if identity.token_id is not None}
    sessions = set(_living_sessions(keys).values_list("pk", flat=True)) if keys else set()
    living_tokens = set(_living_tokens(ids).values_list("pk", flat=True)) if ids else set()
    return lost_among(identities, people, sessions, living_tokens)


class Account(Protocol):
    """What of a person's row decides whether an identity of theirs holds."""

    @property
    def is_active(self) -> bool: ...
    @property
    def password(self) -> str: ...


def lost_among(
    identities: Iterable[Identity], people: Mapping[int, Account], sessions: Set[str], living_tokens: Set[int]
) -> set[Identity]:
    """As `lost`, for whom everything was read already: people by id, and which sessions and tokens live."""
    return {
        identity
        for identity in identities
        if (user := people.get(identity.user_id)) is None
        or not user.is_active
        or user.password != identity.stamp
        or (identity.session_key is not None and identity.session_key not in sessions)
        or (identity.token_id is not None and identity.token_id not in living_tokens)
    }


def _living_sessions(keys: Collection[str]) -> QuerySet[Session]:
    return Session.objects.filter(pk__in=keys, expire_date__gt=timezone.now())


def _living_tokens(ids: Collection[int]) -> QuerySet[AccessToken]:
    return AccessToken.objects.valid().filter(pk__in=ids)
