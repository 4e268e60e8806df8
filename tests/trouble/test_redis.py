"""Redis is stopped, dies, forgets, hangs up: people go on talking, and processes find each other again."""

import asyncio
import json
import signal
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import redis

from tests.support import servers, stack
from tests.support.sites import Site, frozen
from tests.trouble.conversation import PATIENCE_SECONDS, Answer, Talk, get, until

pytestmark = pytest.mark.skipif(stack.STACK != "pg", reason="Redis's troubles")

SLACK_SECONDS = 8.0  # what may pass for "at once" on a busy machine; a hanging Redis would take 30
CONNECTIONS_PER_PROCESS = 5  # listening, publishing, the cache and two to spare

JOB = {"title": "Stitch", "kind": "simulated", "params": {"steps": 5, "seconds": 1}}


@contextmanager
def client_of(site: Site) -> Iterator["redis.Redis[bytes]"]:
    with redis.Redis.from_url(site.redis.url) as client:
        yield client


def listeners(site: Site) -> int:
    """How many processes hear of the room's news."""
    with client_of(site) as client:
        ((_, count),) = client.pubsub_numsub(f"asgi__group__room.{site.room['id']}")
        return int(count)


@contextmanager
def stopped(server: servers.Server) -> Iterator[None]:
    """It accepts connections and answers nothing."""
    assert server.process is not None
    with frozen([server.process.pid]):
        yield


async def everybody_listens(site: Site) -> None:
    await until(lambda: listeners(site) == site.workers)


async def test_while_it_is_stopped_people_are_answered_and_heard(shared_site: Site) -> None:
    site = shared_site
    alice, bob = site.people["alice"], site.people["bob"]
    async with Talk(site) as talk:
        await everybody_listens(site)
        with stopped(site.redis):
            for poster in talk.posters * 5:
                await talk.post(poster)
            assert talk.slowest < SLACK_SECONDS
            await talk.is_heard()
            pages = [await timed(get, site, path, bob.cookie) for path in ("/", "/progress", "/notifications/")]
            calls = [await timed(get, site, "/api/rooms", alice.bearer) for _ in range(3)]
            door = await timed(sign_in, site, "charlie")
            ready = await timed(get, site, "/readyz")
        assert [answer.status for answer, _ in (*pages, *calls, door)] == [200] * 7
        assert max(seconds for _, seconds in (*pages, *calls, door, ready)) < SLACK_SECONDS
        told = json.loads(ready[0].text)
        assert (ready[0].status, told["database"], told["channel_layer"] == "ok") == (503, "ok", False)
        await until(lambda: get(site, "/readyz").status == 200)
        await everybody_listens(site)
        await talk.goes_on_during(lambda: None)
        await talk.is_heard()


async def test_processes_find_each_other_after_it_died(shared_site: Site) -> None:
    site = shared_site

    def restart() -> None:
        site.redis.end(signal.SIGKILL)
        site.redis.start()

    async with Talk(site) as talk:
        await everybody_listens(site)
        await talk.goes_on_during(restart)
        assert not talk.refused
        await talk.is_heard()
        await everybody_listens(site)


@pytest.mark.parametrize("trouble", ["flushall", "hang up"])
async def test_it_may_forget_everything_and_hang_up(shared_site: Site, trouble: str) -> None:
    site = shared_site
    async with Talk(site) as talk:
        await everybody_listens(site)
        with client_of(site) as client:
            assert client.flushall() if trouble == "flushall" else client.client_kill_filter(_type="pubsub") == 2
        await talk.goes_on_during(lambda: None)
        assert not talk.refused
        await talk.is_heard()
        await everybody_listens(site)


async def test_it_is_asked_over_a_few_connections_however_much_goes_on(shared_site: Site) -> None:
    site = shared_site
    async with Talk(site) as talk:
        await everybody_listens(site)
        await talk.goes_on_during(lambda: [get(site, "/", site.people["bob"].cookie) for _ in range(20)])
        await talk.is_heard()
    with client_of(site) as client:
        others = [each for each in client.client_list() if int(each["id"]) != client.client_id()]
    assert len(others) <= CONNECTIONS_PER_PROCESS * site.workers


async def test_a_job_is_taken_in_while_the_broker_hangs(make_site: Callable[..., Site]) -> None:
    site = make_site(JOBS_ENGINE="celery")
    with stopped(site.redis):
        took = [await timed(site.call, "POST", "/api/jobs", site.people["alice"], JOB) for _ in range(3)]
    assert [status for (status, _), _ in took] == [201] * 3
    assert sum(seconds for _, seconds in took) < SLACK_SECONDS  # waiting for the broker would take 5 each
    broker = redis.Redis.from_url(site.redis.url)
    await until(lambda: broker.llen("celery"))  # the sweep has somebody woken once it can
    broker.close()


async def timed(call: Callable[..., Any], *args: Any) -> tuple[Any, float]:
    began = time.monotonic()
    return await asyncio.to_thread(call, *args), time.monotonic() - began


def sign_in(site: Site, name: str) -> Answer:
    """Fills in the form at the door; the page that comes then."""
    jar, person = CookieJar(), site.people[name]
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    browser.open(site.url("/accounts/login/"), timeout=PATIENCE_SECONDS).close()
    token = next(cookie.value or "" for cookie in jar if cookie.name == "csrftoken")
    form = {"csrfmiddlewaretoken": token, "login": person.username, "password": person.password}
    with browser.open(site.url("/accounts/login/"), urlencode(form).encode(), timeout=PATIENCE_SECONDS) as response:
        assert urlsplit(response.url).path == "/"
        return Answer(response.status, dict(response.headers), response.read().decode())
