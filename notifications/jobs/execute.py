"""Doing one job: all that an engine calls."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from django.conf import settings
from django.db import Error, close_old_connections, connections
from django.utils import translation
from django.utils.translation import gettext as _

from chatsite.realtime.commands import CommandError
from notifications.jobs import lease
from notifications.jobs.active import active
from notifications.jobs.context import Cancelled, HandedBack, JobContext
from notifications.jobs.lease import HEARTBEAT_SECONDS, LeaseLost
from notifications.jobs.registry import JobError, kind_named
from notifications.jobs.transitions import Status

logger = logging.getLogger(__name__)

CONCLUDE_TRIES = 10
CONCLUDE_PAUSE_SECONDS = 1.0


def execute(job_id: int, stopping: threading.Event | None = None) -> bool:
    """Claims the job and works on it to its end; False where there was nothing to claim.

    A duplicate call does no harm. Never raises because of the handler. Where `stopping`
    is set before the handler runs, the job is handed back.
    """
    job = lease.claim(job_id)
    if job is None:
        return False
    context = JobContext(job)
    language = job.language or settings.LANGUAGE_CODE
    with active(context), _heartbeat(context), translation.override(language):
        if stopping is not None and stopping.is_set():
            context.interrupt(HandedBack)
        _conclude(context, _outcome(context))
    return True


def _outcome(context: JobContext) -> Callable[[], object]:
    """Runs the handler and returns what is to be done with the job now."""
    job = context.job
    try:
        context.raise_if_told()
        kind = kind_named(job.kind)
        kind.run(context, kind.params.model_validate(job.params))
    except (LeaseLost, HandedBack):
        return partial(lease.give_back, job)
    except Cancelled:
        return partial(lease.finish, job, Status.CANCELLED)
    except CommandError as error:
        return partial(lease.finish, job, Status.FAILED, str(error.message))
    except JobError as error:
        return partial(lease.finish, job, Status.FAILED, str(error))
    except Exception as error:
        logger.exception("job %s failed", job.pk)
        return partial(lease.finish, job, Status.FAILED, _plain(error))
    return partial(lease.finish, job, Status.SUCCEEDED)


def _plain(error: Exception) -> str:
    return _("It stopped with an error: %(error)s") % {"error": str(error) or type(error).__name__}


def _conclude(context: JobContext, step: Callable[[], object]) -> None:
    """Writes the last progress, then the end. A database that is away is waited for, for a while."""
    for _try in range(CONCLUDE_TRIES):
        try:
            context.flush(now=True)
            if not context.pending:
                step()
                return
        except LeaseLost:
            logger.warning("job %s: the lease was lost, somebody else goes on", context.job.pk)
            return
        except Error:
            logger.warning("job %s: its end is not written yet", context.job.pk, exc_info=True)
            close_old_connections()
        time.sleep(CONCLUDE_PAUSE_SECONDS)
    logger.error("job %s: its end could not be written; it runs again when the lease is over", context.job.pk)


@contextmanager
def _heartbeat(context: JobContext) -> Iterator[None]:
    """Renews the lease from a thread of its own, however busy the handler is."""
    done = threading.Event()
    thread = threading.Thread(target=_beat, args=(context, done), name=f"lease-{context.job.pk}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(HEARTBEAT_SECONDS)


def _beat(context: JobContext, done: threading.Event) -> None:
    try:
        while not done.wait(HEARTBEAT_SECONDS):
            context.renew()
            close_old_connections()
    except LeaseLost:
        logger.warning("job %s: the lease was lost", context.job.pk)
    finally:
        connections.close_all()
