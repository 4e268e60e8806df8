"""Jobs of kinds that only tests have, and what inboxes were told."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pydantic import BaseModel, ConfigDict

from accounts.models import User
from notifications.jobs import registry
from notifications.models import InboxEvent, Job
from notifications.services.jobs import start_job


class NoParams(BaseModel):
    model_config = ConfigDict(extra="forbid")


StartKind = Callable[..., Job]
SECONDS = 15.0  # for what other threads do


@pytest.fixture
def start_handler(alice: User, monkeypatch: pytest.MonkeyPatch) -> StartKind:
    """`start_handler(run)`: a queued job of Alice's whose handler is this function."""

    def start(run: registry.Run, **fields: Any) -> Job:
        monkeypatch.setitem(registry._kinds, "test", registry.Kind("test", NoParams, run))
        return start_job(alice, title="Test", kind="test", **fields)[0]

    return start


@pytest.fixture
def told() -> Callable[[User], list[str]]:
    """`told(alice)`: the types of what her inbox was told, in order."""
    return lambda user: list(InboxEvent.objects.filter(inbox=user.pk).order_by("seq").values_list("type", flat=True))


@pytest.fixture
def whispers(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What was told without being kept: (stream, the job)."""
    heard: list[tuple[str, dict[str, Any]]] = []
    for module in ("jobs.context", "jobs.telling", "services.jobs"):
        monkeypatch.setattr(f"notifications.{module}.whisper", lambda stream, event: heard.append((stream, event.job)))
    return heard


def expire(job: Job) -> None:
    """As if nobody had renewed the lease for a while."""
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def fresh(job: Job) -> Job:
    return Job.objects.select_related("owner").get(pk=job.pk)


def wait_until(met: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not met():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.01)
