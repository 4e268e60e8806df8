"""Starting, cancelling and retrying jobs."""

import threading
from collections.abc import Callable

import pytest
from django.db import connections

from accounts.models import User
from chat.models import Room
from chatsite.realtime.commands import CommandError
from notifications.events import JobQueued
from notifications.jobs import lease
from notifications.jobs.execute import execute
from notifications.models import InboxEvent, Job, JobLog, Notification
from notifications.services import jobs
from notifications.services.jobs import cancel, cancel_job, retry_job, start_job
from tests.unit.notifications.conftest import fresh

pytestmark = pytest.mark.django_db
Told = Callable[[User], list[str]]
QUICK = {"steps": 2, "seconds": 0}


def simulated(owner: User, **fields: object) -> Job:
    return start_job(owner, title="Stitch", kind="simulated", **{"params": QUICK} | fields)[0]  # type: ignore[arg-type]


def refusal_of(call: Callable[[], object]) -> tuple[str, str | None]:
    with pytest.raises(CommandError) as caught:
        call()
    return caught.value.code, caught.value.field


def test_a_new_job_is_queued_and_its_owner_is_told(alice: User, told: Told) -> None:
    job, created = start_job(alice, title="Stitch", kind="simulated", params={"steps": 3})
    assert (created, job.status, job.params) == (True, "queued", {"steps": 3, "seconds": 10.0, "fail_chance": 0.0})
    assert told(alice) == ["job.queued"]
    assert InboxEvent.objects.get().payload["job"]["id"] == job.pk


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"steps": 0}, "params.steps"),
        ({"steps": 10_001}, "params.steps"),
        ({"seconds": -1}, "params.seconds"),
        ({"seconds": float("nan")}, "params.seconds"),
        ({"fail_chance": 2}, "params.fail_chance"),
        ({"colour": "red"}, "params.colour"),
    ],
)
def test_it_refuses_parameters_that_the_kind_does_not_take(alice: User, params: dict[str, object], field: str) -> None:
    assert refusal_of(lambda: simulated(alice, params=params)) == ("invalid", field)


def test_it_refuses_a_kind_that_nobody_handles(alice: User) -> None:
    assert refusal_of(lambda: start_job(alice, title="x", kind="mystery")) == ("invalid", "kind")


def test_the_same_key_is_the_same_job_while_it_is_open(alice: User, told: Told) -> None:
    first, _ = start_job(alice, title="Nightly", key="nightly")
    again, created = start_job(alice, title="Nightly", key="nightly")
    assert (again.pk, created) == (first.pk, False)
    assert told(alice) == ["job.queued"]


def test_the_same_key_is_another_job_once_it_is_finished(alice: User) -> None:
    first = simulated(alice, key="nightly")
    cancel_job(alice, first.pk)
    assert simulated(alice, key="nightly").pk != first.pk


def test_two_people_may_use_the_same_key(alice: User, bob: User) -> None:
    assert simulated(alice, key="nightly").pk != simulated(bob, key="nightly").pk


@pytest.mark.django_db(transaction=True)
def test_two_at_once_with_one_key_get_one_job(alice: User, told: Told) -> None:
    found: list[tuple[int, bool]] = []
    barrier = threading.Barrier(4)

    def start() -> None:
        barrier.wait()
        job, created = start_job(alice, title="Nightly", key="nightly")
        found.append((job.pk, created))
        connections.close_all()

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({pk for pk, _ in found}) == 1
    assert sorted(created for _, created in found) == [False, False, False, True]
    assert told(alice) == ["job.queued"]


def test_a_member_may_tie_a_job_to_a_room(bob: User, room: Room) -> None:
    assert simulated(bob, room=room.pk).room_ref == room.pk


def test_an_outsider_learns_nothing_of_a_room(charlie: User, room: Room) -> None:
    assert refusal_of(lambda: simulated(charlie, room=room.pk))[0] == "not_found"
    assert not Job.objects.exists()


def test_it_refuses_more_than_fifty_open_jobs(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "MAX_OPEN_JOBS", 2)
    first, _second = simulated(alice), simulated(alice)
    assert refusal_of(lambda: simulated(alice))[0] == "conflict"
    cancel_job(alice, first.pk)
    assert simulated(alice).status == "queued"


def test_a_queued_job_is_cancelled_at_once_and_its_owner_needs_no_notice(alice: User, told: Told) -> None:
    job = cancel_job(alice, simulated(alice).pk)
    assert (job.status, job.cancel_requested) == ("cancelled", True)
    assert told(alice) == ["job.queued", "job.cancelled"]
    assert not Notification.objects.exists()
    assert lease.claim(job.pk) is None


def test_somebody_elses_cancelling_is_a_notice_that_names_them(alice: User, admin: User, told: Told) -> None:
    cancel(simulated(alice), admin)
    notice = Notification.objects.get()
    assert (notice.user, notice.kind, notice.actor) == (alice, "job.cancelled", admin)
    assert told(alice) == ["job.queued", "job.cancelled", "notification.created"]


@pytest.mark.django_db(transaction=True)
def test_a_running_job_is_asked_to_end(alice: User, told: Told, whispers: list) -> None:
    job = simulated(alice)
    lease.claim(job.pk)
    assert cancel_job(alice, job.pk).status == "running"
    assert fresh(job).cancel_requested
    assert [heard["cancel_requested"] for _, heard in whispers] == [True]
    assert told(alice) == ["job.queued", "job.started"]


def test_it_refuses_to_cancel_what_is_finished(alice: User) -> None:
    job = cancel_job(alice, simulated(alice).pk)
    assert refusal_of(lambda: cancel_job(alice, job.pk))[0] == "conflict"


@pytest.mark.parametrize("service", [cancel_job, retry_job])
def test_somebody_elses_job_is_not_there(alice: User, bob: User, service: Callable[[User, int], Job]) -> None:
    job = simulated(alice)
    assert refusal_of(lambda: service(bob, job.pk))[0] == "not_found"


@pytest.mark.django_db(transaction=True)
def test_a_retried_job_starts_from_nothing(alice: User, told: Told) -> None:
    job = simulated(alice, params=QUICK | {"fail_chance": 1})
    execute(job.pk)
    epoch = fresh(job).lease_epoch
    retry_job(alice, job.pk)
    again = fresh(job)
    assert (again.status, again.done, again.step, again.error, again.attempt) == ("queued", 0, "", "", 0)
    assert (again.checkpoint, again.log_tail, again.log_size, again.finished_at) == ({}, "", 0, None)
    assert again.params == QUICK | {"fail_chance": 1}
    assert again.lease_epoch == epoch
    assert not JobLog.objects.exists()
    assert told(alice)[-1] == JobQueued.type


def test_it_refuses_to_retry_what_is_open(alice: User) -> None:
    job = simulated(alice)
    assert refusal_of(lambda: retry_job(alice, job.pk))[0] == "conflict"


def test_it_refuses_to_retry_an_outside_programs_job(alice: User) -> None:
    job, _ = start_job(alice, title="Outside")
    assert refusal_of(lambda: retry_job(alice, job.pk))[0] == "conflict"


def test_it_refuses_to_retry_beside_an_open_job_with_its_key(alice: User) -> None:
    first = cancel_job(alice, simulated(alice, key="nightly").pk)
    simulated(alice, key="nightly")
    assert refusal_of(lambda: retry_job(alice, first.pk))[0] == "conflict"
