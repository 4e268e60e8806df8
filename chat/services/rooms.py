"""Making, changing and archiving rooms."""

from collections.abc import Iterable
from functools import partial

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import get_random_string
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from chat.events import RoomChanged
from chat.models import Membership, Room
from chat.payloads import room_hint
from chat.services.members import admit, locked_room
from chat.services.system import say
from chatsite.realtime.announce import whisper
from chatsite.realtime.commands import CommandError

MAX_MEMBERS_AT_ONCE = 100
MAX_DIRECT_PEOPLE = 8
SLUG_CHARACTERS = 48


def create_room(creator: User, *, name: str, kind: str, topic: str = "", members: Iterable[int] = ()) -> Room:
    """A new room with its creator as owner and `members` invited.

    A direct room for the same people exists once: then that one is returned. Raises `invalid`.
    """
    people = _people(creator, members)
    if kind == Room.Kind.DIRECT:
        return _direct_room(creator, people)
    if not name.strip():
        raise CommandError("invalid", _("A room needs a name."), field="name")
    with transaction.atomic():
        room = Room.objects.create(
            slug=free_slug(name), name=name.strip(), topic=topic.strip(), kind=kind,
            created_by=creator, created_at=timezone.now(),
        )  # fmt: skip
        admit(room, creator, actor=creator, role=Membership.Role.OWNER)
        for user in people:
            admit(room, user, actor=creator)
    return room


def _people(creator: User, members: Iterable[int]) -> list[User]:
    wanted = set(members) - {creator.pk}
    if len(wanted) > MAX_MEMBERS_AT_ONCE:
        raise CommandError("invalid", _("That is too many people at once."), field="members")
    found = list(User.objects.filter(pk__in=wanted, is_active=True).order_by("pk"))
    if len(found) != len(wanted):
        raise CommandError("invalid", _("One of these people isn't here."), field="members")
    return found


def _direct_room(creator: User, people: list[User]) -> Room:
    if not people or len(people) > MAX_DIRECT_PEOPLE:
        raise CommandError("invalid", _("Choose whom to write to."), field="members")
    key = "-".join(str(pk) for pk in sorted({creator.pk, *(user.pk for user in people)}))
    with transaction.atomic():
        room, created = Room.objects.get_or_create(
            people_key=key,
            defaults={
                "slug": f"dm-{get_random_string(10).lower()}",
                "kind": Room.Kind.DIRECT,
                "created_by": creator,
                "created_at": timezone.now(),
            },
        )
        if created:
            for user in [creator, *people]:
                admit(room, user, actor=creator, quietly=True)
    return room


def free_slug(name: str) -> str:
    """An address from a name; with some random letters where it is taken or nothing is left of it."""
    base = slugify(name)[:SLUG_CHARACTERS].strip("-")
    taken = base in {"", "new"} or base.startswith("dm-") or Room.objects.filter(slug=base).exists()
    return f"{base or 'room'}-{get_random_string(5).lower()}" if taken else base


def change_room(
    actor: User, room_id: int, *, name: str | None = None, topic: str | None = None, archived: bool | None = None
) -> Room:
    """Renames, changes the topic, archives or reopens. By owners and moderators. Raises `not_found`, `forbidden`."""
    with transaction.atomic():
        room, membership = locked_room(actor, room_id)
        if membership is None or not membership.moderates or room.kind == Room.Kind.DIRECT:
            raise CommandError("forbidden", _("Only owners and moderators can change a room."))
        apply_changes(actor, room, name=name, topic=topic, archived=archived)
    return room


def apply_changes(actor: User, room: Room, *, name: str | None, topic: str | None, archived: bool | None) -> None:
    """The changes that differ from what is, each told in the room. Wants the room's row locked."""
    said: list[tuple[str, str]] = []
    if name is not None and name.strip() != room.name:
        if not name.strip():
            raise CommandError("invalid", _("A room needs a name."), field="name")
        room.name = name.strip()
        said.append(("renamed", room.name))
    if topic is not None and topic.strip() != room.topic:
        room.topic = topic.strip()
        said.append(("topic", room.topic))
    if archived is not None and archived != (room.archived_at is not None):
        room.archived_at = timezone.now() if archived else None
        said.append(("archived" if archived else "reopened", ""))
    if not said:
        return
    room.save(update_fields=["name", "topic", "archived_at"])
    for event, argument in said:
        say(room, actor, event, argument)
    hint = RoomChanged(room_hint(room))
    transaction.on_commit(partial(whisper, f"room:{room.pk}", hint, access=room.access_version), robust=True)
