"""The log, the pace and the payloads of jobs."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from notifications.jobs import log
from notifications.jobs.log import append_log, read_log
from notifications.jobs.pace import advanced
from notifications.models import Job
from notifications.payloads import eta_seconds, job_payload, percent

KEYS = {
    *("id", "key", "kind", "title", "status", "done", "total", "percent", "step", "attempt", "created_at"),
    *("started_at", "finished_at", "eta_seconds", "result_url", "error", "cancel_requested", "owner", "log_tail"),
}


def keep(job: Job, text: str) -> None:
    for name, value in append_log(job, text).items():
        setattr(job, name, value)


@pytest.fixture
def job(alice: User) -> Job:
    return Job.objects.create(owner=alice, title="Stitch", created_at=timezone.now())


def test_a_log_is_read_from_any_character_on(job: Job) -> None:
    for piece in ("uno\n", "dos\n", "três\n"):
        keep(job, piece)
    assert read_log(job, 0) == ("uno\ndos\ntrês\n", 13)
    assert read_log(job, 5) == ("os\ntrês\n", 13)
    assert read_log(job, 13) == ("", 13)
    assert read_log(job, 99) == ("", 99)


def test_a_long_log_comes_in_pages(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "PAGE_CHARACTERS", 6)
    for piece in ("uno\n", "dos\n", "tres\n"):
        keep(job, piece)
    assert read_log(job, 0) == ("uno\ndo", 6)
    assert read_log(job, 6) == ("s\ntres", 12)
    assert read_log(job, 12) == ("\n", 13)


def test_a_full_log_says_so_once(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "MAX_LOG_CHARACTERS", 10)
    for _ in range(4):
        keep(job, "four\n")
    text, _ = read_log(job, 0)
    assert text == "four\nfour\n\nThe log is full. What follows is not kept.\n"
    assert job.log_size == len(text)


def test_the_tail_is_whole_lines(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "TAIL_CHARACTERS", 12)
    for number in range(5):
        keep(job, f"line {number}\n")
    assert job.log_tail == "line 4\n"


def test_the_payload_has_the_contracts_keys(job: Job) -> None:
    assert set(job_payload(job)) == KEYS


@pytest.mark.parametrize(
    ("done", "total", "share"), [(0, 3, 0), (2, 3, 66), (3, 3, 100), (9, 3, 100), (1, None, None), (0, 0, 100)]
)
def test_percent_is_whole_only_when_all_is_done(done: int, total: int | None, share: int | None) -> None:
    assert percent(Job(done=done, total=total)) == share


@pytest.mark.parametrize(("left", "shown"), [(0, 0), (3, 3), (10, 10), (11, 15), (62, 65)])
def test_the_time_left_is_told_to_five_seconds(left: int, shown: int) -> None:
    assert eta_seconds(Job(status="running", done=100 - left, total=100, rate=1.0)) == shown


def test_nobody_guesses_how_long_what_does_not_run_takes() -> None:
    assert eta_seconds(Job(status="queued", done=1, total=2, rate=1.0)) is None
    assert eta_seconds(Job(status="running", done=1, total=2, rate=None)) is None


def test_many_small_advances_weigh_as_much_as_a_big_one() -> None:
    start = timezone.now()
    rates = []
    for pieces in (1, 20):
        job = Job(done=0, rate=1.0, progressed_at=start)
        for piece in range(1, pieces + 1):
            for name, value in advanced(
                job, piece * 40 // pieces, start + timedelta(seconds=10 * piece / pieces)
            ).items():
                setattr(job, name, value)
        rates.append(job.rate)
    assert rates[0] == pytest.approx(rates[1], rel=0.01)


def test_going_back_starts_the_pace_anew() -> None:
    now = timezone.now()
    job = Job(done=5, rate=2.0, progressed_at=now - timedelta(seconds=1))
    assert advanced(job, 3, now) == {"done": 3, "progressed_at": now, "rate": None}
