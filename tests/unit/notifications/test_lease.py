"""Claims and the fence that a lease is."""

import threading

import pytest
from django.db import connections
from django.utils import timezone

from accounts.models import User
from notifications.jobs import lease
from notifications.models import Job
from notifications.querysets import MAX_ATTEMPTS
from notifications.services.jobs import cancel_job, start_job
from tests.unit.notifications.conftest import expire, fresh

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(alice: User) -> Job:
    return start_job(alice, title="Stitch", kind="simulated")[0]


def test_a_claim_sets_a_lease_and_counts_an_attempt(alice: User, job: Job, told) -> None:
    claimed = lease.claim(job.pk)
    assert claimed is not None
    assert (claimed.status, claimed.attempt, claimed.lease_epoch) == ("running", 1, 1)
    assert claimed.lease_until > timezone.now()
    assert told(alice) == ["job.queued", "job.started"]


def test_a_claimed_job_is_not_claimed_again(job: Job) -> None:
    assert lease.claim(job.pk) is not None
    assert lease.claim(job.pk) is None


@pytest.mark.django_db(transaction=True)
def test_of_many_who_claim_at_once_one_has_it(alice: User, job: Job, told) -> None:
    claims: list[Job | None] = []
    barrier = threading.Barrier(4)

    def claim() -> None:
        barrier.wait()
        claims.append(lease.claim(job.pk))
        connections.close_all()

    threads = [threading.Thread(target=claim) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([claimed for claimed in claims if claimed]) == 1
    assert fresh(job).attempt == 1
    assert told(alice) == ["job.queued", "job.started"]


def test_an_expired_lease_is_taken_over_and_told_as_resumed(alice: User, job: Job, told) -> None:
    lease.claim(job.pk)
    expire(job)
    claimed = lease.claim(job.pk)
    assert claimed is not None
    assert (claimed.attempt, claimed.lease_epoch) == (2, 2)
    assert told(alice) == ["job.queued", "job.started", "job.resumed"]


def test_a_worker_that_was_frozen_finds_its_lease_lost(job: Job) -> None:
    frozen = lease.claim(job.pk)
    assert frozen is not None
    expire(job)
    lease.claim(job.pk)
    with pytest.raises(lease.LeaseLost):
        lease.write(frozen, {"done": 7}, "a line\n")
    with pytest.raises(lease.LeaseLost):
        lease.finish(frozen, Job.Status.SUCCEEDED)
    assert lease.give_back(frozen) is False
    now = fresh(job)
    assert (now.done, now.log_size, now.status) == (0, 0, "running")


def test_a_write_renews_the_lease_and_learns_of_cancelling(alice: User, job: Job) -> None:
    claimed = lease.claim(job.pk)
    assert claimed is not None
    expire(job)
    cancel_job(alice, job.pk)
    lease.write(claimed, {"done": 3})
    assert fresh(job).lease_until > timezone.now()
    assert (claimed.done, claimed.cancel_requested) == (3, True)


def test_what_is_given_back_is_free_at_once_and_costs_no_attempt(job: Job) -> None:
    claimed = lease.claim(job.pk)
    assert claimed is not None
    assert lease.give_back(claimed) is True
    with pytest.raises(lease.LeaseLost):
        lease.write(claimed, {"done": 3})
    again = lease.claim(job.pk)
    assert again is not None
    assert again.attempt == 1


def test_what_killed_too_many_workers_is_not_claimed_again(job: Job) -> None:
    for _ in range(MAX_ATTEMPTS):
        assert lease.claim(job.pk) is not None
        expire(job)
    assert lease.claim(job.pk) is None


def test_what_somebody_wants_cancelled_is_not_resumed(alice: User, job: Job) -> None:
    lease.claim(job.pk)
    cancel_job(alice, job.pk)
    expire(job)
    assert lease.claim(job.pk) is None


def test_an_outside_programs_job_is_not_claimed(alice: User) -> None:
    assert lease.claim(start_job(alice, title="Outside")[0].pk) is None
