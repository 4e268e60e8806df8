"""The inbox and jobs over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts import tokens
from accounts.models import User
from notifications.jobs.execute import execute
from notifications.models import Job, Notification
from notifications.services import notify
from notifications.services.jobs import start_job
from tests.unit.notifications.test_details import KEYS

pytestmark = pytest.mark.django_db
Call = Callable[..., tuple[int, dict[str, Any]]]
SIMULATED = {"title": "Stitch", "kind": "simulated", "params": {"steps": 2, "seconds": 0}}


@pytest.fixture
def call(client: Client) -> Call:
    """`call(alice, "post", "/api/jobs", {…}, scopes=["jobs"])` by a token: the status and the answer."""

    def send(user: User, method: str, path: str, body: Any = None, scopes: tuple[str, ...] = ("read", "write", "jobs")):
        _, key = tokens.create(user, "test", scopes)
        answer = getattr(client, method)(
            path, *([body] if body is not None else []), content_type="application/json",
            headers={"Authorization": f"Bearer {key}"},
        )  # fmt: skip
        return answer.status_code, answer.json()

    return send


def test_a_job_is_started_watched_and_read(alice: User, call: Call) -> None:
    status, job = call(alice, "post", "/api/jobs", SIMULATED)
    assert (status, job["status"], set(job)) == (201, "queued", KEYS)
    execute(job["id"])
    assert call(alice, "get", f"/api/jobs/{job['id']}")[1]["status"] == "succeeded"
    log = call(alice, "get", f"/api/jobs/{job['id']}/log?offset=7")[1]
    assert log == {"text": "of 2\nStep 2 of 2\n", "offset": 24, "size": 24}


def test_the_same_key_answers_200(alice: User, call: Call) -> None:
    first = call(alice, "post", "/api/jobs", {"title": "Nightly", "key": "nightly"})
    again = call(alice, "post", "/api/jobs", {"title": "Nightly", "key": "nightly"})
    assert (first[0], again[0], first[1]["id"]) == (201, 200, again[1]["id"])


def test_an_outside_program_reports_and_learns_that_it_should_stop(alice: User, call: Call) -> None:
    _, job = call(alice, "post", "/api/jobs", {"title": "Gauge", "total": 4})
    path = f"/api/jobs/{job['id']}"
    status, job = call(alice, "patch", path, {"done": 1, "step": "one", "log": "hello", "client_seq": 1})
    assert (status, job["status"], job["percent"], job["log_tail"]) == (200, "running", 25, "hello\n")
    assert call(alice, "post", f"{path}/cancel")[1]["cancel_requested"] is True
    assert call(alice, "patch", path, {"done": 2})[1]["cancel_requested"] is True
    assert call(alice, "patch", path, {"status": "cancelled"})[1]["status"] == "cancelled"
    assert call(alice, "patch", path, {"done": 3})[0] == 409


def test_a_failed_job_is_retried(alice: User, call: Call) -> None:
    _, job = call(alice, "post", "/api/jobs", SIMULATED | {"params": {"steps": 1, "seconds": 0, "fail_chance": 1}})
    assert call(alice, "post", f"/api/jobs/{job['id']}/retry")[0] == 409
    execute(job["id"])
    assert call(alice, "post", f"/api/jobs/{job['id']}/retry")[1]["status"] == "queued"


def test_lists_come_newest_first_in_pages(alice: User, bob: User, call: Call) -> None:
    ids = [start_job(alice, title=f"Job {number}")[0].pk for number in range(3)]
    start_job(bob, title="Bob's")
    page = call(alice, "get", "/api/jobs?limit=2")[1]
    assert ([job["id"] for job in page["jobs"]], page["has_more"]) == ([ids[2], ids[1]], True)
    page = call(alice, "get", f"/api/jobs?after={ids[1]}&status=queued")[1]
    assert ([job["id"] for job in page["jobs"]], page["has_more"]) == ([ids[0]], False)
    assert call(alice, "get", "/api/jobs?status=failed")[1]["jobs"] == []
    assert call(alice, "get", "/api/jobs?status=lost")[0] == 422


def test_the_inbox_is_read(alice: User, bob: User, call: Call) -> None:
    for number in range(3):
        notify(users=[alice.pk], kind="mention", actor=bob, text=f"Hello {number}", url="/rooms/x/", data={})
    first, second, third = Notification.objects.order_by("pk").values_list("pk", flat=True)
    assert call(alice, "post", "/api/notifications/read", {"ids": [third]}) == (200, {"unread": 2})
    answer = call(alice, "get", "/api/notifications?unread=true")[1]
    assert ([entry["id"] for entry in answer["notifications"]], answer["unread"]) == ([second, first], 2)
    assert [entry["id"] for entry in call(alice, "get", f"/api/notifications?after={second}")[1]["notifications"]] == [
        first
    ]
    assert call(alice, "post", "/api/notifications/read", {"up_to": second}) == (200, {"unread": 0})
    assert call(bob, "get", "/api/notifications")[1] == {"notifications": [], "has_more": False, "unread": 0}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("get", "/api/jobs/{id}", None),
        ("patch", "/api/jobs/{id}", {"done": 1}),
        ("get", "/api/jobs/{id}/log", None),
        ("post", "/api/jobs/{id}/cancel", None),
        ("post", "/api/jobs/{id}/retry", None),
    ],
)
def test_somebody_elses_job_is_not_there(
    alice: User, charlie: User, call: Call, method: str, path: str, body: Any
) -> None:
    job, _ = start_job(alice, title="Gauge")
    status, answer = call(charlie, method, path.format(id=job.pk), body)
    assert (status, answer["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "body", "scope"),
    [
        ("get", "/api/jobs", None, "read"),
        ("get", "/api/jobs/{id}", None, "read"),
        ("get", "/api/jobs/{id}/log", None, "read"),
        ("get", "/api/notifications", None, "read"),
        ("post", "/api/notifications/read", {"ids": []}, "write"),
        ("post", "/api/jobs", {"title": "x"}, "jobs"),
        ("patch", "/api/jobs/{id}", {"done": 1}, "jobs"),
        ("post", "/api/jobs/{id}/cancel", None, "jobs"),
        ("post", "/api/jobs/{id}/retry", None, "jobs"),
    ],
)
def test_a_token_needs_its_scope(alice: User, call: Call, method: str, path: str, body: Any, scope: str) -> None:
    job, _ = start_job(alice, title="Gauge")
    others = tuple({"read", "write", "jobs"} - {scope})
    assert call(alice, method, path.format(id=job.pk), body, scopes=others)[0] == 403
    assert call(alice, method, path.format(id=job.pk), body, scopes=(scope,))[0] != 403


def test_nobody_comes_in_without_signing_in(alice: User, client: Client) -> None:
    assert client.get("/api/jobs").status_code == 401


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "title"),
        ({"title": ""}, "title"),
        ({"title": "   "}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"title": "a\x00b"}, "title"),
        ({"title": "\ud800"}, "title"),
        ({"title": "x", "key": "k" * 101}, "key"),
        ({"title": "x", "total": -1}, "total"),
        ({"title": "x", "total": 2**53 + 1}, "total"),
        ({"title": "x", "total": 2**80}, "total"),
        ({"title": "x", "total": "7"}, "total"),
        ({"title": "x", "room": 2**63}, "room"),
        ({"title": "x", "kind": "mystery"}, "kind"),
        ({"title": "x", "params": {"steps": 3}}, "params"),
        ({"title": "x", "colour": "red"}, "colour"),
        (SIMULATED | {"params": {"steps": "many"}}, "params.steps"),
    ],
)
def test_it_refuses_what_is_no_job(alice: User, call: Call, body: dict[str, Any], field: str) -> None:
    status, answer = call(alice, "post", "/api/jobs", body)
    assert (status, answer["code"], answer["field"]) == (422, "invalid", field)
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"done": -1}, "done"),
        ({"done": 1.5}, "done"),
        ({"done": 2**53 + 1}, "done"),
        ({"step": "x" * 201}, "step"),
        ({"log": "x" * (16 * 1024 + 1)}, "log"),
        ({"log": "a\x00"}, "log"),
        ({"status": "queued"}, "status"),
        ({"client_seq": -1}, "client_seq"),
    ],
)
def test_it_refuses_what_is_no_report(alice: User, call: Call, body: dict[str, Any], field: str) -> None:
    job, _ = start_job(alice, title="Gauge")
    status, answer = call(alice, "patch", f"/api/jobs/{job.pk}", body)
    assert (status, answer["code"], answer["field"]) == (422, "invalid", field)


def test_text_is_kept_in_one_normal_form(alice: User, call: Call) -> None:
    assert call(alice, "post", "/api/jobs", {"title": "cafe\u0301"})[1]["title"] == "caf\u00e9"
