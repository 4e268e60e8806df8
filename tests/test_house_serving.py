"""The site in one command: it starts, refuses in one line, and goes down in order."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable

from tests.support.sites import ROOT, STOP_SECONDS, Site
from tests.support.sockets import WsClient

MakeSite = Callable[..., Site]


async def test_it_tells_open_sockets_when_it_goes_down_and_ends_well(site: Site) -> None:
    assert f"Serving on {site.origin}/" in site.log
    async with WsClient(site.ws_url("/ws/chat/"), site.people["alice"].cookie) as alice:
        await alice.request("stream.subscribe", stream=f"room:{site.room['id']}", after=None)
        assert await asyncio.to_thread(site.stop) == 0
        assert await alice.wait_closed() == 1012
    assert "Traceback" not in site.log


async def test_ctrl_c_takes_all_processes_down_in_order(make_site: MakeSite) -> None:
    site = make_site(workers=2, REDIS_URL="")
    assert "Without REDIS_URL" in site.log, "they hear of each other late, and it says so"
    async with WsClient(site.ws_url("/ws/chat/"), site.people["alice"].cookie) as alice:
        await alice.request("ping")
        assert site.process is not None
        os.killpg(site.process.pid, signal.SIGINT)
        assert await alice.wait_closed() == 1012
    assert site.process.wait(STOP_SECONDS) == 0
    assert "Traceback" not in site.log


def test_a_killed_worker_is_replaced(make_site: MakeSite) -> None:
    site = make_site(workers=2)
    first = site.worker_pids()
    assert len(first) == 2
    os.kill(first[0], signal.SIGKILL)
    until(lambda: len(site.worker_pids()) == 2 and first[0] not in site.worker_pids())
    assert site.is_up()
    assert site.stop() == 0


def test_workers_end_when_their_parent_is_killed(make_site: MakeSite) -> None:
    site = make_site(workers=2)
    assert site.process is not None
    os.kill(site.process.pid, signal.SIGKILL)
    until(lambda: not is_listening(site.port))


def test_it_serves_on_the_address_of_bind_and_refuses_a_port_that_is_taken(make_site: MakeSite) -> None:
    site = make_site(BIND="::1")
    assert f"Serving on http://[::1]:{site.port}/" in site.log
    assert not is_listening(site.port), "only on that address"
    second = subprocess.run(
        [sys.executable, "manage.py", "serve"], cwd=ROOT, env=site.environ, capture_output=True, text=True, check=False
    )
    assert second.returncode == 1
    assert second.stderr == f"PORT: {site.port} on ::1 can't be used: Address already in use\n"


def is_listening(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Waits for something outside this process, which can't tell us."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
