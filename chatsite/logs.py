"""What is written down, and how often: trouble that everybody runs into is told once, not once per call."""

import logging
import threading
import time

from redis.exceptions import RedisError

from chatsite.realtime.outages import is_outage

WINDOW_SECONDS = 10.0
LINES_PER_WINDOW = 3
TALKATIVE = ("psycopg.pool", "channels_redis", "redis")  # they report each attempt


class OutageFilter(logging.Filter):
    """Of lines about a database or a Redis that is away, lets the first few of each logger through.

    They go without their traceback, which tells where the outage was noticed and not why. The next
    window's first line says how many were left out.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._windows: dict[str, tuple[float, int]] = {}  # logger → (beginning, lines)

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        told = [error, *(record.args if isinstance(record.args, tuple) else ())]
        is_about_outage = any(isinstance(each, BaseException) and _passes_by_itself(each) for each in told)
        if not is_about_outage and not record.name.startswith(TALKATIVE):
            return True
        left_out = self._left_out(record.name)
        if left_out is None:
            return False
        if error is not None:
            record.msg, record.args = f"{record.getMessage()}: {error!r}", ()
            record.exc_info = record.exc_text = None
        if left_out:
            record.msg, record.args = f"{record.getMessage()} (and {left_out} lines like this before)", ()
        return True

    def _left_out(self, name: str) -> int | None:
        """How many lines were left out since the last one; None where this one is, too."""
        now = time.monotonic()
        with self._lock:
            began, lines = self._windows.get(name, (0.0, 0))
            if now - began > WINDOW_SECONDS:
                self._windows[name] = (now, 1)
                return max(0, lines - LINES_PER_WINDOW)
            self._windows[name] = (began, lines + 1)
            return 0 if lines < LINES_PER_WINDOW else None


def _passes_by_itself(error: BaseException) -> bool:
    return is_outage(error) or isinstance(error, (RedisError, ConnectionError, TimeoutError))
