"""The embedded engine: real threads, started and stopped."""

import threading
from collections.abc import Callable, Iterator

import pytest

from accounts.models import User
from notifications.jobs import runner
from notifications.jobs.context import JobContext
from notifications.jobs.runner import Runners
from notifications.models import Job
from notifications.services.jobs import start_job
from tests.unit.notifications.conftest import SECONDS, StartKind, fresh, wait_until

pytestmark = pytest.mark.django_db(transaction=True)
Told = Callable[[User], list[str]]


@pytest.fixture
def start_runners() -> Iterator[Callable[[int], Runners]]:
    started: list[Runners] = []

    def start(count: int) -> Runners:
        started.append(Runners(count))
        started[-1].start()
        return started[-1]

    yield start
    for runners in started:
        runners.stop(SECONDS)


def test_a_job_is_run_as_soon_as_it_is_started(alice: User, start_runners: Callable[[int], Runners]) -> None:
    start_runners(2)
    job, _ = start_job(alice, title="Stitch", kind="simulated", params={"steps": 3, "seconds": 0})
    wait_until(lambda: fresh(job).status == "succeeded")


def test_jobs_run_beside_each_other(start_handler: StartKind, start_runners: Callable[[int], Runners]) -> None:
    meeting = threading.Barrier(2)

    def run(context: JobContext, params: object) -> None:
        meeting.wait(SECONDS)

    jobs = [start_handler(run) for _ in range(2)]
    start_runners(2)
    wait_until(lambda: all(fresh(job).status == "succeeded" for job in jobs))


def test_stopping_hands_running_jobs_back(
    alice: User, start_handler: StartKind, start_runners: Callable[[int], Runners], told: Told
) -> None:
    working = threading.Event()

    def run(context: JobContext, params: object) -> None:
        if context.checkpoint:
            return
        context.progress(1, 2)
        context.progress(1, 2, checkpoint={"half": True})
        working.set()
        context.wait(60)

    job = start_handler(run)
    first = start_runners(1)
    assert working.wait(SECONDS)
    first.stop(SECONDS)
    left = fresh(job)
    assert (left.status, left.checkpoint, left.attempt, left.lease_owner) == ("running", {"half": True}, 0, "")
    start_runners(1)
    wait_until(lambda: fresh(job).status == "succeeded")
    assert fresh(job).attempt == 1
    assert told(alice)[:4] == ["job.queued", "job.started", "job.resumed", "job.succeeded"]


def test_a_handler_that_does_not_listen_loses_its_lease(
    start_handler: StartKind, start_runners: Callable[[int], Runners]
) -> None:
    working, free = threading.Event(), threading.Event()

    def run(context: JobContext, params: object) -> None:
        working.set()
        free.wait(SECONDS)

    job = start_handler(run)
    runners = start_runners(1)
    assert working.wait(SECONDS)
    runners.stop(0.05)
    assert (fresh(job).lease_owner, fresh(job).attempt) == ("", 0)
    free.set()
    runners.stop(SECONDS)
    assert fresh(job).status == "running"  # it came back too late to end the job


def test_a_runner_survives_a_database_that_is_away(
    alice: User, start_runners: Callable[[int], Runners], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "POLL_SECONDS", 0.01)
    failures = iter([True, True])
    execute = runner.execute

    def flaky(job_id: int, stopping: threading.Event) -> bool:
        if next(failures, False):
            raise RuntimeError("the database is away")
        return execute(job_id, stopping)

    monkeypatch.setattr(runner, "execute", flaky)
    job, _ = start_job(alice, title="Stitch", kind="simulated", params={"steps": 1, "seconds": 0})
    start_runners(1)
    wait_until(lambda: fresh(job).status == "succeeded")


def test_a_process_starts_its_runners_once_and_not_after_their_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "_runners", None)

    def count() -> int:
        return len([thread for thread in threading.enumerate() if thread.name.startswith("runner-")])

    runner.start_runners()
    runner.start_runners()
    assert count() == runner.RUNNERS
    runner.stop_runners(SECONDS)
    runner.start_runners()
    assert count() == 0


def test_jobs_are_taken_in_the_order_they_came(
    alice: User, start_handler: StartKind, start_runners: Callable[[int], Runners]
) -> None:
    order: list[int] = []

    def run(context: JobContext, params: object) -> None:
        order.append(context.job.pk)

    jobs: list[Job] = [start_handler(run) for _ in range(4)]
    start_runners(1)
    wait_until(lambda: len(order) == 4)
    assert order == [job.pk for job in jobs]
