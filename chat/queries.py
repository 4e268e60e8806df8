"""What pages, sockets and the HTTP API show of rooms and history."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.db.models import Window
from django.db.models.functions import RowNumber

from accounts.models import User
from chat.models import Membership, Message, Room
from chat.payloads import MEMBER_COLUMNS, member_from, member_payload, message_payload, room_name, room_payload
from chat.querysets import MEMBERS_IN_ORDER
from chat.seen import rooms_of, seen_by, seen_room
from chatsite.realtime.commands import not_found

MEMBERS_SHOWN = 200
PAGE_MESSAGES = 50
MAX_PAGE_MESSAGES = 100
RESULTS = 30


def visible_room(user: User, **lookup: Any) -> Room:
    """One room as somebody sees it. Raises `not_found`."""
    room = seen_room(user, **lookup)
    if room is None:
        raise not_found()
    return room


def room_detail(user: User, room_id: int) -> dict[str, Any]:
    """A room with its first members. Raises `not_found`."""
    detail = room_details({room_id: [user.pk]}).get((room_id, user.pk))
    if detail is None:
        raise not_found()
    return detail


def room_details(readers: Mapping[int, Collection[int]]) -> dict[tuple[int, int], dict[str, Any]]:
    """Rooms with their first members as people see them, by room and person; those who may not see it are left out."""
    members = first_members(readers.keys())
    rooms = Room.objects.filter(pk__in=readers)
    seen = seen_by({room: readers[room.pk] for room in rooms})
    return {pair: room_payload(room) | {"members": members[room.pk]} for pair, room in seen.items()}


def first_members(room_ids: Collection[int]) -> dict[int, list[dict[str, Any]]]:
    """The members that are shown at once, by room, in one query."""
    everybody = Membership.objects.filter(room__in=room_ids)
    place = Window(RowNumber(), partition_by="room", order_by=MEMBERS_IN_ORDER)
    rows = everybody.annotate(place=place).filter(place__lte=MEMBERS_SHOWN).order_by("place")
    shown: dict[int, list[dict[str, Any]]] = {room_id: [] for room_id in room_ids}
    for room_id, *columns in rows.values_list("room", *MEMBER_COLUMNS):
        shown[room_id].append(member_from(tuple(columns)))
    return shown


def members(user: User, room_id: int) -> list[dict[str, Any]]:
    """Everybody in a room. Raises `not_found`."""
    rows = Membership.objects.filter(room=room_id).in_order().values_list(*MEMBER_COLUMNS)
    everybody = [member_from(row) for row in rows]
    _refuse_outsiders(user, room_id)
    return everybody


def _refuse_outsiders(user: User, room_id: int) -> None:
    """Asked when all is read, so that it covers that: somebody may be removed meanwhile. Raises `not_found`."""
    if not Room.objects.visible_to(user).filter(pk=room_id).exists():
        raise not_found()


def history(user: User, room_id: int, *, before: int | None, after: int | None, limit: int) -> dict[str, Any]:
    """A page of messages by their `seq`, oldest first: `{messages, has_more, quoted}`.

    Without bounds the newest; `quoted` has the messages that these answer, where they
    aren't on the page. Raises `not_found`.
    """
    found = Message.objects.filter(room=room_id).whole()
    if after is not None:
        rows = list(found.filter(seq__gt=after).order_by("seq")[: limit + 1])
        page = rows[:limit]
    else:
        bounded = found.filter(seq__lt=before) if before is not None else found
        rows = list(bounded.order_by("-seq")[: limit + 1])
        page = rows[:limit][::-1]
    shown = {message.pk for message in page}
    answered = {message.reply_to_id for message in page if message.reply_to_id} - shown
    quoted = found.filter(pk__in=answered).order_by("pk")
    answer = {
        "messages": [message_payload(message) for message in page],
        "has_more": len(rows) > limit,
        "quoted": [message_payload(message) for message in quoted],
    }
    _refuse_outsiders(user, room_id)
    return answer


def first_view(user: User, slug: str) -> dict[str, Any]:
    """What a room's page begins with: `{room, head, messages, has_more, quoted}`. Raises `not_found`.

    The head is read before the messages: what comes meanwhile is told again, never missed. The history is read
    last, and refused to who may not read any more: nobody gets the members without it.
    """
    room = visible_room(user, slug=slug)
    detail = room_payload(room) | {"members": first_members([room.pk])[room.pk]}
    page = history(user, room.pk, before=None, after=None, limit=PAGE_MESSAGES)
    return {"room": detail, "head": room.head_seq} | page


def sidebar(user: User) -> dict[str, list[dict[str, Any]]]:
    """`{"rooms": […], "people": […]}`: room payloads without members; those of people have `person`."""
    rooms, people = [], []
    for room in sorted(rooms_of(user), key=lambda room: room_name(room).casefold()):
        if room.kind == Room.Kind.DIRECT:
            people.append(room_payload(room) | {"person": _counterpart(room)})
        elif room.archived_at is None:
            rooms.append(room_payload(room))
    return {"rooms": rooms, "people": people}


def _counterpart(room: Room) -> dict[str, Any] | None:
    if not room.other_people:
        return None
    first = room.other_people[0]
    payload = member_payload(Membership(room=room, user=first))
    return {key: payload[key] for key in ("id", "name", "username", "avatar", "presence")}


def direct_room_ids(user: User) -> list[int]:
    return list(Room.objects.joined_by(user).filter(kind=Room.Kind.DIRECT).values_list("pk", flat=True))


def search(
    user: User,
    text: str,
    *,
    room_id: int | None = None,
    author_id: int | None = None,
    before: datetime | None = None,
    after: datetime | None = None,
) -> dict[str, Any]:
    """Messages with the text in them that somebody may see, newest first: `{messages, has_more}`.

    The newest has the highest id, near enough: so what is often said is found without reading everything.
    """
    found = Message.objects.visible_to(user).filter(deleted_at=None, body__icontains=text).exclude(kind="system")
    bounds = {"room": room_id, "author": author_id, "created_at__lt": before, "created_at__gt": after}
    found = found.filter(**{name: value for name, value in bounds.items() if value is not None})
    rows = list(found.whole().order_by("-id" if room_id is None else "-seq")[: RESULTS + 1])
    return {"messages": [message_payload(message) for message in rows[:RESULTS]], "has_more": len(rows) > RESULTS}
