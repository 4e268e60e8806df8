"""What a serving process keeps of the memory that it had."""

import asyncio
import json
import re
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

from chatsite.memory import ARENAS
from tests.server.test_site import MakeSite
from tests.support.patching import patched
from tests.support.sites import Site
from tests.support.sockets import WsClient

ARENA = 64 * 2**20  # bytes of addresses that glibc reserves for each but the first, at a multiple of that
VISITORS = 16
VISITS = 10


def test_threads_share_few_heaps(make_site: MakeSite) -> None:
    site = make_site(workers=1)
    assert site.process is not None

    def visit(_: int) -> None:
        urllib.request.urlopen(site.url("/accounts/login/"), timeout=60).close()

    with ThreadPoolExecutor(VISITORS) as visitors:
        list(visitors.map(visit, range(2 * VISITORS)))
    assert heaps(site.process.pid) < ARENAS


def test_garbage_is_not_searched_for_in_what_the_site_is_made_of(make_site: MakeSite, tmp_path: Path) -> None:
    """Each search stops everybody."""
    site = make_site(workers=1, **patched("tests.server.patches:tell_what_is_searched", switches=tmp_path))
    urllib.request.urlopen(site.url("/accounts/login/"), timeout=60).close()
    searched, left_out = map(int, (tmp_path / "searched").read_text().split())
    assert searched < left_out / 10


async def test_a_closed_socket_waits_for_no_search(make_site: MakeSite) -> None:
    site = make_site(workers=1, **patched("tests.server.patches:answer_garbage"))

    alice = site.people["alice"]
    streams = {"/ws/chat/": f"room:{site.room['id']}", "/ws/notifications/": f"inbox:{alice.id}"}

    async def visit(times: int) -> None:
        for path, stream in [*streams.items()] * times:
            async with WsClient(site.ws_url(path), alice.cookie) as client:
                await client.request("stream.subscribe", stream=stream, after=None)

    await visit(1)
    await asyncio.to_thread(garbage, site)
    await visit(VISITS)
    async with WsClient(site.ws_url("/ws/chat/"), alice.cookie) as last:
        await last.request("ping")  # those before it have ended
        found = await asyncio.to_thread(garbage, site)
    of_sockets = {name for name, number in found.items() if number >= VISITS} - {"cell", "function", "tuple"}
    assert not of_sockets


def garbage(site: Site) -> dict[str, int]:
    with urllib.request.urlopen(site.url("/garbage"), timeout=60) as answer:
        found: dict[str, int] = json.load(answer)
    return found


def heaps(pid: int) -> int:
    """Those besides the first: what of one is in use, and behind it what is only reserved, fill its place."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    parts = [re.match(r"(\w+)-(\w+) (\S+)", line) for line in lines]
    places = [(int(part[1], 16), int(part[2], 16), part[3]) for part in parts if part]
    return sum(
        (used, reserved) == ("rw-p", "---p") and start % ARENA == 0 and middle == begins and end == start + ARENA
        for (start, middle, used), (begins, end, reserved) in pairwise(places)
    )
