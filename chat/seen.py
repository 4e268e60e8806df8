"""Rooms as one person sees them: their role, how far they have read, what is unread."""

from collections.abc import Collection, Iterable, Mapping
from copy import copy
from typing import Any

from django.db import models
from django.db.models import Case, Count, F, FilteredRelation, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce

from accounts.models import User
from chat.models import Aside, Membership, Message, Room
from notifications.models import Notification


def rooms_of(user: User) -> list[Room]:
    """The rooms that somebody is in."""
    return seen(Room.objects.joined_by(user), user)


def visible_rooms(user: User) -> list[Room]:
    """The rooms that somebody may see: theirs and the public ones."""
    return seen(Room.objects.visible_to(user), user, with_sizes=True)


def rooms_with_last_talk(user: User) -> list[Room]:
    """The rooms that somebody is in and that are open, with `last_at`; the newest talk first."""
    said = Message.objects.filter(room=OuterRef("pk")).order_by("-seq").values("created_at")
    rooms = Room.objects.joined_by(user).filter(archived_at=None)
    newest = models.F("last_at").desc(nulls_last=True)
    return seen(rooms.annotate(last_at=Subquery(said[:1])).order_by(newest), user)  # type: ignore[no-redef]


def public_rooms(user: User, text: str) -> list[Room]:
    """Open public rooms with the text in their name or topic."""
    rooms = Room.objects.filter(kind=Room.Kind.PUBLIC, archived_at=None)
    found = rooms.filter(Q(name__icontains=text) | Q(topic__icontains=text)) if text else rooms
    return seen(found, user, with_sizes=True)


def seen_room(user: User, **lookup: Any) -> Room | None:
    """As `seen`, for one room; None where the person may not know of it."""
    room = Room.objects.filter(**lookup).first()
    return seen_by({room: [user.pk]}).get((room.pk, user.pk)) if room else None


def seen_by(readers: Mapping[Room, Collection[int]]) -> dict[tuple[int, int], Room]:
    """As `seen`, rooms for several people each, by room and person; who may not know of a room is left out.

    As many queries for all of them as for one.
    """
    pairs = {(room.pk, user_id) for room, user_ids in readers.items() for user_id in user_ids}
    people = {user_id for _, user_id in pairs}
    memberships = {
        (mine.room_id, mine.user_id): mine
        for mine in Membership.objects.filter(room__in=readers, user__in=people)
        if (mine.room_id, mine.user_id) in pairs
    }
    unread = unread_in({room.pk: room for room in readers}, memberships.values())
    mentions = _mentions(people).filter(room_ref__in=[room.pk for room in readers]).order_by()
    mentioned = {(room, user): n for room, user, n in mentions.values_list("room_ref", "user").annotate(n=Count("*"))}
    sizes = dict(Membership.objects.filter(room__in=readers).order_by().values_list("room").annotate(n=Count("*")))
    others = _people_of(readers)
    found = {}
    for room, user_ids in readers.items():
        for pair in ((room.pk, user_id) for user_id in user_ids):
            if (mine := memberships.get(pair)) is None and room.kind != Room.Kind.PUBLIC:
                continue
            found[pair] = shown = copy(room)
            shown.role = mine.role if mine else None
            shown.my_muted_at = mine.muted_at if mine else None
            shown.last_read_seq = mine.last_read_seq if mine else None
            shown.unread = unread.get(pair, 0)
            shown.mentions = mentioned.get(pair, 0)
            shown.member_count = sizes.get(room.pk, 0)
            _with_others(shown, others.get(room.pk, ()), pair[1])
    return found


def unread_in(rooms: Mapping[int, Room], memberships: Iterable[Membership]) -> dict[tuple[int, int], int]:
    """What others said after each one's mark and that is still there, by room and user; as it is at the rooms' heads.

    Nothing is counted that isn't few: talk is what is left of the seqs without the asides,
    whose numbers are known, and without one's own and what was deleted.
    """
    behind = [mine for mine in memberships if mine.last_read_seq < rooms[mine.room_id].head_seq]
    if not behind:
        return {}
    there, position, head = OuterRef("room"), OuterRef("last_read_seq"), OuterRef("head")
    asides = Coalesce(Subquery(_asides_before(there, position)[:1]), 0)
    own = _own(OuterRef("user"), there, position).filter(seq__lte=head)
    gone = _gone(there, position).filter(changed_seq__lte=head)
    marks = Membership.objects.filter(pk__in=[mine.pk for mine in behind])
    heads = marks.annotate(head=_of_each({mine.room_id: rooms[mine.room_id].head_seq for mine in behind}))
    counted = heads.annotate(few=asides - _count(own) - _count(gone))
    unread = {}
    for room_id, user_id, mark, few in counted.values_list("room", "user", "last_read_seq", "few"):
        room = rooms[room_id]
        unread[room_id, user_id] = max(0, room.head_seq - room.asides - mark + few)
    return unread


def _of_each(numbers: Mapping[int, int]) -> Case:
    return Case(*(When(room=room_id, then=Value(number)) for room_id, number in numbers.items()))


def seen(rooms: QuerySet[Room], user: User, *, with_sizes: bool = False) -> list[Room]:
    """The rooms with what the model declares for one person; a few queries however many they are.

    `member_count` only where it is asked for: of all these numbers it alone takes counting what may be many.
    """
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
    )
    if with_sizes:
        annotated = annotated.annotate(member_count=_count(Membership.objects.filter(room=there)))  # type: ignore[no-redef]
    found: list[Room] = list(annotated)
    people = _people_of(found)
    mentions = dict(_mentions([user.pk]).order_by().values_list("room_ref").annotate(_n=Count("*")))
    for room in found:
        room.mentions = mentions.get(room.pk, 0)
        _with_others(room, people.get(room.pk, ()), user.pk)
    return found


def _asides_before(room: int | OuterRef, position: int | OuterRef) -> QuerySet[Aside, int]:
    """How many there were at a position, if any."""
    return Aside.objects.filter(room=room, seq__lte=position).order_by("-seq").values_list("number", flat=True)


def _own(user: User | OuterRef, room: int | OuterRef, position: int | OuterRef) -> QuerySet[Message]:
    return Message.objects.filter(room=room, author=user, seq__gt=position, deleted_at=None).exclude(kind="system")


def _gone(room: int | OuterRef, position: int | OuterRef) -> QuerySet[Message]:
    return Message.objects.filter(room=room, seq__gt=position, deleted_at__isnull=False).exclude(kind="system")


def _mentions(user_ids: Collection[int]) -> QuerySet[Notification]:
    unread = Notification.objects.filter(user__in=user_ids, read_at=None)
    return unread.filter(kind__in=["mention", "reply"], room_ref__isnull=False)


def _count(rows: QuerySet[Any]) -> Subquery:
    """`COUNT(*)`, which asks for no column, so that an index is enough."""
    counted = models.Func(function="COUNT", template="COUNT(*)", output_field=models.BigIntegerField())
    return Subquery(rows.order_by().annotate(_n=counted).values("_n"))


def _people_of(rooms: Iterable[Room]) -> dict[int, list[User]]:
    """Who is in each of the direct rooms, in one query."""
    people: dict[int, list[User]] = {room.pk: [] for room in rooms if room.kind == Room.Kind.DIRECT}
    for membership in Membership.objects.filter(room__in=people).select_related("user") if people else ():
        people[membership.room_id].append(membership.user)
    return people


def _with_others(room: Room, people: Iterable[User], user_id: int) -> Room:
    room.other_people = [user for user in people if user.pk != user_id]
    room.others = [user.name for user in room.other_people]
    return room
