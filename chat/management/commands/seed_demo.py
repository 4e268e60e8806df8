"""`manage.py seed_demo`: three people, some rooms with history, and a running job."""

import json
import uuid
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from chat.models import Message, Room
from chat.services.changing import add_reaction
from chat.services.posting import Post, post_messages, rendered
from chat.services.rooms import create_room
from chatsite.env import Env
from notifications.models import Notification
from notifications.services.jobs import start_job

PEOPLE = {"alice": "Alice Moreno", "bob": "Bob Ferreira", "charlie": "Charlie Okafor"}
ROOMS = {
    "tiles": ("Rendering and publishing the chart tiles", ["bob", "charlie"]),
    "field-notes": ("What we saw out there", ["bob", "charlie"]),
    "announcements": ("Once a week at most", ["bob", "charlie"]),
    "instruments": ("Gauges, loggers and the Bay 4 model", ["bob"]),
}
PRIVATE = {"instruments"}
TALK = Path(__file__).resolve().parents[2] / "demo" / "talk.json"


class Command(BaseCommand):
    help = "Makes the demo users alice (administrator), bob and charlie, rooms with history and a running job. Once."

    def handle(self, **options: Any) -> None:
        if User.objects.filter(username="alice").exists():
            self.stdout.write("The demo is there already.")
            return
        with transaction.atomic():
            people = self._people()
            self._rooms(people)
            start_job(
                people["alice"], title="Render tiles, east bar", kind="simulated",
                params={"steps": 50, "seconds": 300, "fail_chance": 0.0},
            )  # fmt: skip
        self.stdout.write("Made alice, bob and charlie, their rooms, and a running job.")

    def _people(self) -> dict[str, User]:
        password = Env(settings.BASE_DIR).secret("DEMO_PASSWORD", settings.VAR_DIR / "demo_password", length=12)
        people = {}
        for username, name in PEOPLE.items():
            create = User.objects.create_superuser if username == "alice" else User.objects.create_user
            user = create(username, f"{username}@example.org", password, display_name=name)
            EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
            people[username] = user
        return people

    def _rooms(self, people: dict[str, User]) -> None:
        alice, bob = people["alice"], people["bob"]
        rooms = {}
        for name, (topic, others) in ROOMS.items():
            kind = Room.Kind.PRIVATE if name in PRIVATE else Room.Kind.PUBLIC
            members = [people[other].pk for other in others]
            rooms[name] = create_room(alice, name=name, kind=kind, topic=topic, members=members)
        rooms["alice-bob"] = create_room(alice, name="", kind=Room.Kind.DIRECT, members=[bob.pk])
        lines = json.loads(TALK.read_text())
        self._talk((rooms[line["room"]], line["minutes_ago"], people[line["who"]], line["text"]) for line in lines)
        soundings = Message.objects.get(body__startswith="New soundings")
        for username, emoji in [("alice", "👀"), ("bob", "👀"), ("bob", "🌊")]:
            add_reaction(people[username], soundings.pk, emoji)

    def _talk(self, lines: Iterable[tuple[Room, int, User, str]]) -> None:
        """Posts like anybody would, then sets the clock back."""
        for room, ago, author, text in sorted(lines, key=lambda line: -line[1]):
            (posted,) = post_messages([Post(author.pk, room.pk, uuid.uuid4(), text, rendered(room.pk, text))])
            if isinstance(posted, Exception):
                raise posted
            moment = timezone.now() - timedelta(minutes=ago)
            Message.objects.filter(pk=posted.message["id"]).update(created_at=moment, changed_at=moment)
            Notification.objects.filter(data__message=posted.message["id"]).update(created_at=moment)
        oldest = timezone.now() - timedelta(days=3)
        Message.objects.filter(kind=Message.Kind.SYSTEM).update(created_at=oldest, changed_at=oldest)
        Room.objects.update(created_at=oldest)
