"""The sweep ends what its worker left for good, and wakes somebody for the rest."""

from collections.abc import Callable

import pytest
from django.core.management import call_command
from django.utils.translation import gettext, override

from accounts.models import User
from notifications.jobs import lease
from notifications.jobs import sweep as sweeping
from notifications.jobs.engines import embedded_wakeup
from notifications.jobs.sweep import Sweeper, sweep
from notifications.models import Job, Notification
from notifications.querysets import MAX_ATTEMPTS
from notifications.services.jobs import cancel_job, start_job
from tests.unit.notifications.conftest import expire, fresh

pytestmark = pytest.mark.django_db
Told = Callable[[User], list[str]]


@pytest.fixture
def job(alice: User) -> Job:
    return start_job(alice, title="Stitch", kind="simulated")[0]


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    found: list[int] = []
    monkeypatch.setattr(sweeping, "wake", found.append)
    return found


def test_it_wakes_somebody_for_a_job_that_nobody_was_woken_for(job: Job, woken: list[int]) -> None:
    sweep()
    assert woken == [job.pk]


def test_it_does_not_pile_up_wake_ups(job: Job, woken: list[int]) -> None:
    for _ in range(3):
        sweep()
    assert woken == [job.pk]


def test_it_wakes_somebody_for_an_expired_lease(job: Job, woken: list[int]) -> None:
    sweep()
    lease.claim(job.pk)
    sweep()
    assert woken == [job.pk]
    expire(job)
    sweep()
    assert woken == [job.pk, job.pk]


def test_a_job_that_kills_its_workers_fails_in_the_end(alice: User, job: Job, told: Told, woken: list[int]) -> None:
    for _ in range(MAX_ATTEMPTS):
        lease.claim(job.pk)
        sweep()
        assert fresh(job).status == "running"
        expire(job)
    sweep()
    assert (fresh(job).status, fresh(job).attempt) == ("failed", MAX_ATTEMPTS)
    assert fresh(job).error == "Its worker stopped without a word, 3 times."
    assert told(alice)[-2:] == ["job.failed", "notification.created"]
    assert Notification.objects.get().kind == "job.failed"


def test_it_says_so_in_the_language_the_job_was_started_in(alice: User, woken: list[int]) -> None:
    call_command("compile_translations")
    with override("es"):
        job, _ = start_job(alice, title="Stitch", kind="simulated")
    for _attempt in range(MAX_ATTEMPTS):
        lease.claim(job.pk)
        expire(job)
    sweep()
    with override("es"):
        assert fresh(job).error == gettext("Its worker stopped without a word, %(count)s times.") % {"count": 3}
    assert not fresh(job).error.startswith("Its worker")


def test_what_its_dead_worker_was_to_cancel_is_cancelled(alice: User, job: Job, told: Told, woken: list[int]) -> None:
    lease.claim(job.pk)
    cancel_job(alice, job.pk)
    expire(job)
    sweep()
    assert told(alice) == ["job.queued", "job.started", "job.cancelled"]
    assert woken == []


def test_a_waking_that_fails_is_not_the_callers_trouble(
    alice: User, settings: pytest.FixtureRequest, django_capture_on_commit_callbacks: Callable
) -> None:
    settings.JOBS_ENGINE = "celery"  # type: ignore[attr-defined]
    from notifications.jobs import celery

    broker = celery.app.conf.broker_write_url
    celery.app.conf.broker_write_url = "redis://127.0.0.1:1/0"  # nobody listens there
    try:
        with django_capture_on_commit_callbacks(execute=True):
            job, _ = start_job(alice, title="Stitch", kind="simulated")
    finally:
        celery.app.conf.broker_write_url = broker
    assert fresh(job).status == "queued"


@pytest.mark.django_db(transaction=True)
def test_the_sweeper_goes_on_after_a_failure(monkeypatch: pytest.MonkeyPatch, job: Job) -> None:
    monkeypatch.setattr(sweeping, "SWEEP_SECONDS", 0.01)
    failures = iter([True, True])
    real = sweeping.sweep

    def flaky() -> None:
        if next(failures, False):
            raise RuntimeError("the database is away")
        real()

    monkeypatch.setattr(sweeping, "sweep", flaky)
    embedded_wakeup.clear()
    sweeper = Sweeper()
    sweeper.start()
    try:
        assert embedded_wakeup.wait(5)
    finally:
        sweeper.stop()
        embedded_wakeup.clear()
