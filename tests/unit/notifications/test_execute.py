"""From the claim to the end of a job, with real handlers in real threads."""

import threading
import time
from collections.abc import Callable

import pytest
from django.db import OperationalError, connections
from django.utils.translation import get_language, override

from accounts.models import User
from notifications.jobs import context as contexts
from notifications.jobs import execute as executing
from notifications.jobs import lease
from notifications.jobs.context import JobContext
from notifications.jobs.execute import execute
from notifications.jobs.registry import JobError
from notifications.models import InboxEvent, Job, Notification
from notifications.services.jobs import cancel_job, retry_job, start_job
from tests.unit.notifications.conftest import StartKind, expire, fresh

pytestmark = pytest.mark.django_db(transaction=True)
Told = Callable[[User], list[str]]


def simulated(owner: User, **params: float) -> Job:
    return start_job(owner, title="Stitch", kind="simulated", params=params)[0]


def in_thread(job: Job) -> threading.Thread:
    def run() -> None:
        execute(job.pk)
        connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_the_simulated_process_runs_to_its_end(alice: User, told: Told) -> None:
    job = simulated(alice, steps=20, seconds=0)
    assert execute(job.pk) is True
    done = fresh(job)
    assert (done.status, done.done, done.total, done.step) == ("succeeded", 20, 20, "Step 20 of 20")
    assert done.log_tail.splitlines()[-1] == "Step 20 of 20"
    assert done.finished_at is not None
    assert done.lease_until is None
    assert told(alice) == ["job.queued", "job.started", "job.succeeded", "notification.created"]
    notice = Notification.objects.get()
    assert (notice.kind, notice.text, notice.url, notice.job) == (
        "job.succeeded", "Stitch", f"/progress#job-{job.pk}", job,
    )  # fmt: skip


def test_the_simulated_process_fails_where_it_was_to(alice: User, told: Told) -> None:
    job = simulated(alice, steps=10, seconds=0, fail_chance=1)
    execute(job.pk)
    failed = fresh(job)
    assert failed.status == "failed"
    assert failed.done < 10
    assert failed.error.startswith(f"Step {failed.checkpoint['fails_at']} of 10 failed")
    assert told(alice)[-2:] == ["job.failed", "notification.created"]


def test_a_second_call_finds_nothing_to_do(alice: User, told: Told) -> None:
    job = simulated(alice, steps=1, seconds=0)
    execute(job.pk)
    assert execute(job.pk) is False
    assert told(alice).count("job.succeeded") == 1


def test_it_ends_soon_after_its_owner_cancels(alice: User, told: Told, start_handler: StartKind) -> None:
    waiting = threading.Event()

    def run(context: JobContext, params: object) -> None:
        context.progress(1, 4)
        waiting.set()
        context.wait(60)

    job = start_handler(run)
    thread = in_thread(job)
    assert waiting.wait(5)
    cancel_job(alice, job.pk)
    thread.join(2)
    assert not thread.is_alive()
    assert (fresh(job).status, fresh(job).done) == ("cancelled", 1)
    assert told(alice)[-1] == "job.cancelled"
    assert not Notification.objects.exists()


def test_it_learns_of_cancelling_in_another_process_with_its_next_write(alice: User, start_handler: StartKind) -> None:
    def run(context: JobContext, params: object) -> None:
        Job.objects.filter(pk=context.job.pk).update(cancel_requested=True)  # as another process would
        for number in range(1_000):
            context.progress(number, 1_000)
            context.wait(0.05)

    job = start_handler(run)
    execute(job.pk)
    assert fresh(job).status == "cancelled"
    assert fresh(job).done < 100


def test_it_goes_on_from_the_checkpoint_that_a_dead_worker_left(alice: User, told: Told) -> None:
    job = simulated(alice, steps=10, seconds=0)
    dead = lease.claim(job.pk)
    assert dead is not None
    left = {"checkpoint": {"step": 6, "fails_at": 0}, "done": 6, "total": 10}
    lease.write(dead, left, "Step 6 of 10\n")
    expire(job)
    execute(job.pk)
    assert (fresh(job).status, fresh(job).attempt) == ("succeeded", 2)
    assert fresh(job).log_tail.splitlines() == [f"Step {number} of 10" for number in range(6, 11)]
    assert told(alice) == ["job.queued", "job.started", "job.resumed", "job.succeeded", "notification.created"]


def test_what_a_handler_raises_ends_the_job_in_plain_words(start_handler: StartKind) -> None:
    def run(context: JobContext, params: object) -> None:
        raise ValueError("mirror-2 is full\x00")

    job = start_handler(run)
    execute(job.pk)
    assert fresh(job).status == "failed"
    assert fresh(job).error == "It stopped with an error: mirror-2 is full"
    assert fresh(job).attempt == 1


@pytest.mark.parametrize(("profile", "browser", "spoken"), [("es", "pt-br", "es"), ("", "pt-br", "pt-br")])
def test_its_words_are_in_the_language_it_was_started_in(
    alice: User, start_handler: StartKind, profile: str, browser: str, spoken: str
) -> None:
    heard: list[str | None] = []

    def run(context: JobContext, params: object) -> None:
        heard.append(get_language())

    alice.language = profile
    with override(browser):
        job = start_handler(run)
    execute(job.pk)
    assert heard == [spoken]
    retry_job(alice, job.pk)
    execute(job.pk)
    assert heard == [spoken, spoken]


def test_a_lost_lease_ends_the_handler_and_not_the_job(start_handler: StartKind, told: Told, alice: User) -> None:
    def run(context: JobContext, params: object) -> None:
        expire(context.job)
        assert lease.claim(context.job.pk) is not None  # somebody else takes over
        context.progress(5, 10)
        context.wait(0.3)
        raise AssertionError("it went on")

    job = start_handler(run)
    execute(job.pk)
    assert (fresh(job).status, fresh(job).done, fresh(job).lease_epoch) == ("running", 0, 2)
    assert told(alice) == ["job.queued", "job.started", "job.resumed"]


def test_a_kind_that_is_gone_fails_its_jobs(alice: User) -> None:
    job = simulated(alice, steps=1, seconds=0)
    Job.objects.filter(pk=job.pk).update(kind="gone")
    execute(job.pk)
    assert (fresh(job).status, fresh(job).error) == ("failed", "There is no such kind of job.")


def test_progress_is_written_four_times_a_second_and_the_last_always(
    start_handler: StartKind, whispers: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes: list[dict] = []
    write = contexts.write
    monkeypatch.setattr(contexts, "write", lambda job, changes, log: (writes.append(changes), write(job, changes, log)))

    def run(context: JobContext, params: object) -> None:
        until = time.monotonic() + 0.9
        number = 0
        while time.monotonic() < until:
            number += 1
            context.progress(number, 1_000_000, step=f"number {number}")
            context.wait(0.001)
        context.checkpoint["last"] = number

    job = start_handler(run)
    begun = time.monotonic()
    execute(job.pk)
    seconds = time.monotonic() - begun
    assert 2 <= len(writes) <= 2 + seconds / contexts.WRITE_INTERVAL_SECONDS
    assert len(whispers) == len(writes)
    last = whispers[-1][1]
    assert last["step"] == fresh(job).step
    assert last["rate"] > 0
    assert fresh(job).done == 1_000_000  # it succeeded


def test_the_last_progress_is_told_before_a_failure(start_handler: StartKind, whispers: list) -> None:
    def run(context: JobContext, params: object) -> None:
        context.progress(1, 10)
        context.progress(7, 10, step="seven")
        raise JobError("no further")

    job = start_handler(run)
    execute(job.pk)
    assert [(heard["done"], heard["status"]) for _, heard in whispers] == [(1, "running"), (7, "running")]
    failed = InboxEvent.objects.get(type="job.failed").payload["job"]
    assert (failed["done"], failed["percent"], failed["step"]) == (7, 70, "seven")


def test_a_result_is_kept_with_the_end(start_handler: StartKind) -> None:
    job = start_handler(lambda context, params: context.result("/exports/7.zip"))
    execute(job.pk)
    assert InboxEvent.objects.get(type="job.succeeded").payload["job"]["result_url"] == "/exports/7.zip"


def test_the_lease_is_renewed_while_the_handler_says_nothing(
    start_handler: StartKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executing, "HEARTBEAT_SECONDS", 0.05)
    renewed = threading.Event()
    write = contexts.write

    def noticed(job: Job, changes: dict, log: str) -> None:
        write(job, changes, log)
        renewed.set()

    monkeypatch.setattr(contexts, "write", noticed)
    job = start_handler(lambda context, params: renewed.wait(5) and None)
    execute(job.pk)
    assert renewed.is_set()
    assert fresh(job).status == "succeeded"


def test_a_database_that_is_away_for_a_moment_fails_nothing(
    start_handler: StartKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executing, "CONCLUDE_PAUSE_SECONDS", 0.01)
    failures = iter([True, True, True])
    write = contexts.write

    def flaky(job: Job, changes: dict, log: str) -> None:
        if next(failures, False):
            raise OperationalError("the server closed the connection")
        write(job, changes, log)

    monkeypatch.setattr(contexts, "write", flaky)

    def run(context: JobContext, params: object) -> None:
        context.progress(3, 10)
        context.log("a line")

    job = start_handler(run)
    execute(job.pk)
    assert (fresh(job).status, fresh(job).log_tail) == ("succeeded", "a line\n")
