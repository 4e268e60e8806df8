"""The chat's pages. Translates; queries read."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET, require_POST
from pydantic_core import to_json

from accounts.models import User
from accounts.payloads import avatar_url, person
from chat import queries
from chat.models import Membership, Room
from chat.payloads import member_payload, room_payload
from chat.seen import public_rooms, rooms_with_last_talk, visible_rooms
from chat.services.rooms import create_room
from chatsite.realtime import streams
from chatsite.realtime.commands import MAX_ID, CommandError

PEOPLE_FOUND = 20
PEOPLE_A_PAGE = 100
MAX_QUERY_CHARACTERS = 200


@require_GET
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """My rooms, the newest talk first."""
    rooms = [
        room_payload(room) | {"url": room.get_absolute_url(), "last_at": room.last_at}
        for room in rooms_with_last_talk(_user(request))
    ]
    return render(request, "chat/home.html", {"rooms": rooms})


@require_GET
@login_required
def browse(request: HttpRequest) -> HttpResponse:
    """Public rooms, joined or not."""
    q = _asked(request)
    rooms = [room_payload(room) | {"url": room.get_absolute_url()} for room in public_rooms(_user(request), q)]
    return render(request, "chat/browse.html", {"rooms": rooms, "q": q})


@require_GET
@login_required
def room(request: HttpRequest, slug: str) -> HttpResponse:
    """One room with its newest messages: a page, or its data as JSON for a page that shows another room already."""
    user = _user(request)
    try:
        view = queries.first_view(user, slug)
    except CommandError as error:
        raise Http404(str(error.message)) from None
    data: dict[str, Any] = {
        "me": person(user) | {"username": user.username},
        "epoch": streams.epoch(),
        **view,
    }
    if request.get_preferred_type(["text/html", "application/json"]) == "application/json":
        response = HttpResponse(to_json(data), "application/json", headers={"Cache-Control": "no-store"})
    else:
        response = render(request, "chat/room.html", {"room": view["room"], "page_data": data})
    patch_vary_headers(response, ["Accept"])
    return response


@require_GET
@login_required
def people(request: HttpRequest) -> HttpResponse:
    """Everybody here."""
    q = _asked(request)
    pages = Paginator(_people(_user(request), q), PEOPLE_A_PAGE)
    page = pages.get_page(request.GET.get("page"))
    listed = [member_payload(Membership(user=user, room=Room())) for user in page.object_list]
    return render(request, "chat/people.html", {"people": listed, "page": page, "q": q})


@require_GET
@login_required
def people_search(request: HttpRequest) -> JsonResponse:
    """People by name, for pickers: `{"people": [{id, name, username, avatar}]}`."""
    q = _asked(request)
    found = _people(_user(request), q)[:PEOPLE_FOUND]
    listed = [{"id": u.pk, "name": u.name, "username": u.username, "avatar": avatar_url(u.avatar_name)} for u in found]
    return JsonResponse({"people": listed})


def _people(user: User, q: str) -> QuerySet[User]:
    named = Q(username__icontains=q) | Q(display_name__icontains=q) if q else Q()
    return User.objects.filter(named, is_active=True).exclude(pk=user.pk).order_by("display_name", "username")


@require_POST
@login_required
def message_person(request: HttpRequest, user_id: int) -> HttpResponse:
    """To the direct room with somebody, made at the first time."""
    if user_id > MAX_ID:
        raise Http404
    try:
        return redirect(create_room(_user(request), name="", kind=Room.Kind.DIRECT, members=[user_id]))
    except CommandError as error:
        raise Http404(str(error.message)) from None


@require_GET
@login_required
def search(request: HttpRequest) -> HttpResponse:
    """Messages with some text in them, in the rooms that I may see."""
    q = _asked(request)
    user = _user(request)
    found: dict[str, Any] = queries.search(user, q) if q else {"messages": [], "has_more": False}
    rooms = {room.pk: room_payload(room) for room in visible_rooms(user)} if found["messages"] else {}
    results = [message | {"place": rooms[message["room"]]} for message in found["messages"] if message["room"] in rooms]
    return render(request, "chat/search.html", {"q": q, "results": results, "has_more": found["has_more"]})


def _asked(request: HttpRequest) -> str:
    """`?q=`, without the NUL that PostgreSQL refuses."""
    return request.GET.get("q", "").replace("\x00", "").strip()[:MAX_QUERY_CHARACTERS]


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
