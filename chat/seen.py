"""Rooms as one person sees them: their role, how far they have read, what is unread."""

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.db.models import Case, Count, F, FilteredRelation, OuterRef, Q, QuerySet, Subquery, When
from django.db.models.functions import Coalesce

from accounts.models import User
from chat.models import Aside, Membership, Message, Room


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
    room.unread = _unread_in(room, user, mine.last_read_seq) if mine else 0
    room.mentions = _mentions(user).filter(room_ref=room.pk).count()
    room.member_count = Membership.objects.filter(room=room).count()
    return _with_others([room], user)[0]


def _unread_in(room: Room, user: User, position: int) -> int:
    """What others said after a position, and that is still there.

    Nothing is counted that isn't few: talk is what is left of the seqs without the asides,
    whose numbers are known, and without one's own and what was deleted.
    """
    if position >= room.head_seq:
        return 0
    asides = _asides_before(room.pk, position).first() or 0
    said = room.head_seq - position - (room.asides - asides)
    return said - _own(user, room.pk, position).count() - _gone(room.pk, position).count()


def seen(rooms: QuerySet[Room], user: User) -> list[Room]:
    """The rooms with what the model declares for one person; a few queries however many they are."""
    there, position = OuterRef("pk"), OuterRef("mine__last_read_seq")
    asides = Coalesce(Subquery(_asides_before(there, position)[:1]), 0)
    said = F("head_seq") - F("mine__last_read_seq") - (F("asides") - asides)
    unread = said - _count(_own(user, there, position)) - _count(_gone(there, position))
    annotated = rooms.annotate(  # type: ignore[no-redef] # the model declares them
        mine=FilteredRelation("memberships", condition=Q(memberships__user=user)),
        role=F("mine__role"),
        my_muted_at=F("mine__muted_at"),
        last_read_seq=F("mine__last_read_seq"),
        unread=Case(When(head_seq__gt=F("mine__last_read_seq"), then=unread), default=0),
        member_count=_count(Membership.objects.filter(room=there)),
    )
    found = _with_others(annotated, user)
    mentions = dict(_mentions(user).order_by().values_list("room_ref").annotate(_n=Count("*")))
    for room in found:
        room.mentions = mentions.get(room.pk, 0)
    return found


def _asides_before(room: int | OuterRef, position: int | OuterRef) -> QuerySet[Aside, int]:
    """How many there were at a position, if any."""
    return Aside.objects.filter(room=room, seq__lte=position).order_by("-seq").values_list("number", flat=True)


def _own(user: User, room: int | OuterRef, position: int | OuterRef) -> QuerySet[Message]:
    return Message.objects.filter(room=room, author=user, seq__gt=position, deleted_at=None).exclude(kind="system")


def _gone(room: int | OuterRef, position: int | OuterRef) -> QuerySet[Message]:
    return Message.objects.filter(room=room, seq__gt=position, deleted_at__isnull=False).exclude(kind="system")


def _mentions(user: User) -> QuerySet[Any]:
    return user.notifications.filter(read_at=None, kind__in=["mention", "reply"], room_ref__isnull=False)


def _count(rows: QuerySet[Any]) -> Subquery:
    """`COUNT(*)`, which asks for no column, so that an index is enough."""
    counted = models.Func(function="COUNT", template="COUNT(*)", output_field=models.BigIntegerField())
    return Subquery(rows.order_by().annotate(_n=counted).values("_n"))


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
