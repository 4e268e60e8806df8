"""The sweep: what wakers, workers and outside programs left undone. Every web and worker process does it."""

import logging
import threading
from datetime import datetime

from django.conf import settings
from django.core.cache import cache
from django.db import close_old_connections, connections
from django.db.models import Q, QuerySet
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from notifications.events import JobStalled
from notifications.jobs.engines import wake
from notifications.jobs.transitions import Status, end, move
from notifications.models import Job
from notifications.querysets import MAX_ATTEMPTS, is_abandoned, is_silent

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 2.0
WAKE_AGAIN_SECONDS = 30
BATCH = 100


def sweep() -> None:
    """One round. Each step is a compare-and-set, so that sweeps of several processes don't disturb each other."""
    now = timezone.now()
    _end_abandoned(now)
    _stall_silent(now)
    for job_id, epoch in Job.objects.claimable().values_list("pk", "lease_epoch")[:BATCH]:
        if cache.add(f"job-woken-{job_id}-{epoch}", True, WAKE_AGAIN_SECONDS):
            wake(job_id)


def _end_abandoned(now: datetime) -> None:
    """Jobs whose worker died: cancelled if somebody wanted that, failed if it was the last attempt."""
    for job in _some(is_abandoned(now) & Q(cancel_requested=True)):
        end(job, Status.CANCELLED, is_abandoned(now))
    for job in _some(is_abandoned(now) & Q(cancel_requested=False, attempt__gte=MAX_ATTEMPTS)):
        with translation.override(job.language or settings.LANGUAGE_CODE):
            error = _("Its worker stopped without a word, %(count)s times.") % {"count": job.attempt}
        end(job, Status.FAILED, is_abandoned(now), error)


def _stall_silent(now: datetime) -> None:
    """Outside programs that have not reported for a while."""
    for job in _some(is_silent(now) & Q(cancel_requested=True)):
        end(job, Status.CANCELLED, is_silent(now))
    for job in _some(is_silent(now) & Q(cancel_requested=False)):
        move(job, JobStalled, is_silent(now), status=Status.STALLED)


def _some(which: Q) -> QuerySet[Job]:
    return Job.objects.filter(which).select_related("owner").order_by("id")[:BATCH]


class Sweeper:
    """A thread that sweeps until it is stopped."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="sweep", daemon=True)
        self._thread.start()

    def stop(self, timeout_seconds: float = 5.0) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout_seconds)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                close_old_connections()
                sweep()
            except Exception:
                logger.warning("the sweep failed and is tried again", exc_info=True)
            finally:
                connections.close_all()
            self._stop.wait(SWEEP_SECONDS)
