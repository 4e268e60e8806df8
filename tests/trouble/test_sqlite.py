"""SQLite: many writers, and a disk that is full."""

import asyncio
import json
import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.support import stack
from tests.support.sites import Ground, Site
from tests.support.sockets import RefusedError
from tests.trouble.conversation import Talk, get

pytestmark = pytest.mark.skipif(stack.STACK != "sqlite", reason="SQLite's troubles")

HOLDS = 4  # of the outside writer
HOLD_SECONDS = 1.2
GAP_SECONDS = 0.05
DISK = "12m"
JOB = {"title": "Stitch", "kind": "simulated", "params": {"steps": 400, "seconds": 4}}


def stored(database: Path) -> dict[str, int]:
    """How often each `client_id` is in the database."""
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT client_id, count(*) FROM chat_message GROUP BY client_id").fetchall()
    return {client_id: count for client_id, count in rows if client_id}


def hold_the_lock(database: Path) -> None:
    """What a program beside the site does that writes for a second at a time, with hardly a pause."""
    with closing(sqlite3.connect(database, isolation_level=None, timeout=30)) as connection:
        for _ in range(HOLDS):
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("UPDATE chat_room SET topic = topic")
            time.sleep(HOLD_SECONDS)  # the trouble itself
            connection.execute("COMMIT")
            time.sleep(GAP_SECONDS)


async def test_nobody_hears_that_the_database_is_locked(quiet_site: Site) -> None:
    """Eight writers in the site: two sockets, four programs over HTTP, two jobs. And one outside of it."""
    site, over = quiet_site, threading.Event()
    answers: list[tuple[int, str]] = []

    def post_by_http() -> None:
        path, alice = f"/api/rooms/{site.room['id']}/messages", site.people["alice"]
        while not over.is_set():
            client_id = str(uuid4())
            answers.append((site.call("POST", path, alice, {"body": "by HTTP", "client_id": client_id})[0], client_id))

    def trouble() -> None:
        hold_the_lock(site.var / "db.sqlite3")
        over.set()

    jobs = [site.call("POST", "/api/jobs", site.people["dina"], JOB)[1] for _ in range(2)]
    async with Talk(site) as talk:
        programs = [asyncio.create_task(asyncio.to_thread(post_by_http)) for _ in range(4)]
        await talk.goes_on_during(trouble)
        await asyncio.gather(*programs)
        assert not talk.refused
        await talk.is_heard()
    assert {status for status, _ in answers} == {201}
    posted = {client_id.replace("-", "") for client_id in (*talk.acknowledged, *(known for _, known in answers))}
    assert stored(site.var / "db.sqlite3") == dict.fromkeys(posted, 1)
    assert "locked" not in site.log
    for job in jobs:
        told = site.call("GET", f"/api/jobs/{job['id']}", site.people["dina"])[1]
        assert (told["status"] in ("running", "succeeded"), told["attempt"], told["error"]) == (True, 1, None)


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("this user may not mount a small disk")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def site_on_small_disk(ground: Ground, tmp_path: Path) -> Iterator[Site]:
    folder = tmp_path / "disk"
    folder.mkdir()
    with small_disk(folder):
        site = Site(ground, folder, RATE_LIMITS="off")
        site.log_path = tmp_path / "log"
        with site:
            yield site


def fill(folder: Path) -> Path:
    """A file that takes all the room there is."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while file.write(b"\0" * size):
                    pass
            except OSError:
                continue
    return filler


async def test_on_a_full_disk_writes_are_refused_reads_go_on_and_it_heals_by_itself(site_on_small_disk: Site) -> None:
    site, alice, bob = site_on_small_disk, site_on_small_disk.people["alice"], site_on_small_disk.people["bob"]
    path = f"/api/rooms/{site.room['id']}/messages"
    async with Talk(site) as talk:
        for _ in range(20):
            await talk.post(talk.posters[0])
        filler = fill(site.var)
        refused: dict[str, Any] = await refused_post(talk)
        posts = [site.call("POST", path, alice, {"body": "by HTTP", "client_id": str(uuid4())}) for _ in range(3)]
        reads = [get(site, "/", bob.cookie), get(site, f"/rooms/{site.room['slug']}/", alice.cookie)]
        reads += [get(site, path, bob.bearer), get(site, "/notifications/", bob.cookie), get(site, "/healthz")]
        door = get(site, "/accounts/login/")
        before = set(talk.acknowledged)
        filler.unlink()

        assert refused["code"] == "internal"
        assert {(status, answer["code"]) for status, answer in posts} == {(503, "internal")}
        assert [read.status for read in (*reads, door)] == [200] * 6
        assert len(json.loads(reads[2].text)["messages"]) == len(before)
        await talk.post(talk.posters[0])
        await talk.post(talk.posters[1], refused["client_id"])
        await talk.is_heard()
    assert site.call("POST", path, alice, {"body": "by HTTP", "client_id": str(uuid4())})[0] == 201
    kept = stored(site.var / "db.sqlite3")
    assert {kept.get(client_id.replace("-", "")) for client_id in talk.acknowledged} == {1}
    with closing(sqlite3.connect(site.var / "db.sqlite3")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert "Traceback" not in site.log
    assert len(site.log.splitlines()) < 40


async def refused_post(talk: Talk) -> dict[str, Any]:
    """The refusal of a post, once the disk has no room even for a small one; with its `client_id`."""
    for _ in range(200):
        client_id = str(uuid4())
        try:
            await talk.post(talk.posters[1], client_id)
        except RefusedError as refusal:
            return {**refusal.answer, "client_id": client_id}
    raise AssertionError("the disk is full, and all was saved")
