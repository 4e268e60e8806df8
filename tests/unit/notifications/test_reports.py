"""What outside programs report, from the first word to the last."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from chatsite.realtime.commands import CommandError
from notifications.jobs import telling
from notifications.jobs.sweep import sweep
from notifications.jobs.telling import TELL_INTERVAL_SECONDS
from notifications.models import Job, Notification
from notifications.payloads import progress_payload
from notifications.services import reports
from notifications.services.jobs import cancel_job, start_job
from notifications.services.reports import Report, report_job
from tests.unit.notifications.conftest import expire, fresh, wait_until

pytestmark = pytest.mark.django_db
Told = Callable[[User], list[str]]


@pytest.fixture
def job(alice: User) -> Job:
    return start_job(alice, title="Gauge", key="gauge-pi", total=10)[0]


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(CommandError) as caught:
        call()
    return caught.value.code


def test_the_first_report_starts_it(alice: User, job: Job, told: Told) -> None:
    reported = report_job(alice, job.pk, Report(done=1, step="reading", log="hello"))
    assert (reported.status, reported.done, reported.attempt, reported.step) == ("running", 1, 1, "reading")
    assert fresh(job).log_tail == "hello\n"
    assert fresh(job).started_at is not None
    assert told(alice) == ["job.queued", "job.started"]


def test_progress_is_no_transition(alice: User, job: Job, told: Told) -> None:
    for done in range(5):
        report_job(alice, job.pk, Report(done=done))
    assert fresh(job).done == 4
    assert told(alice) == ["job.queued", "job.started"]


@pytest.mark.parametrize("end", ["succeeded", "failed"])
def test_a_terminal_status_ends_it(alice: User, job: Job, told: Told, end: str) -> None:
    report_job(alice, job.pk, Report(done=7, step="mirror-2 is full", status=end))
    ended = fresh(job)
    assert (ended.status, ended.done) == (end, 10 if end == "succeeded" else 7)
    assert ended.error == ("mirror-2 is full" if end == "failed" else "")
    assert told(alice) == ["job.queued", "job.started", f"job.{end}", "notification.created"]


def test_a_program_that_cancels_itself_needs_no_notice(alice: User, job: Job, told: Told) -> None:
    report_job(alice, job.pk, Report(status="cancelled"))
    assert told(alice) == ["job.queued", "job.started", "job.cancelled"]


def test_a_report_that_was_seen_changes_nothing(alice: User, job: Job) -> None:
    report_job(alice, job.pk, Report(done=5, client_seq=5))
    report_job(alice, job.pk, Report(done=4, log="late", client_seq=4))
    report_job(alice, job.pk, Report(done=6, log="twice", client_seq=5))
    assert (fresh(job).done, fresh(job).log_size, fresh(job).client_seq) == (5, 0, 5)


def test_saying_again_how_it_ended_is_no_error(alice: User, job: Job, told: Told) -> None:
    for _ in range(2):
        assert report_job(alice, job.pk, Report(status="succeeded")).status == "succeeded"
    assert told(alice).count("job.succeeded") == 1


def test_it_refuses_reports_after_the_end(alice: User, job: Job) -> None:
    report_job(alice, job.pk, Report(status="succeeded"))
    assert code_of(lambda: report_job(alice, job.pk, Report(done=3))) == "conflict"


def test_it_refuses_reports_of_this_sites_own_jobs(alice: User) -> None:
    job, _ = start_job(alice, title="Stitch", kind="simulated")
    assert code_of(lambda: report_job(alice, job.pk, Report(done=3))) == "conflict"


def test_it_refuses_reports_by_somebody_else(bob: User, job: Job) -> None:
    assert code_of(lambda: report_job(bob, job.pk, Report(done=3))) == "not_found"


def test_cancelling_is_learnt_from_the_next_answer(alice: User, job: Job, told: Told) -> None:
    report_job(alice, job.pk, Report(done=1))
    assert cancel_job(alice, job.pk).status == "running"
    assert report_job(alice, job.pk, Report(done=2)).cancel_requested is True
    report_job(alice, job.pk, Report(status="cancelled"))
    assert told(alice) == ["job.queued", "job.started", "job.cancelled"]


def test_silence_stalls_it_and_a_report_resumes_it(alice: User, job: Job, told: Told) -> None:
    report_job(alice, job.pk, Report(done=1))
    sweep()
    assert fresh(job).status == "running"
    expire(job)
    sweep()
    sweep()
    assert fresh(job).status == "stalled"
    assert Notification.objects.get().kind == "job.stalled"
    assert report_job(alice, job.pk, Report(done=2)).status == "running"
    assert told(alice) == ["job.queued", "job.started", "job.stalled", "notification.created", "job.resumed"]


def test_a_program_that_never_reports_stalls(alice: User, job: Job, told: Told) -> None:
    expire(job)
    sweep()
    report_job(alice, job.pk, Report(done=1))
    assert told(alice) == ["job.queued", "job.stalled", "notification.created", "job.started"]


def test_a_stalled_job_is_cancelled_at_once(alice: User, job: Job) -> None:
    expire(job)
    sweep()
    assert cancel_job(alice, job.pk).status == "cancelled"


def test_a_program_that_falls_silent_when_asked_to_end_has_ended(alice: User, job: Job, told: Told) -> None:
    report_job(alice, job.pk, Report(done=1))
    cancel_job(alice, job.pk)
    expire(job)
    sweep()
    assert told(alice)[-1] == "job.cancelled"


@pytest.mark.django_db(transaction=True)
def test_a_burst_of_reports_is_told_at_once_and_once_later(alice: User, job: Job, whispers: list) -> None:
    begun = time.monotonic()
    for done in range(1, 9):
        report_job(alice, job.pk, Report(done=done))
    wait_until(lambda: [job["done"] for _, job in whispers][-1:] == [8])
    assert 1 <= len(whispers) <= 2 + (time.monotonic() - begun) / TELL_INTERVAL_SECONDS
    assert whispers[-1][0] == f"inbox:{alice.pk}"


@pytest.mark.django_db(transaction=True)
def test_what_could_not_be_told_is_told_later(
    alice: User, job: Job, whispers: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = [DatabaseError("away"), DatabaseError("away")]

    def payload(job: Job) -> dict[str, Any]:
        if away:
            raise away.pop()
        return progress_payload(job)

    monkeypatch.setattr(telling, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(telling, "progress_payload", payload)
    for done in (1, 2):
        report_job(alice, job.pk, Report(done=done))
    wait_until(lambda: [job["done"] for _, job in whispers][-1:] == [2])


@pytest.mark.django_db(transaction=True)
def test_progress_waits_for_no_transaction_of_its_owner(alice: User, job: Job) -> None:
    """It is one statement; whoever changed the row after it was read sends the report the long way round."""
    report_job(alice, job.pk, Report(done=1))
    with CaptureQueriesContext(connection) as captured:
        report_job(alice, job.pk, Report(done=2, step="on", client_seq=4))
    assert [query["sql"].split()[0] for query in captured] == ["SELECT", "UPDATE"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("meanwhile", "found"),
    [(Report(done=9, client_seq=9), ("running", 9)), (Report(status="failed", client_seq=9), ("failed", 1))],
    ids=["a later report", "the end"],
)
def test_a_report_that_was_overtaken_changes_nothing(
    alice: User, job: Job, monkeypatch: pytest.MonkeyPatch, meanwhile: Report, found: tuple[str, int]
) -> None:
    report_job(alice, job.pk, Report(done=1, client_seq=1))
    advance = reports._advance

    def overtaken(read: Job, report: Report) -> bool:
        monkeypatch.setattr(reports, "_advance", advance)
        report_job(alice, job.pk, meanwhile)
        return advance(read, report)

    monkeypatch.setattr(reports, "_advance", overtaken)
    report_job(alice, job.pk, Report(done=5, client_seq=5))
    assert (fresh(job).status, fresh(job).done) == found


@pytest.mark.django_db(transaction=True)
def test_the_same_last_report_twice_at_once_ends_it_once(alice: User, job: Job, told: Told) -> None:
    barrier = threading.Barrier(3)

    def end() -> None:
        barrier.wait()
        report_job(alice, job.pk, Report(status="succeeded", client_seq=9))
        connections.close_all()

    threads = [threading.Thread(target=end) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told(alice) == ["job.queued", "job.started", "job.succeeded", "notification.created"]


def test_the_rate_follows_the_reports(alice: User, job: Job) -> None:
    report_job(alice, job.pk, Report(done=0))
    Job.objects.filter(pk=job.pk).update(progressed_at=timezone.now() - timedelta(seconds=4))
    reported = report_job(alice, job.pk, Report(done=2))
    assert reported.rate == pytest.approx(0.5, rel=0.05)
