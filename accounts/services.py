"""What changes people's accounts beyond what allauth does."""

from allauth.account.models import EmailAddress
from django.db import connection, transaction
from django.db.models import QuerySet

from accounts.models import User


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
    return users.update(is_active=False)
