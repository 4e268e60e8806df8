"""Telling the progress that outside programs report, at most four times a second for each job."""

import threading
import time
from collections import OrderedDict

from django.db import connections

from chatsite.realtime.announce import whisper
from notifications.events import JobProgressed
from notifications.models import Job
from notifications.payloads import progress_payload

TELL_INTERVAL_SECONDS = 0.25
MAX_REMEMBERED = 1_000

_told_at: OrderedDict[int, float] = OrderedDict()
_waiting: set[int] = set()
_lock = threading.Lock()


def tell_progress(job_id: int) -> None:
    """Tells the job as its row is: now, or when the interval is over; what comes meanwhile is told along."""
    with _lock:
        if job_id in _waiting:
            return
        delay = _told_at.get(job_id, 0.0) + TELL_INTERVAL_SECONDS - time.monotonic()
        if delay > 0:
            _waiting.add(job_id)
            timer = threading.Timer(delay, _tell_late, [job_id])
            timer.daemon = True
            timer.start()
            return
    _tell(job_id)


def _tell_late(job_id: int) -> None:
    with _lock:
        _waiting.discard(job_id)
    try:
        _tell(job_id)
    finally:
        connections.close_all()


def _tell(job_id: int) -> None:
    with _lock:
        _told_at[job_id] = time.monotonic()
        _told_at.move_to_end(job_id)
        while len(_told_at) > MAX_REMEMBERED:
            _told_at.popitem(last=False)
    job = Job.objects.select_related("owner").filter(pk=job_id).first()
    if job is not None and job.finished_at is None:
        whisper(f"inbox:{job.owner_id}", JobProgressed(progress_payload(job)))
