"""Everybody of a run: their clients, who is out of which room, and whether all of them are up to date."""

import asyncio
import random
import time
from collections.abc import Iterator
from typing import Any

from tests.faults.calls import call
from tests.faults.client import Client, Endpoint, Headers, Message, Pace
from tests.faults.journal import Absence, Journal, SignedIn
from tests.faults.proxy import Proxy
from tests.faults.scene import COMING_AND_GOING, OUTSIDERS, PEOPLE, ROOMS, Resident
from tests.faults.stage import Stage
from tests.faults.truth import Truth

PAGE_MESSAGES = 100
SECOND_SOCKETS = range(6)  # who has a second client, signed in with a token
INBOXES = range(4)  # who follows their inbox
LOOK_SECONDS = 0.02


class Crowd:
    """`async with Crowd(…) as crowd:` keeps all clients connected.

    `is_out` has (person, stream) of those who may not read now; `busy` counts calls under way.
    """

    def __init__(self, stage: Stage, proxy: Proxy, rng: random.Random, pace: Pace) -> None:
        self.stage = stage
        self.proxy = proxy
        self.rng = rng
        self.pace = pace
        self.people = list(stage.scene.people)
        self.absences: list[Absence] = []
        self.jobs: set[int] = set()
        self.programs: list[Journal] = []
        self.busy = 0
        self.chatting: list[Client] = [self._chatting(place, "session") for place in range(PEOPLE)]
        self.chatting += [self._chatting(place, "token") for place in SECOND_SOCKETS]
        self.reading = [self._reading(place) for place in INBOXES]
        self.is_out = {
            (person.id, stream)
            for place, person in enumerate(self.people)
            for stream in self.streams()
            if stream not in self.streams(place)
        }

    async def __aenter__(self) -> "Crowd":
        for client in self.clients:
            client.start()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await asyncio.gather(*(client.stop() for client in self.clients))

    @property
    def clients(self) -> list[Client]:
        return [*self.chatting, *self.reading]

    @property
    def journals(self) -> list[Journal]:
        return [client.journal for client in self.clients] + self.programs

    @property
    def owner(self) -> Headers:
        """A program's headers, for who owns all rooms; nobody takes these away."""
        return bearer(self.people[0])

    def of(self, person: int) -> Iterator[Client]:
        return (client for client in self.clients if client.journal.person == person)

    def streams(self, place: int | None = None) -> list[str]:
        """Of all rooms, or of those that somebody is in at the beginning."""
        rooms = self.stage.scene.rooms.values() if place is None else self.stage.scene.rooms_of(place)
        return [f"room:{room}" for room in rooms]

    def _chatting(self, place: int, how: str) -> Client:
        """Outsiders ask for what they may not follow, again and again."""
        person = self.people[place]
        streams = self.streams(None if place >= PEOPLE - OUTSIDERS else place)
        headers = cookie(person) if how == "session" else bearer(person)
        return self._client(f"{person.name}/{how}", person, "/ws/chat/", headers, streams)

    def _reading(self, place: int) -> Client:
        person = self.people[place]
        return self._client(
            f"{person.name}/inbox", person, "/ws/notifications/", cookie(person), [f"inbox:{person.id}"]
        )

    def _client(self, name: str, person: Resident, path: str, headers: Headers, streams: list[str]) -> Client:
        endpoint = Endpoint(f"ws://127.0.0.1:{self.proxy.port}{path}", self._load_page)
        rng = random.Random(self.rng.random())
        return Client(Journal(name, person.id), endpoint, headers, streams, self.pace, rng)

    def _load_page(self, room: int, headers: Headers) -> list[Message]:
        path = f"/api/rooms/{room}/messages?limit={PAGE_MESSAGES}"
        status, page = call(self.stage.site.origin, "GET", path, headers)
        if status in (401, 403, 404):
            raise PermissionError(path)
        if status != 200:
            raise OSError(f"{path}: {status}")
        messages: list[Message] = page["messages"]
        return messages

    async def give_keys(self, place: int) -> None:
        """A new identity for somebody whose old one was taken away."""
        person = self.people[place].id
        for client in self.of(person):
            client.journal.note(SignedIn(time.monotonic()))
        keys = self.people[place] = await asyncio.to_thread(self.stage.renew, person)
        for client in self.of(person):
            client.headers = bearer(keys) if client.journal.name.endswith("/token") else cookie(keys)

    async def insist(self, method: str, path: str, definite: set[int], body: Any = None) -> int:
        """Calls as the owner until a definite answer comes; returns it."""
        while True:
            try:
                status, _ = await asyncio.to_thread(call, self.stage.site.origin, method, path, self.owner, body)
                if status in definite:
                    return status
            except OSError:
                pass
            await asyncio.sleep(self.rng.uniform(0.1, 0.5))

    # --- Coming and going ---------------------------------------------------

    async def let_go(self, person: int, room: int) -> None:
        """Takes somebody out of a room. Half of them then ask to be let in again, and must not be."""
        stream = f"room:{room}"
        absence = Absence(person, stream, began=time.monotonic(), confirmed=0)
        self.is_out.add((person, stream))
        await self.insist("DELETE", f"/api/rooms/{room}/members/{person}", {204, 404})
        absence.confirmed = time.monotonic()
        self.absences.append(absence)
        for client in self.of(person):
            if stream in client.positions and client.connection and self.rng.random() < 0.5:
                await client.subscribe(stream)

    async def let_in(self, absence: Absence) -> None:
        absence.ended = time.monotonic()
        room = int(absence.stream.partition(":")[2])
        await self.insist("POST", f"/api/rooms/{room}/members", {200, 201}, {"user": absence.person})
        self.is_out.discard((absence.person, absence.stream))
        for client in self.of(absence.person):
            if absence.stream in client.positions and client.connection:
                await client.subscribe(absence.stream)

    async def someone_moves(self) -> None:
        """Into or out of the room `door`."""
        room = self.stage.scene.rooms["door"]
        person = self.people[self.rng.choice(COMING_AND_GOING)].id
        noted = [absence for absence in self.absences if (absence.person, absence.stream) == (person, f"room:{room}")]
        if noted and noted[-1].ended is None:
            await self.let_in(noted[-1])
        else:
            await self.let_go(person, room)

    def take_over(self, restored: Truth) -> None:
        """Who is in which room is what a restored database says."""
        self.absences = []
        for place, person in enumerate(self.people):
            for stream in self.streams(place):
                self.is_out.discard((person.id, stream))
                if not restored.may_read(person.id, stream):
                    self.is_out.add((person.id, stream))
                    self.absences.append(Absence(person.id, stream, began=0, confirmed=time.monotonic()))

    # --- Up to date ---------------------------------------------------------

    def behind(self, heads: dict[str, int]) -> list[str]:
        """Who does not stand at a head, or waits for something; a line each."""
        found = self.unsettled()
        for client in self.clients:
            if not client.is_settled:
                continue
            for stream, position in client.positions.items():
                if (client.journal.person, stream) not in self.is_out and position != heads.get(stream, 0):
                    found.append(f"{client.journal.name} stands at {position} of {stream}, not {heads.get(stream, 0)}")
        return found

    def unsettled(self) -> list[str]:
        """Who is away or waits for something; a line each."""
        return [
            f"{client.journal.name} is {'connected' if client.connection else 'away'}, "
            f"{len(client.outbox.posts)} posts unanswered"
            for client in self.clients
            if not client.is_settled
        ]

    async def settle(self, seconds: float) -> list[str]:
        """Returns when all are up to date, or who isn't after that time. Wants the load paused."""
        deadline = time.monotonic() + seconds
        problem = ["the database does not answer"]
        while time.monotonic() < deadline:
            await asyncio.sleep(LOOK_SECONDS)
            unsettled = self.unsettled()
            if self.busy or unsettled:
                problem = [f"{self.busy} calls under way", *unsettled]
                continue
            try:
                problem = self.behind(await asyncio.to_thread(self.stage.heads))
            except Exception as error:
                problem = [f"the database does not answer: {error!r}"]
            if not problem:
                return []
        return problem


def cookie(person: Resident) -> Headers:
    return {"Cookie": f"sessionid={person.session}"}


def bearer(person: Resident) -> Headers:
    return {"Authorization": f"Bearer {person.token}"}


assert set(COMING_AND_GOING) <= set(ROOMS["door"][1])
