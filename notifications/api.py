"""The inbox and jobs over HTTP. Translates; the services do.

Lists come newest first in pages: `after` is the id of the last entry that one has, and
what follows it in the list has lower ids.
"""

from typing import Annotated, Any, Literal, TypeVar

from django.db.models import QuerySet
from ninja import Router, Schema
from ninja.responses import Status
from pydantic import AfterValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from accounts.auth import ApiRequest, require_scope
from chatsite.realtime.commands import MAX_ID, Id, not_found
from chatsite.realtime.ratelimits import limit
from chatsite.realtime.text import CleanText
from notifications.jobs.context import MAX_INT
from notifications.jobs.log import read_log
from notifications.models import Job, Notification
from notifications.payloads import job_payload, notification_payload
from notifications.services import mark_read
from notifications.services.jobs import cancel_job, retry_job, start_job
from notifications.services.reports import Report, report_job

Row = TypeVar("Row", Job, Notification)

router = Router(tags=["inbox and jobs"])

MAX_LOG_REPORT_CHARACTERS = 16 * 1024
MAX_PAGE = 100
PAGE = 50
STARTS_PER_SECOND = 2
STARTS_BURST = 60
REPORTS_PER_SECOND = 50
REPORTS_BURST = 500


def _said(title: str) -> str:
    if not title.strip():
        raise PydanticCustomError("empty", "has nothing in it")
    return title.strip()


PathId = Annotated[int, Field(ge=1, le=MAX_ID)]
Limit = Annotated[int, Field(ge=1, le=MAX_PAGE)]
Offset = Annotated[int, Field(ge=0, le=MAX_INT)]
Count = Annotated[int, Field(strict=True, ge=0, le=MAX_INT)]
Title = Annotated[CleanText, Field(min_length=1, max_length=200), AfterValidator(_said)]
Step = Annotated[CleanText, Field(max_length=200)]
LogText = Annotated[CleanText, Field(max_length=MAX_LOG_REPORT_CHARACTERS)]
Reported = Literal["running", "succeeded", "failed", "cancelled"]


class Closed(Schema):
    """A request body: no fields besides its own."""

    model_config = ConfigDict(extra="forbid")


class ReadMark(Closed):
    """Which notifications were read: these, or all up to one."""

    ids: Annotated[list[Id], Field(max_length=1_000)] = []
    up_to: Id | None = None


class NewJob(Closed):
    title: Title
    key: Annotated[CleanText, Field(max_length=100)] = ""
    kind: Annotated[CleanText, Field(max_length=40)] = ""
    room: Id | None = None
    total: Count | None = None
    params: Annotated[dict[str, Any], Field(max_length=100)] = {}


class JobReport(Closed):
    done: Count | None = None
    total: Count | None = None
    step: Step | None = None
    log: LogText | None = None
    status: Reported | None = None
    client_seq: Count | None = None


@router.get("/notifications")
def list_notifications(
    request: ApiRequest, after: PathId | None = None, unread: bool = False, limit: Limit = PAGE
) -> dict[str, Any]:
    """`{"notifications": […], "has_more": false, "unread": 3}`"""
    require_scope(request, "read")
    mine = Notification.objects.of(request.user.pk)
    rows, has_more = _page((mine.unread() if unread else mine).page(after), limit)
    found = [notification_payload(row) for row in rows]
    return {"notifications": found, "has_more": has_more, "unread": mine.unread().count()}


@router.post("/notifications/read")
def read_notifications(request: ApiRequest, mark: ReadMark) -> dict[str, Any]:
    """`{"unread": 2}`: how many still wait."""
    require_scope(request, "write")
    return {"unread": mark_read(request.user.pk, ids=mark.ids, up_to=mark.up_to)}


@router.post("/jobs", response={200: dict, 201: dict})
def create_job(request: ApiRequest, new: NewJob) -> Status[dict[str, Any]]:
    """The job: 201 where it is new, 200 where one with this key is open."""
    require_scope(request, "jobs")
    limit("job.start", request.user.pk, STARTS_PER_SECOND, STARTS_BURST)
    job, created = start_job(request.user, **new.model_dump())
    return Status(201 if created else 200, job_payload(job))


@router.get("/jobs")
def list_jobs(
    request: ApiRequest, status: Job.Status | None = None, after: PathId | None = None, limit: Limit = PAGE
) -> dict[str, Any]:
    """My jobs, of one status where asked for: `{"jobs": […], "has_more": false}`"""
    require_scope(request, "read")
    mine = Job.objects.owned_by(request.user.pk)
    rows, has_more = _page((mine.filter(status=status) if status else mine).page(after), limit)
    return {"jobs": [job_payload(job) for job in rows], "has_more": has_more}


@router.get("/jobs/{job_id}")
def get_job(request: ApiRequest, job_id: PathId) -> dict[str, Any]:
    require_scope(request, "read")
    return job_payload(_own_job(request, job_id))


@router.patch("/jobs/{job_id}")
def patch_job(request: ApiRequest, job_id: PathId, report: JobReport) -> dict[str, Any]:
    """An outside program's report; the answer's `cancel_requested` says whether it should stop."""
    require_scope(request, "jobs")
    limit("job.report", request.user.pk, REPORTS_PER_SECOND, REPORTS_BURST)
    return job_payload(report_job(request.user, job_id, Report(**report.model_dump())))


@router.get("/jobs/{job_id}/log")
def get_log(request: ApiRequest, job_id: PathId, offset: Offset = 0) -> dict[str, Any]:
    """`{"text": "…", "offset": 512, "size": 900}`: `offset` is what to ask for next, in characters, as `size` is."""
    require_scope(request, "read")
    job = _own_job(request, job_id)
    text, reached = read_log(job, offset)
    return {"text": text, "offset": reached, "size": job.log_size}


@router.post("/jobs/{job_id}/cancel")
def post_cancel(request: ApiRequest, job_id: PathId) -> dict[str, Any]:
    require_scope(request, "jobs")
    return job_payload(cancel_job(request.user, job_id))


@router.post("/jobs/{job_id}/retry")
def post_retry(request: ApiRequest, job_id: PathId) -> dict[str, Any]:
    require_scope(request, "jobs")
    limit("job.start", request.user.pk, STARTS_PER_SECOND, STARTS_BURST)
    return job_payload(retry_job(request.user, job_id))


def _own_job(request: ApiRequest, job_id: int) -> Job:
    job = Job.objects.owned_by(request.user.pk).select_related("owner").filter(pk=job_id).first()
    if job is None:
        raise not_found()
    return job


def _page(rows: QuerySet[Row], size: int) -> tuple[list[Row], bool]:
    page = list(rows[: size + 1])
    return page[:size], len(page) > size
