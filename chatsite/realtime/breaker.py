"""A circuit breaker: what keeps failing is left alone for a while."""

import logging
import random
import threading
import time

logger = logging.getLogger(__name__)

FAILURES = 3  # in a row, until it opens
FIRST_PAUSE_SECONDS = 0.5
MAX_PAUSE_SECONDS = 8.0
PROBE_SECONDS = 2.0  # how long a probe may take until the next one is let through


class Breaker:
    """Closed, everything is let through. Open, nothing is, but for one probe at the end of each pause.

    A probe that succeeds closes it; one that fails makes the next pause twice as long, up to
    a limit. From any thread.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._failures = 0
        self._pause = 0.0
        self._closed_until = 0.0  # while open: when the next probe is due

    @property
    def is_open(self) -> bool:
        return self._failures >= FAILURES

    def allows(self) -> bool:
        """Whether to try now; then tell `succeeded` or `failed`."""
        with self._lock:
            if not self.is_open:
                return True
            now = time.monotonic()
            if now < self._closed_until:
                return False
            self._closed_until = now + PROBE_SECONDS
            return True

    def succeeded(self) -> None:
        if not self._failures:  # the usual case, without the lock
            return
        with self._lock:
            was_open, self._failures, self._pause = self.is_open, 0, 0.0
        if was_open:
            logger.warning("%s is back", self._name)

    def failed(self, error: BaseException) -> None:
        with self._lock:
            was_open = self.is_open
            self._failures += 1
            if self.is_open:
                self._pause = min(self._pause * 2 or FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS)
                self._closed_until = time.monotonic() + self._pause * random.uniform(0.75, 1)
        if self.is_open and not was_open:
            logger.warning("%s is away, asked less often from now on: %r", self._name, error)
