"""Notifications and jobs as JSON."""

import math
from datetime import datetime
from typing import Any

from accounts.payloads import person
from chatsite.realtime.events import rfc3339
from notifications.models import Job, Notification

ETA_STEP_SECONDS = 5


def notification_payload(notification: Notification) -> dict[str, Any]:
    """One entry; the reader's client forms the sentence from `kind`, `actor` and `data`.

    Wants `actor` and `job` loaded along. `text` is an excerpt of what was said, or the job's title.
    """
    job = notification.job
    return {
        "id": notification.pk,
        "kind": notification.kind,
        "actor": person(notification.actor) if notification.actor else None,
        "text": notification.text,
        "url": notification.url,
        "data": notification.data,
        "job": {"id": job.pk, "title": job.title, "status": job.status} if job else None,
        "created_at": rfc3339(notification.created_at),
        "read_at": _time(notification.read_at),
    }


def job_payload(job: Job) -> dict[str, Any]:
    """A job as the contract says; wants `owner` loaded along."""
    return {
        "id": job.pk,
        "key": job.key,
        "kind": job.kind,
        "title": job.title,
        "status": job.status,
        "done": job.done,
        "total": job.total,
        "percent": percent(job),
        "step": job.step,
        "attempt": job.attempt,
        "created_at": rfc3339(job.created_at),
        "started_at": _time(job.started_at),
        "finished_at": _time(job.finished_at),
        "eta_seconds": eta_seconds(job),
        "result_url": job.result_url or None,
        "error": job.error or None,
        "cancel_requested": job.cancel_requested,
        "owner": {"id": job.owner.pk, "name": job.owner.name},
        "log_tail": job.log_tail,
    }


def progress_payload(job: Job) -> dict[str, Any]:
    return job_payload(job) | {"rate": None if job.rate is None else round(job.rate, 3)}


def percent(job: Job) -> int | None:
    """0 to 100, rounded down so that 100 means all; None where nobody knows the total."""
    if job.total is None:
        return None
    return min(100, job.done * 100 // job.total) if job.total else 100


def eta_seconds(job: Job) -> int | None:
    """Seconds left at the present rate, to the next 5 when there are more than 10."""
    if job.status != Job.Status.RUNNING or not job.total or not job.rate:
        return None
    left = math.ceil(max(0, job.total - job.done) / job.rate)
    return left if left <= 2 * ETA_STEP_SECONDS else math.ceil(left / ETA_STEP_SECONDS) * ETA_STEP_SECONDS


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)
