"""A job's way from status to status: the row and the owner's inbox change in one transaction."""

from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from notifications.events import (
    JobCancelled,
    JobEvent,
    JobFailed,
    JobStalled,
    JobSucceeded,
)
from notifications.models import Job, Notification
from notifications.payloads import job_payload, percent
from notifications.services.inbox import append_to_inbox, lock_inboxes, notify

Status = Job.Status

ENDS: dict[str, type[JobEvent]] = {
    Status.SUCCEEDED: JobSucceeded,
    Status.FAILED: JobFailed,
    Status.CANCELLED: JobCancelled,
}
NOTIFICATIONS: dict[type[JobEvent], Notification.Kind] = {
    JobSucceeded: Notification.Kind.JOB_SUCCEEDED,
    JobFailed: Notification.Kind.JOB_FAILED,
    JobStalled: Notification.Kind.JOB_STALLED,
    JobCancelled: Notification.Kind.JOB_CANCELLED,
}
MAX_ERROR_CHARACTERS = 1_000
NOTICE_ERROR_CHARACTERS = 200


def move(job: Job, event: type[JobEvent], only_if: Q, **changes: Any) -> Job | None:
    """Changes the job where `only_if` still holds, tells its owner, and returns it as it now is.

    None, and nothing told, where it no longer holds: somebody else was first.
    """
    with transaction.atomic():
        lock_inboxes([job.owner_id])
        if not Job.objects.filter(only_if, pk=job.pk).update(**changes):
            return None
        moved = Job.objects.select_related("owner", "cancel_by").get(pk=job.pk)
        append_to_inbox(moved.owner_id, event(job_payload(moved)))
        if event in NOTIFICATIONS and not _owner_cancelled(moved):
            _notify_owner(moved, NOTIFICATIONS[event])
    return moved


def end(job: Job, status: str, only_if: Q, error: str = "") -> Job | None:
    """Moves a job to one of its ends. `job` has the counts that the row has or is to have."""
    changes: dict[str, Any] = {"status": status, "finished_at": timezone.now(), "lease_until": None, "lease_owner": ""}
    if error:
        changes["error"] = error.replace("\x00", "")[:MAX_ERROR_CHARACTERS]
    if status == Status.SUCCEEDED and job.total is not None:
        changes["done"] = job.total
    return move(job, ENDS[status], only_if, **changes)


def _owner_cancelled(job: Job) -> bool:
    return job.status == Status.CANCELLED and job.cancel_by_id in (None, job.owner_id)


def _notify_owner(job: Job, kind: Notification.Kind) -> None:
    seconds = (job.finished_at - job.started_at).total_seconds() if job.finished_at and job.started_at else None
    notify(
        users=[job.owner_id],
        kind=kind,
        actor=job.cancel_by if job.status == Status.CANCELLED else None,
        text=job.title,
        url=f"/progress#job-{job.pk}",
        data={
            "percent": percent(job),
            "seconds": None if seconds is None else round(seconds),
            "error": job.error[:NOTICE_ERROR_CHARACTERS] or None,
            "result_url": job.result_url or None,
        },
        job=job,
    )
