"""Engines: how somebody is woken up to execute a job. None of them is trusted to succeed; the sweep is."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from django.conf import settings
from django.db import transaction

from chatsite.realtime.breaker import Breaker

logger = logging.getLogger(__name__)

_publisher = ThreadPoolExecutor(1, thread_name_prefix="wake")  # a broker that hangs holds up no request
_breaker = Breaker("the broker")
embedded_wakeup = threading.Event()  # the runner threads of this process wait for it


def wake_on_commit(job_id: int) -> None:
    """Has the job executed soon after the transaction is through."""
    transaction.on_commit(partial(wake, job_id), robust=True)


def wake(job_id: int) -> None:
    """Returns at once. A job that nobody could be woken for is found by the sweep."""
    if settings.JOBS_ENGINE == "celery":
        _publisher.submit(_publish, job_id)
    else:
        embedded_wakeup.set()


def _publish(job_id: int) -> None:
    if not _breaker.allows():
        return
    try:
        from notifications.jobs.celery import execute_job  # loads Celery only where it is used

        execute_job.apply_async([job_id], retry=False)
    except Exception as error:
        logger.debug("nobody was woken for job %s", job_id, exc_info=True)
        _breaker.failed(error)
    else:
        _breaker.succeeded()
