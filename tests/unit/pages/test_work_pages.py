"""/progress and /notifications/: what is whose, in pages, and what the cards ask for."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import AsyncClient, Client
from django.utils import timezone

from accounts.models import User
from notifications import views
from notifications.models import Job, Notification
from notifications.services.inbox import mark_read, notify

pytestmark = pytest.mark.django_db


def page_data(body: bytes) -> dict[str, Any]:
    found = re.search(rb'<script id="page-data" type="application/json">(.*?)</script>', body, re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def make_job(owner: User, title: str = "Render tiles", minutes_ago: int | None = None, **fields: Any) -> Job:
    now = timezone.now()
    if minutes_ago is not None:
        finished = now - timedelta(minutes=minutes_ago)
        fields = {"status": Job.Status.SUCCEEDED, "started_at": finished, "finished_at": finished} | fields
    return Job.objects.create(owner=owner, title=title, kind="simulated", created_at=now, **fields)


def tell(user: User, kind: str, actor: User | None = None, **fields: Any) -> Notification:
    notify(users=[user.pk], kind=kind, actor=actor, url="/", **fields)
    return Notification.objects.filter(user=user).latest("id")


@pytest.fixture
def as_alice(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.mark.parametrize("path", ["/progress", "/progress/history", "/notifications/", "/notifications/older"])
def test_a_stranger_is_sent_to_the_sign_in(client: Client, alice: User, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("path", ["/progress", "/progress/vitals", "/notifications/", "/notifications/waiting"])
def test_pages_are_read_only_and_never_cached(as_alice: Client, path: str) -> None:
    assert "no-store" in as_alice.get(path)["Cache-Control"]
    assert as_alice.post(path).status_code == 405


def test_progress_carries_my_jobs_and_where_to_follow_from(as_alice: Client, alice: User, bob: User) -> None:
    running = make_job(alice, status=Job.Status.RUNNING, log_tail="step 1\n")
    over = make_job(alice, minutes_ago=5, log_tail="done\n")
    make_job(bob)
    tell(alice, "mention", bob)
    data = page_data(as_alice.get("/progress").content)
    assert [job["id"] for job in data["jobs"]] == [running.pk]
    assert [(job["id"], job["log_tail"]) for job in data["finished"]] == [(over.pk, "")]
    assert (data["me"], data["head"], data["has_more"]) == (alice.pk, 1, False)


def test_titles_cannot_leave_the_page_data(as_alice: Client, alice: User) -> None:
    make_job(alice, title="</script><script>alert(1)</script>")
    body = as_alice.get("/progress").content
    assert b"<script>alert" not in body
    assert page_data(body)["jobs"][0]["title"] == "</script><script>alert(1)</script>"


def test_history_goes_on_where_the_page_ended(as_alice: Client, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "HISTORY_PAGE", 2)
    jobs = [make_job(alice, minutes_ago=minutes) for minutes in (1, 2, 3)]
    first = page_data(as_alice.get("/progress").content)
    assert [job["id"] for job in first["finished"]] == [jobs[0].pk, jobs[1].pk]
    assert first["has_more"]
    rest = as_alice.get("/progress/history", {"before": first["finished"][-1]["finished_at"]}).json()
    assert ([job["id"] for job in rest["jobs"]], rest["has_more"]) == ([jobs[2].pk], False)


@pytest.mark.parametrize("before", ["", "yesterday", "2026-02-31T00:00:00Z", "2026-01-01T00:00:00", "9" * 40])
def test_an_unusable_moment_means_from_the_newest_on(as_alice: Client, alice: User, before: str) -> None:
    job = make_job(alice, minutes_ago=1)
    assert [found["id"] for found in as_alice.get("/progress/history", {"before": before}).json()["jobs"]] == [job.pk]


@pytest.mark.parametrize(
    ("show", "kinds"),
    [
        ("waiting", ["job.failed", "direct"]),
        ("mentions", ["direct", "mention"]),
        ("jobs", ["job.failed"]),
        ("everything", ["job.failed", "direct", "mention"]),
        ("nonsense", ["job.failed", "direct", "mention"]),
    ],
)
def test_the_inbox_shows_what_was_asked_for(
    as_alice: Client, alice: User, bob: User, show: str, kinds: list[str]
) -> None:
    mark_read(alice.pk, ids=[tell(alice, "mention", bob).pk])
    tell(alice, "direct", bob)
    tell(alice, "job.failed", job=make_job(alice))
    tell(bob, "mention", alice)
    data = page_data(as_alice.get("/notifications/", {"show": show}).content)
    assert [notice["kind"] for notice in data["notifications"]] == kinds


def test_the_inbox_goes_on_where_the_page_ended(
    as_alice: Client, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "INBOX_PAGE", 2)
    notices = [tell(alice, "mention", bob) for _ in range(3)]
    first = page_data(as_alice.get("/notifications/").content)
    assert ([notice["id"] for notice in first["notifications"]], first["has_more"]) == (
        [notices[2].pk, notices[1].pk],
        True,
    )
    rest = as_alice.get("/notifications/older", {"before": notices[1].pk}).json()
    assert ([notice["id"] for notice in rest["notifications"]], rest["has_more"]) == ([notices[0].pk], False)


def test_what_waits_is_counted_by_kind_and_by_people(as_alice: Client, alice: User, bob: User, charlie: User) -> None:
    first = tell(alice, "mention", bob)
    tell(alice, "reply", bob)
    tell(alice, "direct", charlie)
    tell(alice, "job.failed", job=make_job(alice))
    waiting = as_alice.get("/notifications/waiting").json()
    assert waiting["count"] == 4
    assert waiting["kinds"] == {"mention": 1, "reply": 1, "direct": 1, "job.failed": 1}
    assert waiting["people"] == 2
    assert waiting["since"] == views.rfc3339(first.created_at)


def test_nothing_waits_in_a_new_inbox(as_alice: Client) -> None:
    assert as_alice.get("/notifications/waiting").json() == {"count": 0, "since": None, "kinds": {}, "people": 0}


@pytest.mark.django_db(transaction=True)
async def test_vitals_are_for_those_signed_in(async_client: AsyncClient, alice: User) -> None:
    assert (await async_client.get("/progress/vitals")).status_code == 401
    await async_client.aforce_login(alice)
    answer = (await async_client.get("/progress/vitals")).json()
    assert answer["jobs_today"] == 0
    assert set(answer) == {"latency_ms", "worst_ms", "sockets", "deliveries", "jobs_today"}


@pytest.mark.django_db(transaction=True)
async def test_jobs_today_are_counted_for_all_and_kept_a_moment(
    async_client: AsyncClient, alice: User, bob: User
) -> None:
    await async_client.aforce_login(alice)
    await Job.objects.acreate(owner=bob, title="Theirs", created_at=timezone.now())
    await Job.objects.acreate(owner=bob, title="Old", created_at=timezone.now() - timedelta(days=1))
    assert (await async_client.get("/progress/vitals")).json()["jobs_today"] == 1
    await Job.objects.acreate(owner=alice, title="Mine", created_at=timezone.now())
    assert (await async_client.get("/progress/vitals")).json()["jobs_today"] == 1
