"""`manage.py seed_load`: many people in many rooms, for measurements."""

import os
import uuid
from argparse import ArgumentParser
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import get_random_string

from accounts import tokens
from accounts.models import AccessToken, Scope, User
from chat.models import Membership, Message, Room

BATCH = 1_000
SCOPES = [scope.value for scope in Scope]


class Command(BaseCommand):
    help = "Makes N users, R public rooms that all are in, and M messages a room; writes their keys to FILE."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--users", type=int, required=True, metavar="N")
        parser.add_argument("--rooms", type=int, required=True, metavar="R")
        parser.add_argument("--messages", type=int, default=0, metavar="M")
        parser.add_argument("--out", type=Path, required=True, metavar="FILE")

    def handle(self, *, users: int, rooms: int, messages: int, out: Path, **options: Any) -> None:
        if os.environ.get("ALLOW_SEED_LOAD") != "1":
            raise CommandError("This fills the database with made-up people. Set ALLOW_SEED_LOAD=1 if that is meant.")
        if users < 1 or rooms < 1 or messages < 0:
            raise CommandError("--users and --rooms must be 1 or more, --messages 0 or more")
        with transaction.atomic():
            people = self._people(users)
            places = self._rooms(people, rooms)
            self._messages(people, places, messages)
            lines = [f"# rooms {' '.join(str(room.pk) for room in places)}", *self._keys(people)]
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write("\n".join(lines) + "\n")
        self.stdout.write(f"Made {users} users, {rooms} rooms and {rooms * messages} messages; keys are in {out}.")

    def _people(self, count: int) -> list[User]:
        prefix = f"load{get_random_string(5).lower()}"
        password = make_password(get_random_string(20))  # nobody signs in with it
        rows = [
            User(username=f"{prefix}-{n}", email=f"{prefix}-{n}@example.org", password=password) for n in range(count)
        ]
        return User.objects.bulk_create(rows, BATCH)

    def _rooms(self, people: list[User], count: int) -> list[Room]:
        now, prefix = timezone.now(), get_random_string(5).lower()
        rows = [
            Room(slug=f"load-{prefix}-{n}", name=f"Load {n}", created_by=people[0], created_at=now)
            for n in range(count)
        ]
        rooms = Room.objects.bulk_create(rows, BATCH)
        memberships = [Membership(room=room, user=user, joined_at=now) for room in rooms for user in people]
        Membership.objects.bulk_create(memberships, BATCH)
        return rooms

    def _messages(self, people: list[User], rooms: list[Room], count: int) -> None:
        now = timezone.now()
        for room in rooms:
            rows = [
                Message(
                    room=room, seq=seq, changed_seq=seq, changed_at=now, created_at=now, client_id=uuid.uuid4(),
                    author=people[seq % len(people)], body=f"Message {seq}", html=f"<p>Message {seq}</p>",
                )
                for seq in range(1, count + 1)
            ]  # fmt: skip
            Message.objects.bulk_create(rows, BATCH)
        Room.objects.filter(pk__in=[room.pk for room in rooms]).update(head_seq=count)

    def _keys(self, people: list[User]) -> list[str]:
        """A line a user: id, session key, bearer token."""
        store = SessionStore()
        expires = timezone.now() + timedelta(seconds=settings.SESSION_COOKIE_AGE)
        sessions, access, lines = [], [], []
        for user in people:
            data = {
                SESSION_KEY: str(user.pk),
                BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
                HASH_SESSION_KEY: user.get_session_auth_hash(),
            }
            session = Session(
                session_key=get_random_string(32).lower(), session_data=store.encode(data), expire_date=expires
            )
            key = tokens.new_key()
            sessions.append(session)
            access.append(
                AccessToken(user=user, name="load", digest=tokens.digest_of(key), hint=key[:12], scopes=SCOPES)
            )
            lines.append(f"{user.pk} {session.session_key} {key}")
        Session.objects.bulk_create(sessions, BATCH)
        AccessToken.objects.bulk_create(access, BATCH)
        return lines
