"""Whom a message concerns: mentions, replies and direct messages wait in inboxes."""

from collections.abc import Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

from chat.models import Membership, Message, Room
from notifications.models import Notification
from notifications.services.inbox import notify

if TYPE_CHECKING:
    from chat.services.posting import Post

EXCERPT_CHARACTERS = 140


def tell_about(posts: Mapping[int, "Post"], reply_targets: Mapping[int, Message]) -> None:
    """Notifies those whom each new message, by its id, names, answers or is sent to. In the posting transaction."""
    messages = Message.objects.select_related("author", "room").in_bulk(posts)
    named = {user_id for post in posts.values() for user_id in post.rendered.mentioned}
    named |= {target.author_id for target in reply_targets.values() if target.author_id}
    members = _members({message.room for message in messages.values()}, named)
    for pk, post in posts.items():
        message, here = messages[pk], members[messages[pk].room_id]
        told: set[int] = {post.author_id}
        _tell(message, Notification.Kind.MENTION, here & post.rendered.mentioned, told)
        target = reply_targets.get(post.reply_to) if post.reply_to else None
        if target is not None and target.author_id:
            _tell(message, Notification.Kind.REPLY, here & {target.author_id}, told)
        if message.room.kind == Room.Kind.DIRECT:
            _tell(message, Notification.Kind.DIRECT, here, told)


def _members(rooms: set[Room], named: set[int]) -> dict[int, set[int]]:
    """Who may have to be told, by room: all members of direct rooms, elsewhere those who are named."""
    members: dict[int, set[int]] = {room.pk: set() for room in rooms}
    memberships = Membership.objects.values_list("room", "user")
    found = [memberships.filter(room__in=members, user__in=named)] if named else []
    if direct := [room for room in rooms if room.kind == Room.Kind.DIRECT]:
        found.append(memberships.filter(room__in=direct))
    for room_id, user_id in chain(*found):
        members[room_id].add(user_id)
    return members


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
