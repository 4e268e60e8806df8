"""The pages about work: /progress, the inbox, and what they ask for afterwards.

The pages' data is read after the inbox's head, so that following the stream from that
head misses nothing; what is told twice is an upsert.
"""

from datetime import UTC, datetime
from typing import Any, TypeVar

from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.db.models import Count, Min, Q, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from chatsite import vitals as server_vitals
from chatsite.realtime.events import rfc3339
from chatsite.realtime.streams import epoch
from chatsite.realtime.threads import in_database
from notifications.models import Inbox, Job, Notification
from notifications.payloads import job_payload, notification_payload

HISTORY_PAGE = 40
INBOX_PAGE = 40
JOBS_TODAY_SECONDS = 5

Row = TypeVar("Row", Job, Notification)

KINDS_TO_ME = [Notification.Kind.MENTION, Notification.Kind.REPLY, Notification.Kind.DIRECT]
SHOWN = {
    "waiting": Q(read_at=None),
    "mentions": Q(kind__in=KINDS_TO_ME),
    "jobs": Q(kind__startswith="job."),
    "everything": Q(),
}


@login_required
@require_safe
@never_cache
def progress(request: HttpRequest) -> HttpResponse:
    user_id = reader(request)
    data = position(user_id) | {"jobs": open_jobs(user_id), "now": rfc3339(timezone.now())}
    data["finished"], data["has_more"] = finished_jobs(user_id)
    return render(request, "notifications/progress.html", {"page_data": data})


@login_required
@require_safe
@never_cache
def history(request: HttpRequest) -> JsonResponse:
    """`{"jobs": […], "has_more": true}`: those that finished before the moment `?before=`."""
    jobs, has_more = finished_jobs(reader(request), before_moment(request))
    return JsonResponse({"jobs": jobs, "has_more": has_more})


@login_required
@require_safe
@never_cache
def inbox(request: HttpRequest) -> HttpResponse:
    show = shown(request)
    user_id = reader(request)
    data = position(user_id) | {"show": show, "now": rfc3339(timezone.now()), "jobs": open_jobs(user_id)}
    data["notifications"], data["has_more"] = notifications_of(user_id, show)
    data["waiting"] = waiting_for(user_id)
    return render(request, "notifications/inbox.html", {"page_data": data, "show": show})


@login_required
@require_safe
@never_cache
def older(request: HttpRequest) -> JsonResponse:
    """`{"notifications": […], "has_more": false}`: those before `?before=`, of the kind `?show=`."""
    notifications, has_more = notifications_of(reader(request), shown(request), before_id(request))
    return JsonResponse({"notifications": notifications, "has_more": has_more})


@login_required
@require_safe
@never_cache
def waiting(request: HttpRequest) -> JsonResponse:
    return JsonResponse(waiting_for(reader(request)))


@require_safe
@never_cache
async def vitals(request: HttpRequest) -> JsonResponse:
    """The card "This server", asked for once a second: `vitals.payload` and `jobs_today`."""
    user = await request.auser()
    if not user.is_authenticated:
        return JsonResponse({"code": "unauthenticated", "message": _("Sign in first.")}, status=401)
    return JsonResponse(server_vitals.payload() | {"jobs_today": await jobs_today()})


async def jobs_today() -> int:
    """Everybody's, since midnight in the reader's zone; counted anew every few seconds at most."""
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    key = f"jobs-today:{midnight.timestamp():.0f}"
    count: int | None = await cache.aget(key)
    if count is None:
        count = await in_database(Job.objects.filter(created_at__gte=midnight).count)
        await cache.aset(key, count, JOBS_TODAY_SECONDS)
    return count


def position(user_id: int) -> dict[str, Any]:
    """Where to follow the inbox from."""
    head = Inbox.objects.filter(pk=user_id).values_list("head_seq", flat=True).first()
    return {"me": user_id, "head": head or 0, "epoch": epoch()}


def open_jobs(user_id: int) -> list[dict[str, Any]]:
    """Oldest first, as they were started."""
    jobs = Job.objects.owned_by(user_id).open().select_related("owner").order_by("id")
    return [job_payload(job) for job in jobs]


def finished_jobs(user_id: int, before: datetime | None = None) -> tuple[list[dict[str, Any]], bool]:
    """A page of the history, the last to finish first, without their logs; and whether there are older ones."""
    jobs = Job.objects.owned_by(user_id).finished().select_related("owner").order_by("-finished_at")
    page, has_more = cut(jobs if before is None else jobs.filter(finished_at__lt=before), HISTORY_PAGE)
    return [job_payload(job) | {"log_tail": ""} for job in page], has_more


def notifications_of(user_id: int, show: str, before: int | None = None) -> tuple[list[dict[str, Any]], bool]:
    rows, has_more = cut(Notification.objects.of(user_id).filter(SHOWN[show]).page(before), INBOX_PAGE)
    return [notification_payload(row) for row in rows], has_more


def cut(rows: QuerySet[Row], size: int) -> tuple[list[Row], bool]:
    """The first `size` rows, and whether there are more."""
    page = list(rows[: size + 1])
    return page[:size], len(page) > size


def waiting_for(user_id: int) -> dict[str, Any]:
    """What is unread, as the lead sentence tells it:
    `{"count": 4, "since": "2026-11-20T17:00:00Z", "kinds": {"job.failed": 1, …}, "people": 2}`.
    """
    unread = Notification.objects.of(user_id).unread().order_by()
    kinds = dict(unread.values_list("kind").annotate(Count("pk")))
    totals = unread.aggregate(
        since=Min("created_at"), people=Count("actor", filter=Q(kind__in=KINDS_TO_ME), distinct=True)
    )
    return {
        "count": sum(kinds.values()),
        "since": totals["since"] and rfc3339(totals["since"]),
        "kinds": kinds,
        "people": totals["people"],
    }


def reader(request: HttpRequest) -> int:
    """Who is signed in; for views that ask for that."""
    assert request.user.pk is not None
    return request.user.pk


def shown(request: HttpRequest) -> str:
    show = request.GET.get("show", "")
    return show if show in SHOWN else "everything"


def before_id(request: HttpRequest) -> int | None:
    """`?before=`, where it is an id."""
    raw = request.GET.get("before", "")
    return int(raw) if raw.isascii() and raw.isdigit() and len(raw) < 19 else None


def before_moment(request: HttpRequest) -> datetime | None:
    """`?before=`, where it is a moment with its offset from UTC."""
    try:
        moment = parse_datetime(request.GET.get("before", ""))
        return moment.astimezone(UTC) if moment is not None and moment.tzinfo is not None else None
    except (ValueError, OverflowError):  # looks like one, but has a 31 February, or leaves the calendar
        return None
