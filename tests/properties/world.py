"""Three people, their rooms and jobs, and three clients of each, for one example."""

import asyncio
import time
from dataclasses import dataclass
from itertools import count
from typing import Any

from accounts.models import User
from chat.models import Room
from chatsite.realtime.streams import states_of
from chatsite.realtime.threads import in_database
from notifications.models import Job
from tests.properties.clients import TIMEOUT_SECONDS, Client
from tests.properties.http import Api
from tests.properties.store import Payload, differences
from tests.support import cast
from tests.support.sockets import RefusedError

NAMES = ("alice", "bob", "charlie")
LATE = ("compacted", "other epoch", "beyond the head")  # how those resume who were away all the time

LOOK_SECONDS = 0.005

_numbers = count(1)  # examples share a database: each has its own people


@dataclass
class Person:
    """`live` never leaves, `wanderer` comes and goes, `late` leaves at the beginning and returns at the end."""

    user: User
    api: Api
    live: Client
    wanderer: Client
    late: Client

    @property
    def clients(self) -> tuple[Client, Client, Client]:
        return self.live, self.wanderer, self.late


class World:
    """What commands act on. Rooms, messages and jobs are named by their number from the newest, 0, back."""

    def __init__(self) -> None:
        self.people: dict[str, Person] = {}
        self.rooms: list[int] = []
        self.messages: list[int] = []
        self.jobs: list[Job] = []

    async def begin(self) -> None:
        for name, api in (await in_database(self._make_cast)).items():
            live, wanderer, late = (Client(f"{name}, {kind}", api) for kind in ("live", "wandering", "late"))
            self.people[name] = Person(api.user, api, live, wanderer, late)
        for client in self.clients:
            await client.arrive()
        for person in self.people.values():
            await person.late.vanish()

    def _make_cast(self) -> dict[str, Api]:
        number = next(_numbers)
        users = {name: cast.make_user(f"{name}{number}", display_name=name.capitalize()) for name in NAMES}
        green = cast.make_room(f"green-{number}", users["alice"], [users["bob"]])
        lobby = cast.make_room(f"lobby-{number}", users["bob"], [users["alice"]], kind=Room.Kind.PUBLIC)
        self.rooms = [green.pk, lobby.pk]
        return {name: Api(user) for name, user in users.items()}

    async def end(self) -> None:
        for client in self.clients:
            await client.vanish()

    @property
    def clients(self) -> list[Client]:
        return [client for person in self.people.values() for client in person.clients]

    # --- For commands -------------------------------------------------------

    def room(self, number: int) -> int:
        return self.rooms[-1 - number % len(self.rooms)]

    def message(self, number: int) -> int:
        """0, which is nothing's id, where there is none."""
        return self.messages[-1 - number % len(self.messages)] if self.messages else 0

    def job(self, number: int) -> Job | None:
        return self.jobs[-1 - number % len(self.jobs)] if self.jobs else None

    def handle(self, who: str) -> str:
        return self.people[who].user.username

    async def ask(self, who: str, type: str, **fields: Any) -> Payload | None:
        """A command over a socket; None where it is refused, which changes nothing."""
        try:
            return await self.people[who].live.ask(type, **fields)
        except RefusedError:
            return None

    async def call(self, who: str, method: str, path: str, body: Payload | None = None) -> Payload | None:
        """As `ask`, over HTTP."""
        status, answer = await self.people[who].api.call(method, path, body)
        return answer if status < 300 else None

    # --- Comparing ----------------------------------------------------------

    async def settle(self) -> None:
        """Returns when every client that is here stands at the head of each of its streams, with no chores left."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while behind := await self._behind():
            assert time.monotonic() < deadline, f"not up to date: {behind}"
            await asyncio.sleep(LOOK_SECONDS)

    async def _behind(self) -> list[str]:
        here = [client for client in self.clients if client.sockets]
        for client in here:
            await client.settle()
        heads = await in_database(states_of, {stream for client in here for stream in client.store.positions})
        return [
            f"{client.name}: {stream} at {position} of {heads[stream].head}"
            for client in here
            for stream, position in client.store.positions.items()
            if position != heads[stream].head
        ]

    async def late_ones_return(self, how: str) -> None:
        for person in self.people.values():
            await person.wanderer.vanish()
            await person.wanderer.arrive()
            await person.late.arrive(
                epoch="another" if how == "other epoch" else None, ahead=1_000 if how == "beyond the head" else 0
            )

    async def differences(self) -> list[str]:
        """Between what each client knows and the state fetched afresh."""
        found = []
        for person in self.people.values():
            for progress in (True, False):
                clients = [client for client in person.clients if client.always_here is progress]
                fresh = await person.api.everything(progress=progress)
                for client in clients:
                    known = client.store.knows(progress=progress)
                    found += [f"{client.name}: {line}" for line in differences(known, fresh)]
        return found
