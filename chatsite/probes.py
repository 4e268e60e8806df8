"""Probes: questions to what the site needs, answered within a second even where that hangs."""

import threading
import time
from collections.abc import Callable, Mapping

import redis
from django.conf import settings
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor

ANSWER_SECONDS = 1.0


class Probe:
    """Asks in a thread of its own; one at a time, so that threads don't pile up where it hangs."""

    def __init__(self, ask: Callable[[], str]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._answered = threading.Event()
        self._answered.set()
        self._answer = ""

    def begin(self) -> None:
        """Asks, unless that is still going on."""
        with self._lock:
            if not self._answered.is_set():
                return
            self._answered.clear()
        threading.Thread(target=self._run, name="probe", daemon=True).start()

    def answer(self, deadline: float) -> str:
        """ "ok" or what is wrong, at the latest when `time.monotonic()` says `deadline`."""
        return self._answer if self._answered.wait(max(0.0, deadline - time.monotonic())) else "no answer"

    def _run(self) -> None:
        try:
            self._answer = self._ask()
        except Exception as error:
            self._answer = type(error).__name__
        finally:
            connections.close_all()
            self._answered.set()


def answers() -> dict[str, str]:
    """All answers: `{"database": "ok", "migrations": "behind", "channel_layer": "TimeoutError"}`."""
    deadline = time.monotonic() + ANSWER_SECONDS
    for probe in PROBES.values():
        probe.begin()
    return {name: probe.answer(deadline) for name, probe in PROBES.items()}


def database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "ok"


def migrations() -> str:
    executor = MigrationExecutor(connection)
    return "behind" if executor.migration_plan(executor.loader.graph.leaf_nodes()) else "ok"


def channel_layer() -> str:
    """Redis carries the layer and the cache."""
    if settings.REDIS_URL:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.8, socket_connect_timeout=0.8) as client:
            client.ping()
    return "ok"


PROBES: Mapping[str, Probe] = {
    "database": Probe(database),
    "migrations": Probe(migrations),
    "channel_layer": Probe(channel_layer),
}
