"""Telling the progress that outside programs report, at most four times a second for each job.

One thread tells for all requests: who reports doesn't wait for it, and many jobs' rows are read at once.
"""

import logging
import threading
import time

from django.db import close_old_connections

from chatsite.realtime.announce import whisper
from notifications.events import JobProgressed
from notifications.models import Job
from notifications.payloads import progress_payload

logger = logging.getLogger(__name__)

TELL_INTERVAL_SECONDS = 0.25
GATHER_SECONDS = 0.02  # between two readings of rows; what falls due meanwhile is read together
RETRY_SECONDS = 1.0

_due: dict[int, float] = {}  # job id: when its row is to be told
_told_at: dict[int, float] = {}
_news = threading.Condition()
_threads: list[threading.Thread] = []


def tell_progress(job_id: int) -> None:
    """Tells the job as its row is: now, or when the interval is over; what comes meanwhile is told along."""
    with _news:
        if not _threads:
            _threads.append(threading.Thread(target=_tell_on, name="telling", daemon=True))
            _threads[0].start()
        if job_id not in _due:
            _due[job_id] = max(time.monotonic(), _told_at.get(job_id, 0.0) + TELL_INTERVAL_SECONDS)
            _news.notify()


def _tell_on() -> None:
    while True:
        job_ids = _take_due()
        try:
            _tell(job_ids)
        except Exception:
            logger.exception("the progress of %d jobs could not be told; trying again", len(job_ids))
            with _news:
                _due.update(dict.fromkeys(job_ids, time.monotonic() + RETRY_SECONDS))
        finally:
            close_old_connections()
        time.sleep(GATHER_SECONDS)


def _take_due() -> list[int]:
    """Waits until at least one is due."""
    with _news:
        while not (taken := [job_id for job_id, at in _due.items() if at <= time.monotonic()]):
            _news.wait(min(_due.values()) - time.monotonic() if _due else None)
        now = time.monotonic()
        for job_id in [job_id for job_id, at in _told_at.items() if at + TELL_INTERVAL_SECONDS < now]:
            del _told_at[job_id]
        for job_id in taken:
            del _due[job_id]
            _told_at[job_id] = now
    return taken


def _tell(job_ids: list[int]) -> None:
    for job in Job.objects.select_related("owner").filter(pk__in=job_ids, finished_at=None):
        whisper(f"inbox:{job.owner_id}", JobProgressed(progress_payload(job)))
