"""What a handler works with: progress, log, checkpoint, and being told to stop."""

import logging
import threading
import time
from typing import Any

from django.db import Error, close_old_connections
from django.utils import timezone

from chatsite.realtime.announce import whisper
from notifications.events import JobProgressed
from notifications.jobs.lease import Interrupted, LeaseLost, write
from notifications.jobs.pace import advanced
from notifications.models import Job
from notifications.payloads import progress_payload

logger = logging.getLogger(__name__)

WRITE_INTERVAL_SECONDS = 0.25
STEP_CHARACTERS = 200
MAX_INT = 2**53


class Cancelled(Interrupted):
    """Somebody wants the job to end."""


class HandedBack(Interrupted):
    """This process ends; another one is to go on from the checkpoint."""


class JobContext:
    """A claimed job, in the hands of its handler.

    What the handler tells is kept and written at most four times a second, together,
    the last always; each write renews the lease and learns whether somebody wants the
    job cancelled. A database that is away for a moment costs nothing but the write's
    delay. `progress`, `log` and `wait` raise Cancelled, HandedBack or LeaseLost.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.checkpoint: dict[str, Any] = dict(job.checkpoint)
        self._changes: dict[str, Any] = {}
        self._lines: list[str] = []
        self._written_at = -WRITE_INTERVAL_SECONDS
        self._writing = threading.Lock()
        self._told = threading.Event()
        self._reason: type[Interrupted] | None = None

    # --- For the handler ----------------------------------------------------

    def progress(
        self, done: int, total: int | None = None, *, step: str | None = None, checkpoint: dict[str, Any] | None = None
    ) -> None:
        """`done` of `total` units; `checkpoint` is what the handler needs to go on from here, as JSON."""
        self.raise_if_told()
        with self._writing:
            self._changes["done"] = min(done, MAX_INT)
            if total is not None:
                self._changes["total"] = min(total, MAX_INT)
            if step is not None:
                self._changes["step"] = step[:STEP_CHARACTERS]
            if checkpoint is not None:
                self.checkpoint = self._changes["checkpoint"] = checkpoint
        self.flush()

    def log(self, text: str) -> None:
        """A line, or several, for the job's log."""
        self.raise_if_told()
        with self._writing:
            self._lines.append(text.replace("\x00", "").rstrip("\n") + "\n")
        self.flush()

    def result(self, url: str) -> None:
        """Where the job's result is to be found."""
        with self._writing:
            self._changes["result_url"] = url

    @property
    def cancelled(self) -> bool:
        """For a handler that tidies up before it calls `progress` or `wait` again, which raise."""
        return self._reason is Cancelled

    def wait(self, seconds: float) -> None:
        """Sleeps, unless the handler is told to stop; what is yet unwritten is written meanwhile."""
        deadline = time.monotonic() + seconds
        due = self._written_at + WRITE_INTERVAL_SECONDS
        if self.pending and due < deadline:
            self._told.wait(max(0.0, due - time.monotonic()))
            self.flush()
        self._told.wait(max(0.0, deadline - time.monotonic()))
        self.raise_if_told()

    def raise_if_told(self) -> None:
        if self._reason is not None:
            raise self._reason

    # --- For those around it ------------------------------------------------

    def interrupt(self, reason: type[Interrupted]) -> None:
        """Ends the handler's wait, and the handler at its next call. A lost lease outweighs the rest."""
        if self._reason is None or reason is LeaseLost:
            self._reason = reason
        self._told.set()

    def flush(self, *, now: bool = False) -> None:
        """Writes what is pending where the interval allows; `now` even where it doesn't."""
        if now or time.monotonic() - self._written_at >= WRITE_INTERVAL_SECONDS:
            self._write(renew=False)

    def renew(self) -> None:
        """Keeps the lease; writes what is pending along with it."""
        self._write(renew=True)

    @property
    def pending(self) -> bool:
        return bool(self._changes or self._lines)

    def _write(self, renew: bool) -> None:
        with self._writing:
            told = self.pending
            if not told and not renew:
                return
            self._written_at = time.monotonic()
            try:
                write(self.job, self._columns(), "".join(self._lines))
            except LeaseLost:
                self.interrupt(LeaseLost)
                raise
            except Error:
                logger.warning("job %s: not written now, trying again", self.job.pk, exc_info=True)
                close_old_connections()
                return
            self._changes, self._lines = {}, []
        if self.job.cancel_requested:
            self.interrupt(Cancelled)
        if told:
            whisper(f"inbox:{self.job.owner_id}", JobProgressed(progress_payload(self.job)))

    def _columns(self) -> dict[str, Any]:
        changes = dict(self._changes)
        if "done" in changes:
            changes |= advanced(self.job, changes["done"], timezone.now())
        return changes
