"""The embedded engine: threads of the server's own process that execute jobs."""

import logging
import threading
import time

from django.conf import settings
from django.db import close_old_connections, connections

from notifications.jobs.active import contexts
from notifications.jobs.context import HandedBack
from notifications.jobs.engines import embedded_wakeup
from notifications.jobs.execute import execute
from notifications.jobs.lease import give_back
from notifications.jobs.sweep import Sweeper
from notifications.models import Job

logger = logging.getLogger(__name__)

RUNNERS = 4
POLL_SECONDS = 2.0
CANDIDATES = 16


class Runners:
    """Some runner threads and a sweeper; without runners it only sweeps."""

    def __init__(self, count: int) -> None:
        self._stopping = threading.Event()
        self._sweeper = Sweeper()
        self._threads = [
            threading.Thread(target=self._run, name=f"runner-{number}", daemon=True) for number in range(1, count + 1)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()
        self._sweeper.start()

    def stop(self, timeout_seconds: float) -> None:
        """Hands running jobs back at their next step; those that take too long lose their lease as they are."""
        deadline = time.monotonic() + timeout_seconds
        self._stopping.set()
        embedded_wakeup.set()
        for context in contexts():
            context.interrupt(HandedBack)
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        for context in contexts():
            give_back(context.job)
        self._sweeper.stop(max(0.1, deadline - time.monotonic()))

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                close_old_connections()
                worked = self._work()
            except Exception:
                logger.warning("a runner failed and goes on", exc_info=True)
                worked = False
            finally:
                connections.close_all()
            if not worked:
                embedded_wakeup.wait(POLL_SECONDS)
                if not self._stopping.is_set():
                    embedded_wakeup.clear()

    def _work(self) -> bool:
        """Executes the first job that is free; False where there was none."""
        for job_id in Job.objects.claimable().values_list("pk", flat=True)[:CANDIDATES]:
            if self._stopping.is_set():
                return True
            if execute(job_id, self._stopping):
                return True
        return False


_runners: Runners | None = None
_lock = threading.Lock()


def start_runners() -> None:
    """Starts this process's runners, once; where Celery is the engine, only the sweep.

    Does nothing in a process that has stopped them: a request that still comes while it goes
    down must not have jobs claimed again.
    """
    global _runners
    with _lock:
        if _runners is None:
            _runners = Runners(RUNNERS if settings.JOBS_ENGINE == "embedded" else 0)
            _runners.start()


def stop_runners(timeout_seconds: float = 5.0) -> None:
    """Ends them in order: checkpoints kept, leases given up, so that another process goes on at once."""
    if _runners is not None:
        _runners.stop(timeout_seconds)
