"""PostgreSQL goes away, for a moment and for longer, and hangs."""

import asyncio
import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from tests.support import servers, stack
from tests.support.sites import Site, frozen
from tests.support.sockets import RefusedError
from tests.trouble.conversation import PATIENCE_SECONDS, Talk, get, until

pytestmark = pytest.mark.skipif(stack.STACK != "pg", reason="PostgreSQL's troubles")

JOB = {"title": "Stitch", "kind": "simulated", "params": {"steps": 20, "seconds": 2}}


def is_ready(site: Site) -> bool:
    return get(site, "/readyz").status == 200


async def test_a_restart_is_waited_for_and_nobody_hears_of_it(site_on_postgres: Site, postgres: servers.Server) -> None:
    """Immediate, as after a crash: every connection breaks, some within a transaction or a commit."""
    site, alice = site_on_postgres, site_on_postgres.people["alice"]

    def restart() -> None:
        """In the middle of a post's transaction, which waits for its room's row."""
        with psycopg.connect(postgres.url) as other, psycopg.connect(postgres.url, autocommit=True) as watcher:
            other.execute("SELECT id FROM chat_room FOR UPDATE")
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            while not watcher.execute(waiting).fetchone()[0]:
                time.sleep(0.01)
            postgres.end(signal.SIGQUIT)
            postgres.start()
            other.close()
            watcher.close()

    status, job = site.call("POST", "/api/jobs", alice, JOB)
    assert status == 201
    async with Talk(site) as talk:
        await talk.goes_on_during(restart)
        assert not talk.refused
        await talk.is_heard()
        assert {client.close_code for client in (*talk.posters, *talk.listeners)} == {None}
    await until(lambda: is_ready(site))

    def end() -> str:
        return str(site.call("GET", f"/api/jobs/{job['id']}", alice)[1].get("status"))

    assert await until(lambda: end() == "succeeded")


async def test_while_it_is_away_everybody_is_told_in_plain_words_and_it_heals_by_itself(
    site_on_postgres: Site, postgres: servers.Server
) -> None:
    site, alice = site_on_postgres, site_on_postgres.people["alice"]
    client_id, logged = str(uuid4()), len(site.log)
    assert get(site, "/", alice.cookie).status == 200
    async with Talk(site) as talk:
        postgres.end(signal.SIGQUIT)
        try:
            asked = [("/api/rooms", alice.bearer), ("/api/rooms", alice.cookie), ("/", alice.cookie), ("/readyz", {})]
            answers = asyncio.gather(*(asyncio.to_thread(get, site, *each) for each in asked))
            with pytest.raises(RefusedError) as refused:
                await talk.post(talk.posters[0], client_id)
            assert refused.value.code == "internal"
            call, by_session, page, ready = await answers
        finally:
            postgres.start()
        assert (call.status, by_session.status, page.status, ready.status) == (503, 503, 503, 503)
        assert json.loads(call.text)["code"] == json.loads(by_session.text)["code"] == "internal"
        assert call.headers["Retry-After"] == page.headers["Retry-After"]
        assert "<h1>" in page.text
        assert "Traceback" not in page.text
        assert json.loads(ready.text)["database"] != "ok"
        assert json.loads(ready.text)["channel_layer"] == "ok"

        await until(lambda: is_ready(site))
        assert await talk.post(talk.posters[0], client_id) == client_id
        await talk.is_heard()
    assert get(site, "/", alice.cookie).status == 200
    assert "Traceback" not in site.log[logged:]


async def test_where_it_hangs_the_watcher_is_told_so_soon(site_on_postgres: Site, postgres: servers.Server) -> None:
    site = site_on_postgres
    with hanging(postgres):
        began = time.monotonic()
        ready = get(site, "/readyz")
        assert time.monotonic() - began < PATIENCE_SECONDS / 3  # a second, on a machine that isn't busy
    assert (ready.status, json.loads(ready.text)["database"]) == (503, "no answer")
    async with Talk(site) as talk:
        await talk.post(talk.posters[0])
        await talk.is_heard()
    await until(lambda: is_ready(site))


@contextmanager
def hanging(server: servers.Server) -> Iterator[None]:
    """The server and the processes that it made accept and answer nothing."""
    assert server.process is not None
    pid = server.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    with frozen([pid, *map(int, children)]):
        yield
