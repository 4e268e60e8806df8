"""Whom a message concerns: mentions, replies and direct messages wait in inboxes."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chat.models import Membership, Message, Room
from notifications.models import Notification
from notifications.services.inbox import notify

if TYPE_CHECKING:
    from chat.services.posting import Post

EXCERPT_CHARACTERS = 140


def tell_about(posted: Sequence[tuple[Message, "Post"]], reply_targets: Mapping[int, Message]) -> None:
    """Notifies those whom each new message names, answers or is sent to. In the posting transaction."""
    for message, post in posted:
        told: set[int] = {message.author_id} if message.author_id else set()
        if post.rendered.mentioned:
            _tell(message, Notification.Kind.MENTION, _still_members(message, set(post.rendered.mentioned)), told)
        target = reply_targets.get(post.reply_to) if post.reply_to else None
        if target is not None and target.author_id:
            _tell(message, Notification.Kind.REPLY, _still_members(message, {target.author_id}), told)
        if message.room.kind == Room.Kind.DIRECT:
            others = set(message.room.memberships.values_list("user", flat=True))
            _tell(message, Notification.Kind.DIRECT, others, told)


def _still_members(message: Message, user_ids: set[int]) -> set[int]:
    found = Membership.objects.filter(room=message.room, user__in=user_ids)
    return set(found.values_list("user", flat=True))


def _tell(message: Message, kind: str, user_ids: set[int], told: set[int]) -> None:
    """Once per person and message, by the first kind that applies."""
    users = user_ids - told
    told |= users
    if users:
        notify(users=users, kind=kind, actor=message.author, text=excerpt(message.body), **place(message))


def place(message: Message) -> dict[str, Any]:
    """Where a notification about a message leads, and of which room it speaks."""
    room = message.room
    return {
        "url": f"{room.get_absolute_url()}?at={message.seq}#message-{message.pk}",
        "data": {
            "room": {"id": room.pk, "name": room.name, "slug": room.slug},
            "message": message.pk,
            "seq": message.seq,
        },
    }


def excerpt(body: str) -> str:
    line = " ".join(body.split())
    return line if len(line) <= EXCERPT_CHARACTERS else line[: EXCERPT_CHARACTERS - 1].rstrip() + "…"
