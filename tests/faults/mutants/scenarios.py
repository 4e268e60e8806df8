"""A short scenario for each safeguard: it provokes exactly what that is there for, in a room of its own.

Everybody in it is a client that keeps to the contract and notes what happens. The evidence
is what they noted, and that room in the database.
"""

import asyncio
import random
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from tests.faults import calls
from tests.faults.checker import Evidence, check
from tests.faults.clerk import Clerk
from tests.faults.client import Client, Endpoint, Headers, Message, Pace
from tests.faults.journal import Absence, Ack, Attempt, Journal, Refusal
from tests.faults.mutants.breakages import SLOW_SAVE, SLOW_SUBSCRIBE
from tests.faults.patches import BEFORE_COMMIT, LOSE_PUSHES
from tests.faults.truth import Truth
from tests.faults.verdict import Verdict
from tests.support.cast import Person
from tests.support.patching import Switches
from tests.support.sites import Site

PACE = Pace(silence=60, backoff_base=0.1, backoff_ceiling=0.5, ask_again=60)
LOOK_SECONDS = 0.02
TAKEN_SECONDS = 60.0
BETWEEN_SECONDS = 1.0  # that something is held up so that something else comes between


class Place(NamedTuple):
    """A site that is patched with all breakages, none of them switched on, and who knows its database."""

    site: Site
    switches: Switches
    clerk: Clerk


class Scenario:
    """`async with begun(place) as scenario:` has a private room of Alice, Bob and Dina."""

    def __init__(self, place: Place, room: int) -> None:
        self.place = place
        self.site = place.site
        self.switches = place.switches
        self.room = room
        self.stream = f"room:{room}"
        self.clients: list[Client] = []
        self.programs: list[Journal] = []
        self.absences: list[Absence] = []

    # --- People -------------------------------------------------------------

    def person(self, name: str) -> Person:
        return self.site.people[name]

    def comes(self, name: str) -> Client:
        """Somebody's client, which follows the room from now on."""
        person = self.person(name)
        endpoint = Endpoint(self.site.ws_url("/ws/chat/"), self._load_page)
        journal = Journal(name, person.id)
        client = Client(journal, endpoint, person.bearer, [self.stream], PACE, random.Random(0))
        self.clients.append(client)
        client.start()
        return client

    async def is_here(self, *names: str) -> list[Client]:
        """Those clients, once they stand at the head."""
        clients = [self.comes(name) for name in names]
        behind = await self.behind(TAKEN_SECONDS)
        assert not behind, behind
        return clients

    def _load_page(self, room: int, headers: Headers) -> list[Message]:
        status, page = calls.call(self.site.origin, "GET", f"/api/rooms/{room}/messages?limit=100", headers)
        if status in (401, 403, 404):
            raise PermissionError(room)
        messages: list[Message] = page["messages"]
        return messages

    # --- What they do -------------------------------------------------------

    async def call(self, method: str, path: str, body: Any = None, who: str = "alice") -> tuple[int, Any]:
        return await asyncio.to_thread(calls.call, self.site.origin, method, path, self.person(who).bearer, body)

    async def posts_over_http(self, name: str, client_id: str | None = None) -> None:
        """One post of a program; the same `client_id` again is the same post."""
        journal = next((journal for journal in self.programs if journal.name == f"{name}/program"), None)
        if journal is None:
            journal = Journal(f"{name}/program", self.person(name).id)
            self.programs.append(journal)
        client_id = client_id or str(uuid.uuid4())
        journal.note(Attempt(time.monotonic(), 0, self.room, client_id))
        body = {"body": "hello", "client_id": client_id}
        status, answer = await self.call("POST", f"/api/rooms/{self.room}/messages", body, name)
        now = time.monotonic()
        if status in (200, 201):
            journal.note(Ack(now, client_id, answer["id"], answer["seq"]))
        else:
            journal.note(Refusal(now, client_id, answer["code"]))

    async def taken(self, point: str) -> None:
        """Returns when a process has come to that point."""
        await until(lambda: not self.switches.is_set(point))

    # --- In the end ---------------------------------------------------------

    async def behind(self, seconds: float) -> list[str]:
        """Nobody, as soon as all that may read stand at the head and have all answers; else who is, after that time."""
        deadline = time.monotonic() + seconds
        while True:
            truth = await self._truth_now()
            found = [
                f"{client.journal.name} stands at {client.positions[self.stream]}, not {truth}"
                for client in self.clients
                if not client.is_settled or (self.may_read(client) and client.positions[self.stream] != truth)
            ]
            if not found or time.monotonic() > deadline:
                return found
            await asyncio.sleep(LOOK_SECONDS)

    def may_read(self, client: Client) -> bool:
        return client.journal.person not in {absence.person for absence in self.absences}

    async def _truth_now(self) -> int:
        _, room = await self.call("GET", f"/api/rooms/{self.room}")
        head: int = room["head"]
        return head

    async def verdict(self) -> Verdict:
        truth = Truth.of(await asyncio.to_thread(self.place.clerk.ask, "truth"))
        truth.rooms = {self.stream: truth.rooms[self.stream]}
        journals = [client.journal for client in self.clients] + self.programs
        return check(Evidence(journals, truth, self.absences))


@asynccontextmanager
async def begun(place: Place) -> AsyncIterator[Scenario]:
    alice, bob, dina = (place.site.people[name] for name in ("alice", "bob", "dina"))
    body = {"name": f"Room {uuid.uuid4().hex[:8]}", "kind": "private", "members": [bob.id, dina.id]}
    status, room = await asyncio.to_thread(calls.call, place.site.origin, "POST", "/api/rooms", alice.bearer, body)
    assert status == 201, room
    scenario = Scenario(place, room["id"])
    try:
        yield scenario
    finally:
        for client in scenario.clients:
            await client.stop()


async def until(fulfilled: Any) -> None:
    deadline = time.monotonic() + TAKEN_SECONDS
    while not fulfilled():
        assert time.monotonic() < deadline, "nobody came there"
        await asyncio.sleep(LOOK_SECONDS)


# --- The scenarios ----------------------------------------------------------


async def lost_push_and_silence(scenario: Scenario) -> None:
    """A message that nobody is told of, and then nothing more is said."""
    alice, _bob = await scenario.is_here("alice", "bob")
    scenario.switches.set(LOSE_PUSHES)
    alice.outbox.put(scenario.room, "hello")
    await until(lambda: alice.is_settled)
    scenario.switches.clear(LOSE_PUSHES)


async def lost_push_and_more(scenario: Scenario) -> None:
    """A message that nobody is told of, and the next is told: it stands behind a hole."""
    await lost_push_and_silence(scenario)
    scenario.clients[0].outbox.put(scenario.room, "hello again")


async def lost_answer(scenario: Scenario) -> None:
    """A post is made again since its answer never came, over a socket and by a program."""
    (alice,) = await scenario.is_here("alice")
    client_id = str(uuid.uuid4())
    await scenario.posts_over_http("bob", client_id)
    await scenario.posts_over_http("bob", client_id)
    mine = alice.outbox.put(scenario.room, "hello")
    await until(lambda: alice.is_settled)
    await scenario.posts_over_http("alice", mine)


async def death_before_commit(scenario: Scenario) -> None:
    """The process dies between the insertion and the commit, and is started again."""
    (alice,) = await scenario.is_here("alice")
    scenario.switches.set(BEFORE_COMMIT)
    alice.outbox.put(scenario.room, "hello")
    await scenario.taken(BEFORE_COMMIT)
    await until(lambda: alice.connection is None)
    await asyncio.to_thread(answers_again, scenario.site)


def answers_again(site: Site) -> None:
    """Returns when another process serves. Where there was but one it has to be started, else its parent does so."""
    if site.workers == 1:
        site.kill()
        site.start()
    deadline = time.monotonic() + TAKEN_SECONDS
    while not site.is_up():
        assert time.monotonic() < deadline, "nobody serves"
        time.sleep(LOOK_SECONDS)


async def overtaken_commit(scenario: Scenario) -> None:
    """Somebody is held up between being given a seq and the commit; somebody else posts meanwhile."""
    alice, _dina = await scenario.is_here("alice", "dina")
    scenario.switches.set(SLOW_SAVE, str(BETWEEN_SECONDS))
    alice.outbox.put(scenario.room, "first")
    await scenario.taken(SLOW_SAVE)
    await scenario.posts_over_http("bob")


async def post_while_subscribing(scenario: Scenario) -> None:
    """Somebody subscribes, and what they missed is read; before it is sent, something is said, and then no more."""
    (alice,) = await scenario.is_here("alice")
    scenario.switches.set(SLOW_SUBSCRIBE, str(BETWEEN_SECONDS))
    scenario.comes("bob")
    await scenario.taken(SLOW_SUBSCRIBE)
    alice.outbox.put(scenario.room, "hello")
    await until(lambda: not alice.outbox.posts)


async def removed_member(scenario: Scenario) -> None:
    """Somebody is taken out while they listen; then Alice speaks, and they try to."""
    alice, bob = await scenario.is_here("alice", "bob")
    absence = Absence(bob.journal.person, scenario.stream, began=time.monotonic(), confirmed=0)
    status, _ = await scenario.call("DELETE", f"/api/rooms/{scenario.room}/members/{bob.journal.person}")
    assert status == 204
    absence.confirmed = time.monotonic()
    scenario.absences.append(absence)
    alice.outbox.put(scenario.room, "among ourselves")
    bob.outbox.put(scenario.room, "still here")
    await bob.subscribe(scenario.stream)
