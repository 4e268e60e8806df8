"""What changes people's accounts beyond what allauth does."""

from collections.abc import Collection
from typing import Any

from allauth.account.models import EmailAddress
from django.db import connection, transaction
from django.db.models import QuerySet

from accounts.models import User
from chatsite.realtime.announce import doubt_identities


class AlreadyStartedError(Exception):
    """Somebody else was first."""


@transaction.atomic
def create_first_administrator(user: User, password: str) -> User:
    """Saves the first account: an administrator with a verified address.

    Of two that are sent at once one wins; the other raises AlreadyStartedError. SQLite's
    transactions queue by themselves, PostgreSQL's wait for the table.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {User._meta.db_table} IN SHARE ROW EXCLUSIVE MODE")
    if User.objects.exists():
        raise AlreadyStartedError
    user.is_staff = user.is_superuser = True
    user.set_password(password)
    user.save()
    EmailAddress.objects.create(user=user, email=user.email.lower(), verified=True, primary=True)
    return user


def deactivate(users: QuerySet[User]) -> int:
    """Closes accounts. Their open sockets end within two seconds, their sessions at the next page."""
    closed = users.update(is_active=False)
    transaction.on_commit(doubt_identities, robust=True)
    return closed


def doubt_who_was_saved(update_fields: Collection[str] | None = None, **signal: Any) -> None:
    """Hears Django's `post_save`: passwords are changed by allauth, by the administration and at the shell.

    It only makes the sockets look earlier; that they look once a second does not depend on it.
    """
    if update_fields is None or {"password", "is_active"} & set(update_fields):
        transaction.on_commit(doubt_identities, robust=True)
