"""What an inbox tells of a job whose process ended; that of a server also in `tests/crash`."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.consumers.test_inbox import call, durable, inbox_of
from tests.support import stack
from tests.support.sites import ROOT, Site
from tests.support.sockets import Message

LONG = {"title": "Stitch", "kind": "simulated", "params": {"steps": 40, "seconds": 6}}
WHOLE = ["job.queued", "job.started", "job.resumed", "job.succeeded", "notification.created"]


async def start_and_interrupt(site: Site, end: Callable[[], object]) -> int:
    """Starts a job of Alice's, ends the server in the middle of it and returns how far it was."""
    alice = site.people["alice"]
    job = await call(site, "POST", "/api/jobs", alice, LONG)
    while job["done"] < 8:
        await asyncio.sleep(0.1)
        job = await call(site, "GET", f"/api/jobs/{job['id']}", alice)
    await asyncio.to_thread(end)
    return int(job["done"])


async def follow_to_the_end(site: Site, done: int) -> Message:
    """The whole inbox from its beginning: no transition is missing, and the job went on from where it was.

    Returns the job. It may have been resumed more than once where several processes went down in order.
    """
    alice = site.people["alice"]
    async with inbox_of(site, alice) as client:
        await client.request("stream.subscribe", stream=f"inbox:{alice.id}", after=0)
        events = [await client.next_event(timeout=30)]
        while events[-1]["type"] != "notification.created":
            events.append(await client.next_event(timeout=30))
    told = durable(events)
    assert list(dict.fromkeys(event["type"] for event in told)) == WHOLE
    assert [event["seq"] for event in told] == list(range(1, len(told) + 1))
    resumed, succeeded = told[2]["job"], told[-2]["job"]
    assert resumed["done"] >= done
    assert (succeeded["done"], succeeded["percent"]) == (40, 100)
    log = (await call(site, "GET", f"/api/jobs/{succeeded['id']}/log", alice))["text"].splitlines()
    assert set(log) == {f"Step {step} of 40" for step in range(1, 41)}
    return dict(succeeded)


@pytest.mark.skipif(stack.STACK != "pg", reason="Celery is for several machines: PostgreSQL and Redis")
async def test_celery_runs_jobs_and_a_killed_workers_job_is_resumed(make_site: Callable[..., Site]) -> None:
    site = make_site(JOBS_ENGINE="celery")
    with celery_worker(site) as worker:
        done = await start_and_interrupt(site, lambda: os.killpg(worker.pid, signal.SIGKILL))
    with celery_worker(site):
        await follow_to_the_end(site, done)


@contextmanager
def celery_worker(site: Site) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "celery", "-A", "chatsite", "worker", "--concurrency=2", "--loglevel=INFO"]
    with (site.var / "celery.log").open("ab") as log:
        worker = subprocess.Popen(command, cwd=ROOT, env=site.environ, stdout=log, stderr=log, start_new_session=True)
    try:
        yield worker
    finally:
        try:
            os.killpg(worker.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        worker.wait()
