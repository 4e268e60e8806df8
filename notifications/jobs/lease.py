"""Leases: who works on a job, for how long, and that nobody else writes to it.

A claim is a compare-and-set that raises `lease_epoch`. Every write of a running job is
fenced by that epoch, so a worker that was frozen and wakes up finds its lease lost.
"""

import os
import socket
import threading
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from notifications.events import JobResumed, JobStarted
from notifications.jobs.log import append_log
from notifications.jobs.transitions import Status, end, move
from notifications.models import Job
from notifications.querysets import is_claimable

LEASE_SECONDS = 10
HEARTBEAT_SECONDS = 3


class Interrupted(BaseException):
    """Ends a handler from outside; no `Exception`, so that none catches it by mistake."""


class LeaseLost(Interrupted):
    """Somebody else has the job now. Nothing was written, and nothing may be."""


def claim(job_id: int) -> Job | None:
    """Takes the job for this thread, or None where there is nothing to take."""
    now = timezone.now()
    job = Job.objects.filter(is_claimable(now), pk=job_id).first()
    if job is None:
        return None
    return move(
        job,
        JobStarted if job.started_at is None else JobResumed,
        is_claimable(now) & Q(lease_epoch=job.lease_epoch),
        status=Status.RUNNING,
        attempt=F("attempt") + 1,
        lease_epoch=F("lease_epoch") + 1,
        lease_owner=_worker_name(),
        lease_until=now + timedelta(seconds=LEASE_SECONDS),
        started_at=job.started_at or now,
        progressed_at=now,
    )


def held(job: Job) -> Q:
    """That the job is still ours: the one of this claim."""
    return Q(pk=job.pk, lease_epoch=job.lease_epoch, status=Status.RUNNING)


def write(job: Job, changes: dict[str, Any], log: str = "") -> None:
    """Writes a claimed job's columns and log and renews its lease.

    Brings `job` up to date, `cancel_requested` included. Raises LeaseLost.
    """
    renewed = {"lease_until": timezone.now() + timedelta(seconds=LEASE_SECONDS)}
    with transaction.atomic():
        ours = Job.objects.filter(held(job))
        if not ours.update(**changes, **renewed):
            raise LeaseLost
        if log and (kept := append_log(job, log)):
            ours.update(**kept)
            changes = changes | kept
        cancel_requested = ours.values_list("cancel_requested", flat=True).get()
    for name, value in (changes | renewed).items():
        setattr(job, name, value)
    job.cancel_requested = cancel_requested


def give_back(job: Job) -> bool:
    """Gives the lease up in order, so that another process goes on at once.

    The claim does not count as an attempt; a handler that still runs has lost its lease.
    """
    return bool(
        Job.objects.filter(held(job)).update(
            lease_until=timezone.now() - timedelta(seconds=1),
            lease_epoch=F("lease_epoch") + 1,
            lease_owner="",
            attempt=F("attempt") - 1,
        )
    )


def finish(job: Job, status: str, error: str = "") -> Job:
    """Ends a claimed job. Raises LeaseLost."""
    ended = end(job, status, held(job), error)
    if ended is None:
        raise LeaseLost
    return ended


def _worker_name() -> str:
    return f"{socket.gethostname()[:40]}:{os.getpid()}:{threading.current_thread().name}"[:80]
