"""The site says and does the same on our server, which offers a fast way out, and on others, which don't."""

import asyncio
import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
from websockets.exceptions import InvalidStatus

from tests.server.others import SERVERS, Browser, Serving, serving
from tests.support.sites import Site
from tests.support.sockets import WsClient

MANY = 25
TOO_LONG = "ä" * 40_000
SIGNED_OUT = 4401


@pytest.fixture(scope="module")
def site(shared_site: Site) -> Site:
    shared_site.stop()
    return shared_site


@pytest.fixture(scope="module", params=SERVERS, ids=lambda server: str(server.name))
def served(request: pytest.FixtureRequest, site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(site, request.param, tmp_path_factory.mktemp("certificate")) as found:
        yield found


async def follow(client: WsClient, served: Serving, after: int | None = None) -> int:
    """Alice's room; its head."""
    stream = f"room:{served.site.room['id']}"
    return int((await client.request("stream.subscribe", stream=stream, after=after))["head"])


async def post(client: WsClient, served: Serving, body: str) -> None:
    await client.request("message.post", room=served.site.room["id"], client_id=str(uuid4()), body=body)


async def hears(client: WsClient, bodies: list[str]) -> None:
    heard = [await client.next_event("message.posted") for _ in bodies]
    assert [event["message"]["body"] for event in heard] == bodies


def test_pages_and_what_belongs_to_them(served: Serving) -> None:
    browser = Browser(served)
    page = browser.sign_in(served.site.people["alice"])
    assert served.site.room["slug"] in page
    style = re.search(r'href="(/static/[^"]+\.css)"', page)
    assert style
    assert "{" in browser.open(style[1])


async def test_two_people_talk_and_one_comes_back(served: Serving) -> None:
    browser = Browser(served)
    await asyncio.to_thread(browser.sign_in, served.site.people["alice"])
    bob = served.site.people["bob"].bearer
    bodies = [f"{number}: grüezi" for number in range(MANY)]
    async with served.socket("/ws/chat/", browser.cookie) as alice:
        await follow(alice, served)
        async with served.socket("/ws/chat/", bob) as bobs:
            head = await follow(bobs, served)
            await alice.send({"type": "typing.start", "room": served.site.room["id"]})
            await bobs.next_event("typing.started")
            await asyncio.gather(*(post(alice, served, body) for body in bodies[:20]))
            await hears(bobs, bodies[:20])
        for body in bodies[20:]:
            await post(alice, served, body)
        async with served.socket("/ws/chat/", bob) as bobs:
            await follow(bobs, served, after=head)
            await hears(bobs, bodies)
            await post(bobs, served, "back")
            await hears(alice, [*bodies, "back"])


async def test_a_programs_job_is_watched(served: Serving) -> None:
    alice = served.site.people["alice"]
    async with served.socket("/ws/notifications/", alice.bearer) as client:
        await client.request("stream.subscribe", stream=f"inbox:{alice.id}", after=None)
        job = await served.call(alice, "POST", "/api/jobs", {"title": "Count", "total": 4})
        await served.call(alice, "PATCH", f"/api/jobs/{job['id']}", {"done": 1})
        assert (await client.next_event("job.progressed"))["job"]["percent"] == 25
        await served.call(alice, "PATCH", f"/api/jobs/{job['id']}", {"status": "succeeded"})
        assert (await client.next_event("job.succeeded"))["job"]["id"] == job["id"]


async def test_a_job_of_the_sites_own_runs(served: Serving) -> None:
    alice = served.site.people["alice"]
    async with served.socket("/ws/notifications/", alice.bearer) as client:
        await client.request("stream.subscribe", stream=f"inbox:{alice.id}", after=None)
        walk = {"kind": "simulated", "title": "Walk", "params": {"steps": 2, "seconds": 0.2, "fail_chance": 0}}
        job = await served.call(alice, "POST", "/api/jobs", walk)
        assert (await client.next_event("job.succeeded"))["job"]["id"] == job["id"]


async def test_who_signs_out_hears_why_the_socket_ends(served: Serving) -> None:
    if served.server.flaw:
        pytest.xfail(served.server.flaw)
    browser = Browser(served)
    await asyncio.to_thread(browser.sign_in, served.site.people["dina"])
    async with served.socket("/ws/chat/", browser.cookie) as dina:
        await follow(dina, served)
        await asyncio.to_thread(browser.submit, "/accounts/logout/")
        assert await dina.wait_closed() == SIGNED_OUT
    with pytest.raises(InvalidStatus) as refused:
        async with served.socket("/ws/chat/", browser.cookie):
            pass
    assert refused.value.response.status_code == 403


async def test_what_is_wrong_is_refused_and_the_socket_stays_open(served: Serving) -> None:
    async with served.socket("/ws/chat/", served.site.people["alice"].bearer) as alice:
        await alice.send_raw("[")
        assert (await alice.next_event("error"))["code"] == "bad_json"
        await alice.send_raw(b"{}")
        assert (await alice.next_event("error"))["code"] == "bad_json"
        await alice.send_raw(TOO_LONG)
        assert (await alice.next_event("error"))["code"] == "invalid"
        await alice.request("ping")
