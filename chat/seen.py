"""Rooms as one person sees them: their role, how far they have read, what is unread."""

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce

from accounts.models import User
from chat.models import Membership, Message, Room


def rooms_of(user: User) -> list[Room]:
    """The rooms that somebody is in."""
    return seen(Room.objects.joined_by(user), user)


def visible_rooms(user: User) -> list[Room]:
    """The rooms that somebody may see: theirs and the public ones."""
    return seen(Room.objects.visible_to(user), user)


def rooms_with_last_talk(user: User) -> list[Room]:
    """The rooms that somebody is in and that are open, with `last_at`; the newest talk first."""
    said = Message.objects.filter(room=OuterRef("pk")).order_by("-seq").values("created_at")
    rooms = Room.objects.joined_by(user).filter(archived_at=None)
    newest = models.F("last_at").desc(nulls_last=True)
    return seen(rooms.annotate(last_at=Subquery(said[:1])).order_by(newest), user)  # type: ignore[no-redef]


def public_rooms(user: User, text: str) -> list[Room]:
    """Open public rooms with the text in their name or topic."""
    rooms = Room.objects.filter(kind=Room.Kind.PUBLIC, archived_at=None)
    return seen(rooms.filter(Q(name__icontains=text) | Q(topic__icontains=text)) if text else rooms, user)


def seen_room(user: User, **lookup: Any) -> Room | None:
    """As `seen`, for one room; None where the person may not know of it.

    Small statements: to build the large one costs more than all else in the greeting of
    somebody who comes back.
    """
    room = Room.objects.filter(**lookup).first()
    mine = Membership.objects.filter(room=room, user=user).first() if room else None
    if room is None or (mine is None and room.kind != Room.Kind.PUBLIC):
        return None
    room.role = mine.role if mine else None
    room.my_muted_at = mine.muted_at if mine else None
    room.last_read_seq = mine.last_read_seq if mine else None
    room.unread = _unread(user, room.pk, mine.last_read_seq).count() if mine else 0
    room.mentions = _mentions(user, room.pk).count()
    room.member_count = Membership.objects.filter(room=room).count()
    return _with_others([room], user)[0]


def seen(rooms: QuerySet[Room], user: User) -> list[Room]:
    """The rooms with what the model declares for one person; two queries however many they are."""
    mine = Membership.objects.filter(room=OuterRef("pk"), user=user)
    annotated = rooms.annotate(  # type: ignore[no-redef] # the model declares them
        role=Subquery(mine.values("role")),
        my_muted_at=Subquery(mine.values("muted_at")),
        last_read_seq=Subquery(mine.values("last_read_seq")),
        unread=_count(_unread(user, OuterRef("pk"), OuterRef("last_read_seq"))),
        mentions=_count(_mentions(user, OuterRef("pk"))),
        member_count=_count(Membership.objects.filter(room=OuterRef("pk"))),
    )
    return _with_others(annotated, user)


def _unread(user: User, room: int | OuterRef, position: int | OuterRef) -> QuerySet[Any]:
    said = Message.objects.filter(room=room, seq__gt=position, deleted_at=None)
    return said.exclude(kind="system").exclude(author=user)


def _mentions(user: User, room: int | OuterRef) -> QuerySet[Any]:
    waiting = user.notifications.filter(read_at=None, kind__in=["mention", "reply"])
    about = waiting.annotate(_about=Cast(KT("data__room__id"), models.BigIntegerField()))
    return about.filter(_about=room)


def _count(rows: QuerySet[Any]) -> Coalesce:
    counted = rows.order_by().annotate(_all=models.Value(1)).values("_all").annotate(_n=Count("pk")).values("_n")
    return Coalesce(Subquery(counted), 0)


def _with_others(rooms: Iterable[Room], user: User) -> list[Room]:
    """Gives direct rooms the names of the others in them, in one query."""
    listed = list(rooms)
    direct = {room.pk: room for room in listed if room.kind == Room.Kind.DIRECT}
    for room in listed:
        room.others = []
        room.other_people = []
    for membership in Membership.objects.filter(room__in=direct).exclude(user=user).select_related("user"):
        direct[membership.room_id].others.append(membership.user.name)
        direct[membership.room_id].other_people.append(membership.user)
    return listed
