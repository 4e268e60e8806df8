"""The inbox's socket on the real server, which all share: each test has somebody's inbox for itself."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.cast import Person
from tests.support.sites import Site
from tests.support.sockets import Message, RefusedError, WsClient

QUICK = {"title": "Stitch", "kind": "simulated", "params": {"steps": 8, "seconds": 2}}


def inbox_of(site: Site, person: Person) -> WsClient:
    return WsClient(site.ws_url("/ws/notifications/"), person.cookie)


async def call(site: Site, *arguments: Any) -> Any:
    status, answer = await asyncio.to_thread(site.call, *arguments)
    assert status < 400, answer
    return answer


async def read_until(client: WsClient, last: Callable[[Message], bool]) -> list[Message]:
    """All events up to the first that is the last."""
    events = [await client.next_event()]
    while not last(events[-1]):
        events.append(await client.next_event())
    return events


def durable(events: list[Message]) -> list[Message]:
    return [event for event in events if "seq" in event]


async def test_a_job_is_followed_from_its_start_to_its_end(shared_site: Site) -> None:
    site, alice = shared_site, shared_site.people["alice"]
    async with inbox_of(site, alice) as client:
        ok = await client.request("stream.subscribe", stream=f"inbox:{alice.id}", after=None)
        job = await call(site, "POST", "/api/jobs", alice, QUICK)
        events = await read_until(client, lambda event: event["type"] == "notification.created")
    told = durable(events)
    assert [event["type"] for event in told] == ["job.queued", "job.started", "job.succeeded", "notification.created"]
    assert [event["seq"] for event in told] == list(range(ok["head"] + 1, ok["head"] + 5))
    progress = [event["job"] for event in events if event["type"] == "job.progressed"]
    assert [state["done"] for state in progress] == sorted(state["done"] for state in progress)
    assert len(progress) >= 5
    assert (progress[-1]["done"], progress[-1]["id"]) == (8, job["id"])
    assert progress[-1]["rate"] > 0


async def test_what_was_missed_comes_after_subscribing(shared_site: Site) -> None:
    site, bob = shared_site, shared_site.people["bob"]
    job = await call(site, "POST", "/api/jobs", bob, {"title": "Gauge"})
    await call(site, "PATCH", f"/api/jobs/{job['id']}", bob, {"status": "succeeded"})
    async with inbox_of(site, bob) as client:
        ok = await client.request("stream.subscribe", stream=f"inbox:{bob.id}", after=0)
        events = await read_until(client, lambda event: event.get("seq") == ok["head"])
    assert [event["type"] for event in events] == ["job.queued", "job.started", "job.succeeded", "notification.created"]


async def test_reading_in_one_tab_reaches_the_other(shared_site: Site) -> None:
    site, dina = shared_site, shared_site.people["dina"]
    job = await call(site, "POST", "/api/jobs", dina, {"title": "Gauge"})
    await call(site, "PATCH", f"/api/jobs/{job['id']}", dina, {"status": "failed", "step": "mirror-2 is full"})
    notice = (await call(site, "GET", "/api/notifications?unread=true", dina))["notifications"][0]
    assert (notice["kind"], notice["job"]["status"]) == ("job.failed", "failed")
    async with inbox_of(site, dina) as client:
        await client.request("stream.subscribe", stream=f"inbox:{dina.id}", after=None)
        await call(site, "POST", "/api/notifications/read", dina, {"up_to": notice["id"]})
        event = await client.next_event("notification.read")
    assert (event["ids"], event["up_to"], event["unread"]) == ([notice["id"]], notice["id"], 0)


async def test_nobody_else_follows_an_inbox_and_it_carries_nothing_else(shared_site: Site) -> None:
    site = shared_site
    alice, charlie = site.people["alice"], site.people["charlie"]
    async with inbox_of(site, charlie) as client:
        for stream in (f"inbox:{alice.id}", "inbox:999999", f"room:{site.room['id']}", "inbox:x"):
            with pytest.raises(RefusedError) as refused:
                await client.request("stream.subscribe", stream=stream, after=None)
            assert refused.value.code == "not_found"
        with pytest.raises(RefusedError) as refused:
            await client.request("typing.start", room=site.room["id"])
        assert refused.value.code == "bad_command"
        await client.request("stream.subscribe", stream=f"inbox:{charlie.id}", after=None)


async def test_a_cursor_from_the_future_starts_afresh(shared_site: Site) -> None:
    site, admin = shared_site, shared_site.people["admin"]
    async with inbox_of(site, admin) as client:
        ok = await client.request("stream.subscribe", stream=f"inbox:{admin.id}", after=99)
    assert (ok["reset"], ok["head"]) == (True, 0)
