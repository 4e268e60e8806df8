"""What outside programs report of their jobs. Each report renews the lease."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from chatsite.realtime.commands import CommandError, not_found
from notifications.events import JobResumed, JobStarted
from notifications.jobs.log import append_log
from notifications.jobs.pace import advanced
from notifications.jobs.telling import tell_progress
from notifications.jobs.transitions import Status, end, move
from notifications.models import Job
from notifications.services.inbox import lock_inboxes

STALL_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Report:
    """What a program says; None is "as before". `status` is running or one of the ends."""

    done: int | None = None
    total: int | None = None
    step: str | None = None
    log: str | None = None
    status: str | None = None
    client_seq: int | None = None


def silent_at() -> datetime:
    """When a program that reports now and then no more counts as silent."""
    return timezone.now() + timedelta(seconds=STALL_SECONDS)


def report_job(owner: User, job_id: int, report: Report) -> Job:
    """Takes a report and returns the job, `cancel_requested` included.

    A report that was seen (its `client_seq` is no higher than the last one's, or it says
    again how the job ended) changes nothing. Raises `not_found`, and `conflict` for a
    job that this site runs or that is finished.
    """
    job = _own(owner, job_id)
    if _is_progress(job, report) and _advance(job, report):
        tell_progress(job.pk)
        return job
    with transaction.atomic():
        lock_inboxes([owner.pk])
        job = _own(owner, job_id, lock=True)
        if job.kind:
            raise CommandError("conflict", _("This site runs that job and reports it by itself."))
        if _seen(job, report):
            return job
        if job.finished_at is not None:
            raise CommandError("conflict", _("That job is finished already."))
        changes = _columns(job, report)
        Job.objects.filter(pk=job.pk).update(**changes)
        _take_over(job, changes)
        return _moved(job, report.status)


def _own(owner: User, job_id: int, lock: bool = False) -> Job:
    jobs = Job.objects.owned_by(owner.pk)
    if lock:
        jobs = jobs.select_for_update(no_key=True)
    job = jobs.filter(pk=job_id).first()
    if job is None:
        raise not_found()
    job.owner = owner
    return job


def _is_progress(job: Job, report: Report) -> bool:
    """Whether it changes the job's row alone: most reports do."""
    is_running = not job.kind and job.status == Status.RUNNING and report.status in (None, Status.RUNNING)
    return is_running and not report.log and not _seen(job, report)


def _advance(job: Job, report: Report) -> bool:
    """One statement, while the row is as it was read: many programs report often, and each transaction would
    keep everybody else's writes waiting. False where somebody was faster.
    """
    changes = _columns(job, report)
    as_read = Job.objects.filter(
        pk=job.pk, status=job.status, done=job.done, progressed_at=job.progressed_at, client_seq=job.client_seq
    )
    if not as_read.update(**changes):
        return False
    _take_over(job, changes)
    return True


def _take_over(job: Job, changes: dict[str, Any]) -> None:
    for name, value in changes.items():
        setattr(job, name, value)


def _seen(job: Job, report: Report) -> bool:
    if report.client_seq is not None and job.client_seq is not None and report.client_seq <= job.client_seq:
        return True
    return job.finished_at is not None and report.status == job.status


def _columns(job: Job, report: Report) -> dict[str, Any]:
    changes: dict[str, Any] = {"lease_until": silent_at()}
    if report.done is not None:
        changes |= advanced(job, report.done, timezone.now())
    if report.total is not None:
        changes["total"] = report.total
    if report.step is not None:
        changes["step"] = report.step
    if report.client_seq is not None:
        changes["client_seq"] = report.client_seq
    if report.log:
        changes |= append_log(job, report.log if report.log.endswith("\n") else report.log + "\n")
    return changes


def _moved(job: Job, status: str | None) -> Job:
    """Its transition, if this report makes one; else its progress is told."""
    this = Q(pk=job.pk)
    if job.status != Status.RUNNING:
        now = timezone.now()
        changes = {"status": Status.RUNNING, "started_at": job.started_at or now, "progressed_at": now}
        event = JobResumed if job.started_at else JobStarted
        job = move(job, event, this, attempt=job.attempt or 1, **changes) or job
    if status in (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED):
        return end(job, status, this, error=job.step if status == Status.FAILED else "") or job
    transaction.on_commit(partial(tell_progress, job.pk), robust=True)
    return job
