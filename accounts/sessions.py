"""Browsers' sessions: Django's own, in the database, whose end open sockets learn at once."""

from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.db import transaction

from chatsite.realtime.announce import doubt_identities


class SessionStore(DatabaseStore):
    def delete(self, session_key: str | None = None) -> None:
        """Signing out, ending another device's session and taking a new key all come by here."""
        super().delete(session_key)
        transaction.on_commit(doubt_identities, robust=True)
