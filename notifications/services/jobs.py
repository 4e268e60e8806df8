"""Starting, cancelling and retrying jobs.

Each locks the owner's inbox first and the job then, and tells that inbox in the same transaction.
"""

from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from chatsite.realtime.announce import whisper
from chatsite.realtime.commands import CommandError, not_found
from chatsite.realtime.streams import may_follow
from notifications.events import JobProgressed, JobQueued
from notifications.jobs.active import interrupt
from notifications.jobs.context import Cancelled
from notifications.jobs.engines import wake_on_commit
from notifications.jobs.registry import checked_params
from notifications.jobs.transitions import Status, end
from notifications.models import Job, JobLog
from notifications.payloads import job_payload, progress_payload
from notifications.services.inbox import append_to_inbox, lock_inboxes
from notifications.services.reports import silent_at

MAX_OPEN_JOBS = 50


def start_job(
    owner: User,
    *,
    title: str,
    key: str = "",
    kind: str = "",
    room: int | None = None,
    total: int | None = None,
    params: dict[str, Any] | None = None,
) -> tuple[Job, bool]:
    """A new job, and True; or, while one with the same key is open, that one and False.

    Its words are in the language of the owner's profile, else in the one spoken now.
    With a `kind` this site runs it, else an outside program is to report it. Raises
    `invalid`, `not_found` for a room that the owner may not see, and `conflict` where
    too many are open.
    """
    if params and not kind:
        raise CommandError("invalid", _("Parameters are for jobs that this site runs."), field="params")
    checked = checked_params(kind, params or {}) if kind else {}
    if room is not None and not may_follow(owner.pk, f"room:{room}"):
        raise not_found()
    with transaction.atomic():
        lock_inboxes([owner.pk])
        if key and (same := Job.objects.owned_by(owner.pk).open().filter(key=key).select_related("owner").first()):
            return same, False
        _refuse_too_many(owner.pk)
        job = Job.objects.create(
            owner=owner, key=key, kind=kind, title=title, room_ref=room, total=total, params=checked,
            language=owner.language or get_language() or "", created_at=timezone.now(),
            lease_until=None if kind else silent_at(),
        )  # fmt: skip
        _queue(job)
    return job, True


def cancel_job(by: User, job_id: int) -> Job:
    """As `cancel`, for one's own job. Raises `not_found` and `conflict`."""
    return cancel(_own_job(by, job_id), by)


def cancel(job: Job, by: User) -> Job:
    """Ends a job that nobody works on at once; else asks whoever does, and they end it.

    Asking twice is no error. Raises `conflict` for a finished job.
    """
    with transaction.atomic():
        job = _locked(job)
        if job.finished_at is not None:
            raise CommandError("conflict", _("That job is finished already."))
        Job.objects.filter(pk=job.pk).update(cancel_requested=True, cancel_by=by)
        job.cancel_requested, job.cancel_by = True, by
        if job.status == Status.STALLED or (job.kind and job.status == Status.QUEUED):
            return end(job, Status.CANCELLED, Q(pk=job.pk)) or job
        transaction.on_commit(partial(_ask_to_end, job), robust=True)
    return job


def _ask_to_end(job: Job) -> None:
    """Reaches a handler in this process at once; others learn it with their next write."""
    interrupt(job.pk, Cancelled)
    whisper(f"inbox:{job.owner_id}", JobProgressed(progress_payload(job)))


def retry_job(by: User, job_id: int) -> Job:
    """As `retry`, for one's own job. Raises `not_found` and `conflict`."""
    return retry(_own_job(by, job_id))


def retry(job: Job) -> Job:
    """Queues a finished job of this site again, from its beginning, with its log emptied.

    Raises `conflict` for what is not finished, for outside programs' jobs, and where
    another job with its key is open.
    """
    with transaction.atomic():
        job = _locked(job)
        if not job.kind:
            raise CommandError("conflict", _("The program that reports this job has to start it again."))
        if job.finished_at is None:
            raise CommandError("conflict", _("That job is not finished yet."))
        if job.key and Job.objects.owned_by(job.owner_id).open().filter(key=job.key).exists():
            raise CommandError("conflict", _("Another job with this key is open."))
        _refuse_too_many(job.owner_id)
        JobLog.objects.filter(job=job).delete()
        _as_new(job)
        job.save()
        _queue(job)
    return job


def _as_new(job: Job) -> None:
    """All but what it was started with; the epoch goes on, so that a frozen worker stays fenced."""
    fresh = Job()
    started_with = {"owner", "key", "kind", "title", "room_ref", "language", "params", "total"}
    kept = started_with | {"id", "lease_epoch", "created_at"}
    for field in Job._meta.concrete_fields:
        if field.name not in kept:
            setattr(job, field.attname, getattr(fresh, field.attname))


def _queue(job: Job) -> None:
    append_to_inbox(job.owner_id, JobQueued(job_payload(job)))
    if job.kind:
        wake_on_commit(job.pk)


def _own_job(user: User, job_id: int) -> Job:
    job = Job.objects.owned_by(user.pk).filter(pk=job_id).first()
    if job is None:
        raise not_found()
    return job


def _locked(job: Job) -> Job:
    lock_inboxes([job.owner_id])
    return Job.objects.select_for_update(no_key=True, of=["self"]).select_related("owner").get(pk=job.pk)


def _refuse_too_many(owner_id: int) -> None:
    if Job.objects.owned_by(owner_id).open().count() >= MAX_OPEN_JOBS:
        raise CommandError("conflict", _("Too many jobs are open. Wait until some are finished."))
