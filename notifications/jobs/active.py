"""The jobs that this process works on, so that it can reach their handlers at once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from notifications.jobs.context import JobContext
    from notifications.jobs.lease import Interrupted

_contexts: dict[int, "JobContext"] = {}
_lock = threading.Lock()


@contextmanager
def active(context: "JobContext") -> Iterator[None]:
    """While inside, the context is among `contexts()`."""
    job_id = context.job.pk
    with _lock:
        _contexts[job_id] = context
    try:
        yield
    finally:
        with _lock:
            if _contexts.get(job_id) is context:
                del _contexts[job_id]


def contexts() -> list["JobContext"]:
    with _lock:
        return list(_contexts.values())


def interrupt(job_id: int, reason: type["Interrupted"]) -> None:
    """Tells the job's handler, where it runs in this process."""
    with _lock:
        context = _contexts.get(job_id)
    if context is not None:
        context.interrupt(reason)
