"""Who somebody is, by a session or by a token, and whether that still holds."""

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from importlib import import_module
from itertools import chain
from typing import Any, Literal, NamedTuple, Protocol

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.db.models import Exists, QuerySet
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts import tokens
from accounts.models import AccessToken, User
from chatsite.realtime.identity import Identity, IdentityLostError

LOST_CHUNK = 500  # SQLite takes no more than 999 parameters in its older builds


class Credential(NamedTuple):
    """What somebody shows at the door: the key of a browser's session or of a program's token."""

    kind: Literal["session", "token"]
    key: str


def identify(credentials: Sequence[Credential]) -> list[Identity | None]:
    """Whose credentials these are, if anybody's; read together, however many they are."""
    sessions = by_sessions({credential.key for credential in credentials if credential.kind == "session"})
    programs = by_keys({credential.key for credential in credentials if credential.kind == "token"})
    return [(sessions if kind == "session" else programs).get(key) for kind, key in credentials]


def by_sessions(keys: Collection[str]) -> dict[str, Identity]:
    """The identities of browsers' sessions: unexpired, their person active, their password unchanged."""
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    rows = _living_sessions([key for key in keys if key.isascii() and key.isalnum()]) if keys else []
    contents = {row.session_key: store.decode(row.session_data) for row in rows}
    people = User.objects.in_bulk([int(signed[SESSION_KEY]) for signed in contents.values() if SESSION_KEY in signed])
    return {
        key: of_session(user, key)
        for key, signed in contents.items()
        if (user := people.get(int(signed.get(SESSION_KEY, 0)))) is not None and _is_signed_in(user, signed)
    }


def _is_signed_in(user: User, signed: Mapping[str, Any]) -> bool:
    """As Django's `get_user` judges a session's content, which reads one at a time."""
    if not user.is_active or signed.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return False
    stored = signed.get(HASH_SESSION_KEY, "")
    valid = chain([user.get_session_auth_hash()], user.get_session_auth_fallback_hash())
    return any(constant_time_compare(stored, one) for one in valid)


def of_session(user: User, session_key: str | None) -> Identity:
    return Identity(user.pk, session_key, None, user.password, language=user.language)


def by_keys(keys: Collection[str]) -> dict[str, Identity]:
    """The identities of programs' keys."""
    return {key: of_token(token) for key, token in tokens.find_all(keys).items()} if keys else {}


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
    rows = User.objects.filter(pk__in={identity.user_id for identity in identities})
    people = {row.pk: row for row in rows.values_list("pk", "password", "is_active", named=True)}
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
