"""The admin's actions on jobs, and what it does not let anybody do."""

import pytest
from django.test import Client

from accounts.models import User
from notifications.models import Job, Notification
from notifications.services.jobs import start_job
from tests.unit.notifications.conftest import fresh

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(alice: User) -> Job:
    return start_job(alice, title="Stitch", kind="simulated")[0]


@pytest.fixture
def desk(client: Client, admin: User) -> Client:
    client.force_login(admin)
    return client


def act(desk: Client, action: str, job: Job) -> str:
    data = {"action": action, "_selected_action": [job.pk]}
    return desk.post("/admin/notifications/job/", data, follow=True).content.decode()


def test_an_administrator_cancels_and_retries_through_the_services(desk: Client, admin: User, job: Job) -> None:
    assert "1 job was told." in act(desk, "cancel_jobs", job)
    assert fresh(job).status == "cancelled"
    assert Notification.objects.get().actor == admin
    assert "1 job was told." in act(desk, "retry_jobs", job)
    assert fresh(job).status == "queued"


def test_a_refusal_says_why(desk: Client, job: Job) -> None:
    assert "That job is not finished yet." in act(desk, "retry_jobs", job)


def test_rows_are_looked_at_and_not_edited(desk: Client, job: Job) -> None:
    assert desk.get(f"/admin/notifications/job/{job.pk}/change/").status_code == 200
    desk.post(f"/admin/notifications/job/{job.pk}/change/", {"title": "Other"})
    assert fresh(job).title == "Stitch"
    assert desk.get("/admin/notifications/job/add/").status_code == 403
    assert desk.get("/admin/notifications/notification/").status_code == 200
    assert desk.get("/admin/notifications/inbox/").status_code == 404
