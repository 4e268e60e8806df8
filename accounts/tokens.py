"""Access tokens: made, found and revoked. A key is known only to who made it."""

import hashlib
import secrets
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import AccessToken, Scope, User
from chatsite.realtime.announce import doubt_identities
from chatsite.realtime.outages import courtesy

KEY_PREFIX = "chat_"  # lets secret scanners know a key when they see one
KEY_BYTES = 32
HINT_CHARACTERS = 12
LAST_USED_PRECISION = timedelta(minutes=1)


def create(user: User, name: str, scopes: Iterable[str], expires_at: datetime | None = None) -> tuple[AccessToken, str]:
    """A new token and its key, which nobody can read again. Raises ValueError for an unknown scope."""
    key = new_key()
    token = AccessToken.objects.create(
        user=user,
        name=name,
        digest=digest_of(key),
        hint=key[:HINT_CHARACTERS],
        scopes=sorted(Scope(scope).value for scope in set(scopes)),
        expires_at=expires_at,
    )
    return token, key


def new_key() -> str:
    return KEY_PREFIX + secrets.token_urlsafe(KEY_BYTES)


def digest_of(key: str) -> str:
    """SHA-256 suffices, unlike for a password: a key is random and long."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()


def find(key: str) -> AccessToken | None:
    """The valid token of that key, with its user; notes that it was used."""
    return find_all([key]).get(key)


def find_all(keys: Collection[str]) -> dict[str, AccessToken]:
    """The valid tokens of those keys that have one, with their users; notes that they were used."""
    digests = {key: digest_of(key) for key in keys}
    valid = AccessToken.objects.valid().select_related("user").filter(digest__in=digests.values())
    found = {token.digest: token for token in valid}
    _note_use(found.values())
    return {key: found[digest] for key, digest in digests.items() if digest in found}


def _note_use(tokens: Iterable[AccessToken]) -> None:
    """Writes at most once a minute: a busy program must not write at each of its calls."""
    now = timezone.now()
    stale = [t for t in tokens if t.last_used_at is None or t.last_used_at <= now - LAST_USED_PRECISION]
    if not stale:
        return
    still_stale = Q(last_used_at=None) | Q(last_used_at__lte=now - LAST_USED_PRECISION)
    with courtesy("an access token's last use"):
        AccessToken.objects.filter(still_stale, pk__in=[token.pk for token in stale]).update(last_used_at=now)
    for token in stale:
        token.last_used_at = now


def revoke(token: AccessToken) -> None:
    """Ends a token at once; its open sockets end within two seconds. Again is no error."""
    AccessToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())
    transaction.on_commit(doubt_identities, robust=True)
