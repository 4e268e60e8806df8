"""How far somebody has read."""

from typing import Any

from django.db import transaction
from django.db.models import Q

from accounts.models import User
from chat.events import RoomRead
from chat.models import Membership, Room
from chat.queries import visible_room
from chatsite.realtime.commands import not_found
from notifications.models import Notification
from notifications.services.inbox import append_to_inbox, mark_read

ABOUT_MESSAGES = [Notification.Kind.MENTION, Notification.Kind.REPLY, Notification.Kind.DIRECT]


def read_room(user: User, room_id: int, seq: int) -> dict[str, Any]:
    """Moves the read mark forwards, never back and never past the head.

    What waits in the inbox about those messages is read with it. Tells the person's other tabs.
    Returns `{last_read_seq, unread, mentions}`. Raises `not_found` for who is no member.
    """
    with transaction.atomic():
        room = Room.objects.visible_to(user).filter(pk=room_id).first()
        membership = Membership.objects.select_for_update(no_key=True).filter(room=room_id, user=user).first()
        if room is None or membership is None:
            raise not_found()
        seq = min(seq, room.head_seq)
        moved = seq > membership.last_read_seq
        if moved:
            membership.last_read_seq = seq
            membership.save(update_fields=["last_read_seq"])
        _read_notifications(user, room_id, membership.last_read_seq)
        seen = visible_room(user, pk=room_id)
        mark = RoomRead(room_id, membership.last_read_seq, seen.unread, seen.mentions)
        if moved:
            append_to_inbox(user.pk, mark)
    return mark.payload()


def _read_notifications(user: User, room_id: int, seq: int) -> None:
    """What waits about the messages up to `seq`, and about having come into the room."""
    read = Q(kind__in=ABOUT_MESSAGES, data__seq__lte=seq) | Q(kind=Notification.Kind.ROOM_ADDED)
    waiting = user.notifications.filter(read, read_at=None, room_ref=room_id).order_by()
    if ids := list(waiting.values_list("pk", flat=True)):
        mark_read(user.pk, ids=ids)
