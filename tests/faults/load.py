"""What everybody does meanwhile: posts, edits, deletions, reactions, reads, joins and leaves, and jobs."""

import asyncio
import random
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress

from tests.faults.calls import call
from tests.faults.client import Client
from tests.faults.crowd import Crowd, bearer
from tests.faults.journal import Ack, Attempt, Journal, Refusal

FULL_OUTBOX = 40  # who has that many posts unanswered says no more for now
MOVE_SECONDS = 1.0
JOB_SECONDS = 2.0
SIMULATED = {"kind": "simulated", "params": {"steps": 8, "seconds": 2.0, "fail_chance": 0.2}}
EMOJI = ("👍", "🎉", "👀", "🌊")
WORDS = ["calm", "tide", "gauge", "north", "buoy", "swell", "reef", "chart", "sound", "depth"]


class Load:
    """`posts_per_second` is for everybody together. Nothing new is begun while `paused`."""

    def __init__(self, crowd: Crowd, rng: random.Random, posts_per_second: float) -> None:
        self.crowd = crowd
        self.rng = rng
        self.posts_per_second = posts_per_second
        self.with_jobs = True
        self._going = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Load":
        self.resume()
        works: list[tuple[Callable[[], Awaitable[None]], float]] = [
            (self._talk, 1 / self.posts_per_second),
            (self._move, MOVE_SECONDS),
            (self._start_job, JOB_SECONDS),
            (self._post_over_http, JOB_SECONDS),
        ]
        self._tasks = [asyncio.create_task(self._again_and_again(*work)) for work in works]
        return self

    async def __aexit__(self, *exception: object) -> None:
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task

    def pause(self) -> None:
        self._going.clear()

    def resume(self) -> None:
        self._going.set()

    async def _again_and_again(self, work: Callable[[], Awaitable[None]], every: float) -> None:
        while True:
            await asyncio.sleep(self.rng.expovariate(1 / every))
            await self._going.wait()
            self.crowd.busy += 1
            try:
                await work()
            finally:
                self.crowd.busy -= 1

    # --- On the sockets -----------------------------------------------------

    async def _talk(self) -> None:
        client = self.rng.choice(self.crowd.chatting)
        act = self.rng.choices(
            (self.post, self._edit, self._delete, self._react, self._read), weights=(70, 9, 3, 12, 6)
        )[0]
        result = act(client)
        if result is not None:
            await result

    def post(self, client: Client) -> None:
        """In any of the rooms that the client follows, or would like to."""
        if len(client.outbox.posts) >= FULL_OUTBOX:
            return
        room = int(self.rng.choice(list(client.positions)).partition(":")[2])
        answered = [message["id"] for message in client.recent if message["room"] == room]
        reply_to = self.rng.choice(answered) if answered and self.rng.random() < 0.1 else None
        client.outbox.put(room, self._sentence(), reply_to)

    def _sentence(self) -> str:
        words = " ".join(self.rng.choices(WORDS, k=self.rng.randint(1, 12)))
        mention = f" @fay{self.rng.randrange(4)}" if self.rng.random() < 0.05 else ""
        return f"{words}{mention} ✓" if self.rng.random() < 0.2 else words + mention

    async def _edit(self, client: Client) -> None:
        own = [message for message in client.recent if message["author"]["id"] == client.journal.person]
        if own:
            message = self.rng.choice(own)
            await client.outbox.change("message.edit", message["id"], body=f"{self._sentence()} (edited)")

    async def _delete(self, client: Client) -> None:
        own = [message for message in client.recent if message["author"]["id"] == client.journal.person]
        if own:
            await client.outbox.change("message.delete", self.rng.choice(own)["id"])

    async def _react(self, client: Client) -> None:
        if client.recent:
            command = "reaction.add" if self.rng.random() < 0.8 else "reaction.remove"
            message = self.rng.choice(client.recent)
            await client.outbox.change(command, message["id"], emoji=self.rng.choice(EMOJI))

    async def _read(self, client: Client) -> None:
        stream = self.rng.choice(list(client.positions))
        command = {"type": "room.read", "room": int(stream.partition(":")[2]), "seq": client.positions[stream]}
        await client.request(command, lambda _answer: None)

    # --- Over HTTP ----------------------------------------------------------

    async def _move(self) -> None:
        await self.crowd.someone_moves()

    async def _start_job(self) -> None:
        """The same key again gives the same job, so that no start is unknown in the end."""
        if not self.with_jobs:
            return
        owner = bearer(self.crowd.people[0])
        key = uuid.uuid4().hex
        with suppress(OSError):
            body = {"title": f"Stitch {key[:4]}", "key": key, **SIMULATED}
            status, job = await asyncio.to_thread(call, self.crowd.stage.site.origin, "POST", "/api/jobs", owner, body)
            if status in (200, 201):
                self.crowd.jobs.add(job["id"])

    async def _post_over_http(self) -> None:
        program = self.program(f"{self.crowd.people[0].name}/program", 0)
        await post_until_answered(self.crowd, program, self.crowd.stage.scene.rooms["plaza"], self._sentence())

    def program(self, name: str, place: int) -> Journal:
        """The journal of a program that posts over HTTP as somebody."""
        known = next((journal for journal in self.crowd.programs if journal.name == name), None)
        if known is None:
            known = Journal(name, self.crowd.people[place].id)
            self.crowd.programs.append(known)
        return known


async def post_until_answered(crowd: Crowd, program: Journal, room: int, body: str) -> list[int]:
    """Posts with the same client id until a definite answer comes; returns the statuses of all tries."""
    client_id, statuses = str(uuid.uuid4()), []
    headers = next(bearer(person) for person in crowd.people if person.id == program.person)
    request = {"body": body, "client_id": client_id}
    while True:
        program.note(Attempt(time.monotonic(), 0, room, client_id))
        try:
            status, answer = await asyncio.to_thread(
                call, crowd.stage.site.origin, "POST", f"/api/rooms/{room}/messages", headers, request
            )
        except OSError:
            status, answer = 0, None
        statuses.append(status)
        now = time.monotonic()
        if status in (200, 201):
            program.note(Ack(now, client_id, answer["id"], answer["seq"]))
        elif 400 <= status < 500 and status != 429:
            program.note(Refusal(now, client_id, str(status)))
        else:
            await asyncio.sleep(crowd.rng.uniform(0.2, 0.6))
            continue
        return statuses
