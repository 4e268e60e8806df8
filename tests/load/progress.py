"""Two hundred programs report running jobs a hundred times a second each: what is left for those who talk?"""

import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from pydantic_core import from_json

from tests.load.calls import request
from tests.load.figures import Goal, Outcome, ms, percentile
from tests.load.stage import Key, set_up
from tests.load.talk import Crowd
from tests.load.wire import Wire

MEMBERS, SPEAKERS, POSTS_PER_SECOND = 50, 10, 20.0
REPORTS_PER_SECOND = 100
WARM_UP_SECONDS, LAST_SECONDS, ACKNOWLEDGED_SECONDS = 5, 5, 10
TOTAL = 10**6
MAX_P99_TIMES = 2
HEADER = ("with", "deliveries", "p50", "p99", "reports taken", "told to come later", "progress heard")

Message = dict[str, Any]


class Program:
    """One job of one person, who listens at their inbox."""

    def __init__(self, port: int, key: Key) -> None:
        self.port = port
        self.headers = {"Authorization": f"Bearer {key.token}"}
        self.owner = key.user
        self.taken = 0
        self.later = 0
        self.heard: list[int] = []
        self.is_ending = False
        self._done = 0
        self._news = asyncio.Event()

    async def start(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port)
        _, job = await self._call("POST", "/api/jobs", {"title": "Count", "total": TOTAL})
        self.path = f"/api/jobs/{job['id']}"
        await self._listen()

    async def _listen(self) -> None:
        def wire() -> Wire:
            return Wire("/ws/notifications/", self.headers, self._hear)

        _, self._wire = await asyncio.get_running_loop().create_connection(wire, "127.0.0.1", self.port)
        await self._wire.opened
        self._wire.send(json.dumps({"type": "stream.subscribe", "stream": f"inbox:{self.owner}"}).encode())

    async def report_on(self) -> None:
        """As often as wanted, or as it is answered, until the end."""
        due = time.monotonic()
        while not self.is_ending:
            self._done += 1
            await self.report()
            due = max(due + 1 / REPORTS_PER_SECOND, time.monotonic())
            await asyncio.sleep(due - time.monotonic())

    async def report(self) -> None:
        """Again and again until it is taken."""
        while True:
            status, answer = await self._call("PATCH", self.path, {"done": self._done})
            if status == 200:
                self.taken += 1
                return
            assert status == 429, answer
            self.later += 1
            await asyncio.sleep(1)

    async def is_up_to_date(self) -> bool:
        """Waits until the last report was heard; whether that came in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_SECONDS):
                while self.heard[-1:] != [self._done]:
                    self._news.clear()
                    await self._news.wait()
        return self.heard[-1:] == [self._done]

    def hang_up(self) -> None:
        self._wire.abort()
        self._writer.close()

    def _hear(self, text: bytes) -> None:
        event = from_json(text)
        if event["type"] == "job.progressed":
            self.heard.append(event["job"]["done"])
            self._news.set()

    async def _call(self, method: str, path: str, body: Message) -> tuple[int, Message]:
        self._writer.write(request(self.port, method, path, self.headers, body))
        answer = await self._reader.readuntil(b"\r\n\r\n")
        length = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        return int(answer[9:12]), from_json(await self._reader.readexactly(int(length[15:])))


async def run(programs: int, seconds: float) -> Outcome:
    with set_up(MEMBERS + programs, 1, RATE_LIMITS="on") as stage:
        crowd = Crowd(stage.site.port, stage.keys[:MEMBERS], [stage.rooms] * MEMBERS)
        await crowd.enter()
        working = [Program(stage.site.port, key) for key in stage.keys[MEMBERS:]]
        for program in working:
            await program.start()
            await program.report()
        with crowd.talking(crowd.members[:SPEAKERS], POSTS_PER_SECOND):
            await asyncio.sleep(WARM_UP_SECONDS)
            before = await listen(crowd, seconds)
            during = await flooded(crowd, working, seconds)
            up_to_date = await asyncio.gather(*(program.is_up_to_date() for program in working))
            after = await listen(crowd, seconds)
        all_acknowledged = await crowd.acknowledged(ACKNOWLEDGED_SECONDS)
        for program in working:
            program.hang_up()
        await crowd.leave()
    return outcome(before + after, during, working, up_to_date, all_acknowledged)


async def listen(crowd: Crowd, seconds: float) -> list[float]:
    crowd.deliveries.clear()
    await asyncio.sleep(seconds)
    return list(crowd.deliveries)


async def flooded(crowd: Crowd, working: Sequence[Program], seconds: float) -> list[float]:
    """What was delivered meanwhile; in the end each program has its last word."""
    tasks = [asyncio.create_task(program.report_on()) for program in working]
    deliveries = await listen(crowd, seconds)
    failed = [task for task in tasks if task.done()]
    assert not failed, failed[0].exception()
    for program in working:
        program.is_ending = True
    await asyncio.gather(*tasks)
    return deliveries


def outcome(
    quiet: list[float], during: list[float], working: Sequence[Program], up_to_date: Sequence[bool], acked: bool
) -> Outcome:
    times = percentile(during, 0.99) / percentile(quiet, 0.99)
    taken, later = sum(program.taken for program in working), sum(program.later for program in working)
    heard = sum(len(program.heard) for program in working)
    rows = [
        ["nobody else", len(quiet), *(ms(percentile(quiet, share)) for share in (0.5, 0.99)), "", "", ""],
        [f"{len(working)} programs", len(during), *(ms(percentile(during, share)) for share in (0.5, 0.99)),
         taken, later, heard],
    ]  # fmt: skip
    return Outcome(HEADER, rows, [
        Goal(f"chat's p99 {times:.1f} times ≤ {MAX_P99_TIMES} times", times <= MAX_P99_TIMES),
        Goal(f"{sum(up_to_date)} of {len(working)} owners heard the last state", all(up_to_date)),
        Goal("all posts acknowledged", acked),
    ])  # fmt: skip
