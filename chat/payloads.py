"""Rooms, members and messages as JSON: one function per model."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from accounts.payloads import avatar_url, person
from chat.models import Membership, Message, Reaction, Room
from chat.presence import is_here
from chatsite.realtime.events import rfc3339
from notifications.payloads import job_payload

NOBODY = {"id": None, "name": "—", "avatar": None}  # the author has left for good


def message_payload(message: Message) -> dict[str, Any]:
    """The message as it now is. Wants it `whole`."""
    gone = message.deleted_at is not None
    new = posted_payload(
        message.pk,
        room_id=message.room_id,
        seq=message.seq,
        client_id=message.client_id,
        author=person(message.author) if message.author else NOBODY,
        body="" if gone else message.body,
        html="" if gone else message.html,
        created_at=rfc3339(message.created_at),
        reply_to_id=message.reply_to_id,
    )
    return new | {
        "kind": message.kind,
        "changed_seq": message.changed_seq,
        "edited_at": rfc3339(message.edited_at) if message.edited_at else None,
        "deleted_at": rfc3339(message.deleted_at) if message.deleted_at else None,
        "reactions": [] if gone else _grouped(message.given_reactions),
        "job": job_payload(message.job) if message.job else None,
    }


def posted_payload(
    pk: int,
    *,
    room_id: int,
    seq: int,
    client_id: UUID | None,
    author: Mapping[str, Any],
    body: str,
    html: str,
    created_at: str,
    reply_to_id: int | None,
) -> dict[str, Any]:
    """A message as it is when it was just posted, to which nothing happened yet."""
    return {
        "id": pk,
        "kind": Message.Kind.TEXT.value,
        "room": room_id,
        "seq": seq,
        "changed_seq": seq,
        "client_id": client_id,
        "author": author,
        "body": body,
        "html": html,
        "created_at": created_at,
        "edited_at": None,
        "deleted_at": None,
        "reply_to": reply_to_id,
        "reactions": [],
        "attachments": [],
        "job": None,
    }


def _grouped(reactions: Iterable[Reaction]) -> list[dict[str, Any]]:
    by_emoji: dict[str, list[int]] = {}
    for reaction in reactions:
        by_emoji.setdefault(reaction.emoji, []).append(reaction.user_id)
    return [{"emoji": emoji, "users": users} for emoji, users in by_emoji.items()]


MEMBER_COLUMNS = (
    *("user_id", "user__username", "user__display_name", "user__avatar", "user__last_seen_at"),
    *("role", "muted_at"),
)


def member_payload(membership: Membership) -> dict[str, Any]:
    """Somebody in a room. Wants `user` loaded along."""
    user = membership.user
    about = (user.pk, user.username, user.display_name, user.avatar_name, user.last_seen_at)
    return member_from((*about, membership.role, membership.muted_at))


def member_from(columns: tuple[Any, ...]) -> dict[str, Any]:
    """As `member_payload`, from the values of MEMBER_COLUMNS: models would cost most of a large room's greeting."""
    pk, username, display_name, avatar, last_seen_at, role, muted_at = columns
    return {
        "id": pk,
        "name": display_name or username,
        "username": username,
        "avatar": avatar_url(avatar),
        "role": role,
        "muted": muted_at is not None,
        "presence": "online" if is_here(last_seen_at) else "offline",
    }


def room_payload(room: Room) -> dict[str, Any]:
    """A room as one person sees it. Wants what `chat.seen` adds.

    A direct room's name is that of the others in it.
    """
    return {
        "id": room.pk,
        "slug": room.slug,
        "name": room_name(room),
        "topic": room.topic,
        "kind": room.kind,
        "archived_at": rfc3339(room.archived_at) if room.archived_at else None,
        "created_at": rfc3339(room.created_at),
        "head": room.head_seq,
        "last_read_seq": room.last_read_seq or 0,
        "unread": room.unread if room.role else 0,
        "mentions": room.mentions,
        "role": room.role,
        "muted": room.my_muted_at is not None,
        "member_count": room.member_count,
    }


def room_name(room: Room) -> str:
    return room.name or ", ".join(room.others) or room.slug


def room_brief(room: Room) -> dict[str, Any]:
    """Enough to name a room and to lead there."""
    return {"id": room.pk, "slug": room.slug, "name": room.name, "kind": room.kind}


def room_hint(room: Room) -> dict[str, Any]:
    """What may change of a room while people have it open."""
    return room_brief(room) | {"topic": room.topic, "archived": room.archived_at is not None}
