"""Editing, deleting and reacting: each takes the room's next seq."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from chat.models import Membership, Message, Reaction, Room
from chat.payloads import message_payload
from chat.services.posting import rendered, write_refusal
from chat.services.system import next_aside
from chat.streams import message_frame
from chatsite.realtime.announce import announce
from chatsite.realtime.commands import CommandError, not_found

MAX_EMOJI_PER_MESSAGE = 20


class _Change:
    """A message under its room's lock, while somebody changes it."""

    def __init__(self, actor: User, message: Message, room: Room, membership: Membership | None) -> None:
        self.actor = actor
        self.message = message
        self.room = room
        self.membership = membership

    def commit(self, change: str, now: datetime) -> dict[str, Any]:
        """Saves the message at the room's next seq, announces it, and returns its payload."""
        message, room = self.message, self.room
        message.changed_seq, message.change, message.changed_at = next_aside(room), change, now
        message.save()
        whole = Message.objects.whole().get(pk=message.pk)
        announcement = partial(announce, f"room:{room.pk}", [message_frame(whole)], room.access_version)
        transaction.on_commit(announcement, robust=True)
        return message_payload(whole)


@contextmanager
def _changing(actor: User, message_id: int) -> Iterator[_Change]:
    """Locks the room and reads the message afresh. Raises `not_found` and what forbids writing there."""
    with transaction.atomic():
        of_message = Room.objects.filter(messages=message_id)
        room = Room.objects.select_for_update(no_key=True).filter(pk__in=of_message).first()
        membership = Membership.objects.filter(room=room, user=actor).first() if room else None
        if refusal := write_refusal(room, membership):
            raise refusal
        assert room is not None
        yield _Change(actor, Message.objects.get(pk=message_id), room, membership)


def edit_message(actor: User, message_id: int, body: str) -> dict[str, Any]:
    """New text for one's own message. Raises `not_found`, `forbidden`, `archived`, `muted`."""
    with _changing(actor, message_id) as change:
        message = change.message
        if message.author_id != actor.pk or message.kind != Message.Kind.TEXT:
            raise CommandError("forbidden", _("Only who wrote a message can edit it."))
        _refuse_deleted(message)
        if message.body == body:
            return message_payload(Message.objects.whole().get(pk=message.pk))
        message.body = body
        message.html = rendered(message.room_id, body).html
        message.edited_at = timezone.now()
        return change.commit(Message.Change.EDITED, message.edited_at)


def delete_message(actor: User, message_id: int, *, as_admin: bool = False) -> dict[str, Any]:
    """Leaves a tombstone. By the author, a moderator, or an administrator at the admin site."""
    if as_admin:
        return _delete_as_admin(actor, message_id)
    with _changing(actor, message_id) as change:
        moderates = change.membership is not None and change.membership.moderates
        if change.message.kind == Message.Kind.SYSTEM or (change.message.author_id != actor.pk and not moderates):
            raise CommandError("forbidden", _("Only who wrote a message or a moderator can delete it."))
        return _bury(change)


def _delete_as_admin(actor: User, message_id: int) -> dict[str, Any]:
    with transaction.atomic():
        message = Message.objects.filter(pk=message_id).first()
        if message is None:
            raise not_found()
        room = Room.objects.select_for_update(no_key=True).get(pk=message.room_id)
        message.refresh_from_db()
        return _bury(_Change(actor, message, room, None))


def _bury(change: _Change) -> dict[str, Any]:
    message = change.message
    if message.deleted_at is not None:
        return message_payload(Message.objects.whole().get(pk=message.pk))
    message.body = message.html = ""
    message.deleted_at = timezone.now()
    message.reactions.all().delete()
    return change.commit(Message.Change.DELETED, message.deleted_at)


def add_reaction(actor: User, message_id: int, emoji: str) -> dict[str, Any]:
    """Idempotent. Raises as `edit_message`, and `invalid` for what is no emoji."""
    with _changing(actor, message_id) as change:
        message = change.message
        _refuse_deleted(message)
        now = timezone.now()
        kinds = set(message.reactions.values_list("emoji", flat=True))
        if emoji not in kinds and len(kinds) >= MAX_EMOJI_PER_MESSAGE:
            raise CommandError("invalid", _("That message has enough different reactions."), field="emoji")
        _reaction, created = Reaction.objects.get_or_create(
            message=message, user=actor, emoji=emoji, defaults={"created_at": now}
        )
        return _after_reaction(change, changed=created, now=now)


def remove_reaction(actor: User, message_id: int, emoji: str) -> dict[str, Any]:
    """Idempotent."""
    with _changing(actor, message_id) as change:
        removed, _rows = Reaction.objects.filter(message=change.message, user=actor, emoji=emoji).delete()
        return _after_reaction(change, changed=bool(removed), now=timezone.now())


def _after_reaction(change: _Change, *, changed: bool, now: datetime) -> dict[str, Any]:
    if changed:
        return change.commit(Message.Change.REACTED, now)
    return message_payload(Message.objects.whole().get(pk=change.message.pk))


def _refuse_deleted(message: Message) -> None:
    if message.deleted_at is not None:
        raise CommandError("forbidden", _("That message was deleted."))
