"""Rooms and messages over HTTP. Translates; the services do."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from ninja import Query, Router, Schema
from ninja.responses import Status
from pydantic import AfterValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from accounts.auth import ApiRequest, require_scope
from accounts.payloads import person
from chat import queries
from chat.commands import Body
from chat.consumers import POSTS_BURST, POSTS_PER_SECOND
from chat.payloads import member_payload, room_payload
from chat.seen import rooms_of, visible_rooms
from chat.services.members import put_member, remove_member
from chat.services.posting import Post, post_message, rendered
from chat.services.rooms import change_room, create_room
from chatsite.realtime.commands import MAX_ID, Id
from chatsite.realtime.ratelimits import limit
from chatsite.realtime.text import CleanText
from notifications.models import Notification

router = Router(tags=["chat"])


def _in_utc(moment: datetime) -> datetime:
    """One without a zone is in UTC already."""
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("moment", "is beyond the calendar") from None


Name = Annotated[CleanText, Field(max_length=60)]
Topic = Annotated[CleanText, Field(max_length=200)]
PathId = Annotated[int, Field(ge=1, le=MAX_ID)]
Position = Annotated[int, Field(ge=0, le=MAX_ID)]
Moment = Annotated[datetime, AfterValidator(_in_utc)]
Role = Literal["owner", "moderator", "member"]

ROOMS_PER_SECOND = 0.2
ROOMS_BURST = 10


class Closed(Schema):
    """A request body: no fields besides its own."""

    model_config = ConfigDict(extra="forbid")


class NewRoom(Closed):
    name: Name = ""
    kind: Literal["public", "private", "direct"]
    topic: Topic = ""
    members: Annotated[list[Id], Field(max_length=100)] = []


class RoomChange(Closed):
    name: Name | None = None
    topic: Topic | None = None
    archived: bool | None = None


class NewMember(Closed):
    user: Id
    role: Role | None = None


class NewMessage(Closed):
    body: Body
    client_id: UUID | None = None
    reply_to: Id | None = None


@router.get("/me")
def me(request: ApiRequest) -> dict[str, Any]:
    """Who am I, and what waits for me."""
    require_scope(request, "read")
    rooms = rooms_of(request.user)
    waiting = Notification.objects.filter(user=request.user, read_at=None).count()
    return {
        **person(request.user),
        "username": request.user.username,
        "language": request.user.language,
        "time_zone": request.user.time_zone,
        "unread": sum(room.unread for room in rooms),
        "mentions": sum(room.mentions for room in rooms),
        "notifications": waiting,
    }


@router.get("/rooms")
def list_rooms(request: ApiRequest) -> dict[str, Any]:
    require_scope(request, "read")
    return {"rooms": [room_payload(room) for room in visible_rooms(request.user)]}


@router.post("/rooms", response={200: dict, 201: dict})
def new_room(request: ApiRequest, body: NewRoom) -> Status[dict[str, Any]]:
    """201; 200 for a direct room that these people had already."""
    require_scope(request, "write")
    limit("rooms", request.user.pk, ROOMS_PER_SECOND, ROOMS_BURST)
    known = set(queries.direct_room_ids(request.user)) if body.kind == "direct" else set()
    room = create_room(request.user, name=body.name, kind=body.kind, topic=body.topic, members=body.members)
    return Status(200 if room.pk in known else 201, queries.room_detail(request.user, room.pk))


@router.get("/rooms/{room}")
def one_room(request: ApiRequest, room: PathId) -> dict[str, Any]:
    require_scope(request, "read")
    return queries.room_detail(request.user, room)


@router.patch("/rooms/{room}")
def patch_room(request: ApiRequest, room: PathId, body: RoomChange) -> dict[str, Any]:
    require_scope(request, "write")
    change_room(request.user, room, **body.model_dump())
    return queries.room_detail(request.user, room)


@router.get("/rooms/{room}/members")
def list_members(request: ApiRequest, room: PathId) -> dict[str, Any]:
    require_scope(request, "read")
    return {"members": queries.members(request.user, room)}


@router.post("/rooms/{room}/members", response={200: dict, 201: dict})
def add_member(request: ApiRequest, room: PathId, body: NewMember) -> Status[dict[str, Any]]:
    """Joins (oneself), invites, or changes a role: 201 for somebody new, else 200."""
    require_scope(request, "write")
    membership, created = put_member(request.user, room, body.user, body.role)
    return Status(201 if created else 200, member_payload(membership))


@router.delete("/rooms/{room}/members/{user}", response={204: None})
def delete_member(request: ApiRequest, room: PathId, user: PathId) -> Status[None]:
    """Leaves (oneself) or removes."""
    require_scope(request, "write")
    remove_member(request.user, room, user)
    return Status(204, None)


@router.get("/rooms/{room}/messages")
def list_messages(
    request: ApiRequest,
    room: PathId,
    before: Position | None = None,
    after: Position | None = None,
    limit: Annotated[int, Query(ge=1, le=queries.MAX_PAGE_MESSAGES)] = queries.PAGE_MESSAGES,
) -> dict[str, Any]:
    """A page by `seq`, oldest first; without bounds the newest."""
    require_scope(request, "read")
    return queries.history(request.user, room, before=before, after=after, limit=limit)


@router.post("/rooms/{room}/messages", response={200: dict, 201: dict})
def new_message(request: ApiRequest, room: PathId, body: NewMessage) -> Status[dict[str, Any]]:
    """201, or 200 where this `client_id` was seen."""
    require_scope(request, "write")
    limit("post", request.user.pk, POSTS_PER_SECOND, POSTS_BURST)
    html = rendered(room, body.body)
    posted = post_message(Post(request.user.pk, room, body.client_id or uuid4(), body.body, html, body.reply_to))
    return Status(201 if posted.created else 200, posted.message)


@router.get("/search")
def search(
    request: ApiRequest,
    q: Annotated[CleanText, Query(min_length=1, max_length=200)],
    room: PathId | None = None,
    author: Annotated[PathId | None, Query(alias="from")] = None,
    before: Moment | None = None,
    after: Moment | None = None,
) -> dict[str, Any]:
    """Messages that I may see, newest first; `before` and `after` are moments."""
    require_scope(request, "read")
    return queries.search(request.user, q, room_id=room, author_id=author, before=before, after=after)
