"""The fixed cast: Alice owns the room, Bob is its member, Charlie an outsider.

Dina moderates it where a test asks for her, and the administrator sees to the site.
Run as a program (`python -m tests.support.cast`), it makes a new site ready for them, puts all of them
into its database and says who they are.
"""

import json
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from django.contrib.auth.hashers import Argon2PasswordHasher

if TYPE_CHECKING:
    from accounts.models import User
    from chat.models import Room

PASSWORD = "quiet lakes at dawn"
ALL_SCOPES = ("read", "write", "jobs", "metrics")


class CheapHasher(Argon2PasswordHasher):
    """The site's own hasher at a cost that tests can afford."""

    time_cost = 1
    memory_cost = 8
    parallelism = 1


class Person(NamedTuple):
    """Somebody in the database of a `Site`."""

    id: int
    username: str
    password: str
    session: str  # the key of a session that is signed in
    token: str  # the key of an access token with all scopes

    @property
    def cookie(self) -> dict[str, str]:
        return {"Cookie": f"sessionid={self.session}"}

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def make_user(username: str, **fields: Any) -> "User":
    """Somebody with a verified address, who signs in with `PASSWORD`."""
    from allauth.account.models import EmailAddress

    from accounts.models import User

    fields.setdefault("display_name", username.capitalize())
    user = User.objects.create_user(username, f"{username}@example.org", PASSWORD, **fields)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def make_room(slug: str, owner: "User", members: Iterable["User"] = (), **fields: Any) -> "Room":
    """A room with its owner and members, private unless `kind` says otherwise, and without messages."""
    from django.utils import timezone

    from chat.models import Membership, Room

    now = timezone.now()
    fields.setdefault("kind", Room.Kind.PRIVATE)
    fields.setdefault("name", slug.replace("-", " ").capitalize())
    room = Room.objects.create(slug=slug, created_by=owner, created_at=now, **fields)
    add_member(room, owner, Membership.Role.OWNER)
    for member in members:
        add_member(room, member)
    return room


def add_member(room: "Room", user: "User", role: str = "member") -> None:
    from django.utils import timezone

    from chat.models import Membership

    Membership.objects.create(room=room, user=user, role=role, joined_at=timezone.now())


def session_of(user: "User") -> str:
    """The key of a new session in which the user is signed in."""
    from importlib import import_module

    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return str(session.session_key)


def main() -> None:
    """Prints `{"people": {"alice": [id, username, password, session, token], …}, "room": {"id", "slug"}}`.

    Before that, what `manage.py migrate` and `manage.py collectstatic` do: three programs in the start of one.
    """
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatsite.settings")
    django.setup()
    from django.core.management import call_command

    from accounts import tokens

    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    users = {name: make_user(name) for name in ("alice", "bob", "charlie", "dina")}
    users["admin"] = make_user("admin", is_staff=True, is_superuser=True)
    room = make_room("green-room", users["alice"], [users["bob"]])
    add_member(room, users["dina"], "moderator")
    people = {
        name: Person(user.pk, name, PASSWORD, session_of(user), tokens.create(user, "tests", ALL_SCOPES)[1])
        for name, user in users.items()
    }
    json.dump({"people": people, "room": {"id": room.pk, "slug": room.slug}}, sys.stdout)


if __name__ == "__main__":
    main()
