"""People who come and go: each stays for a while, does what people do, leaves in one way or another, and returns."""

import asyncio
import itertools
import json
import random
import struct
import uuid
from collections import Counter
from contextlib import suppress
from typing import Any

from pydantic_core import from_json

from tests.load.calls import call
from tests.load.stage import Key
from tests.load.wire import CLOSE, Wire, frame

VISIT_SECONDS, AWAY_SECONDS, PAUSE_SECONDS = 27.0, 1.0, 6.0  # means; most visits are short, few are long
HANDSHAKE_SECONDS, GOODBYE_SECONDS = 30.0, 2.0
ROOMS_AT_MOST = 5
REPORTS = 5
PAGES = ("/", "/rooms/", "/people/", "/progress", "/notifications/", "/search?q=hello")
SIMULATED = {"kind": "simulated", "title": "Walk", "params": {"steps": 5, "seconds": 3, "fail_chance": 0.1}}

Message = dict[str, Any]


class Visitor:
    """One seat, taken by one person over and over again; `tally` counts what happens to all of them.

    `places` are the cursors that the person remembers, by stream; None before the first `ok`.
    """

    path: str

    def __init__(self, port: int, key: Key, streams: list[str], tally: Counter[str]) -> None:
        self.port = port
        self.key = key
        self.tally = tally
        self.places: dict[str, int | None] = dict.fromkeys(streams)
        self.bearer = {"Authorization": f"Bearer {key.token}"}
        self.cookie = {"Cookie": f"sessionid={key.session}"}
        self._refs = itertools.count(1)
        self._asked: dict[str, str] = {}  # ref → type of the command
        self._wire: Wire | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._live())

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])
            if not self._task.cancelled() and (error := self._task.exception()):
                raise error

    async def act(self) -> None:
        raise NotImplementedError

    def apply(self, event: Message) -> None:
        """An event of a stream, the first time that it is heard."""

    # --- A visit ------------------------------------------------------------

    async def _live(self) -> None:
        while True:
            await asyncio.sleep(random.expovariate(1 / AWAY_SECONDS))
            await self._visit()

    async def _visit(self) -> None:
        wire: Wire | None = None
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                _, wire = await asyncio.get_running_loop().create_connection(self._new_wire, "127.0.0.1", self.port)
                await wire.opened
            self.tally["connects"] += 1
            self._wire = wire
            await self._stay(wire)
            await self._leave(wire)
        except (OSError, TimeoutError) as error:
            self.tally[f"not let in: {error!r}"] += 1
        finally:
            self._wire = None
            self._asked.clear()
            if wire:
                wire.abort()

    def _new_wire(self) -> Wire:
        """Programs show a key, browsers a cookie."""
        return Wire(self.path, self.bearer if self.key.user % 2 else self.cookie, self._take)

    async def _stay(self, wire: Wire) -> None:
        how = random.choices(["resumed", "lost", "from the beginning", "other epoch"], [12, 5, 2, 1])[0]
        for stream in list(self.places):
            self.subscribe(stream, how)
        with suppress(TimeoutError):
            async with asyncio.timeout(random.expovariate(1 / VISIT_SECONDS)):
                while not wire.gone.done():
                    await asyncio.wait([wire.gone], timeout=random.expovariate(1 / PAUSE_SECONDS))
                    await self.act()

    async def _leave(self, wire: Wire) -> None:
        """In order, or just gone."""
        if wire.gone.done():
            self.tally["sent away"] += 1
        elif random.random() < 0.5:
            wire.transport.write(frame(CLOSE, struct.pack(">H", 1000)))
            with suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE_SECONDS):
                    await wire.gone

    # --- Commands and events ------------------------------------------------

    def subscribe(self, stream: str, how: str = "resumed") -> None:
        after = self.places.get(stream)
        if how == "lost":
            after = None
        elif how == "from the beginning":
            after = 0
        epoch = {"epoch": "another"} if how == "other epoch" else {}
        self.tally[how if after is not None else "lost"] += 1
        self.command("stream.subscribe", stream=stream, after=after, **epoch)

    def command(self, name: str, **fields: Any) -> None:
        ref = str(next(self._refs))
        self._asked[ref] = name
        if self._wire:
            self._wire.send(json.dumps({"type": name, "ref": ref} | fields).encode())

    def _take(self, text: bytes) -> None:
        message = from_json(text)
        if "seq" in message:
            self._take_event(message)
        elif message["type"] == "error":
            self.tally[f"error {message['code']}"] += 1
        elif message.get("ref") is not None:
            self._take_answer(self._asked.pop(message["ref"], ""), message)

    def _take_event(self, event: Message) -> None:
        self.tally["events"] += 1
        place = self.places.get(event["stream"])
        if place is None or event["seq"] > place:
            self.places[event["stream"]] = event["seq"]
            self.apply(event)

    def _take_answer(self, name: str, answer: Message) -> None:
        self.tally[f"ok {name}"] += 1
        if name == "stream.subscribe" and (answer.get("reset") or self.places.get(answer["stream"]) is None):
            self.tally["resets"] += bool(answer.get("reset"))
            self.places[answer["stream"]] = answer["head"]

    async def call(self, method: str, path: str, body: object = None) -> Message:
        """Of the API; nothing where it refused."""
        status, content = await call(self.port, method, path, self.bearer, body)
        self.tally[f"HTTP {status}"] += 1
        return from_json(content) if status in (200, 201) else {}


class Talker(Visitor):
    path = "/ws/chat/"

    def __init__(self, port: int, key: Key, streams: list[str], tally: Counter[str]) -> None:
        super().__init__(port, key, streams, tally)
        self._heard: list[Message] = []  # the newest messages, for answers
        self._mine: list[int] = []

    async def act(self) -> None:
        acts = (
            self._post,
            self._answer,
            self._read,
            self._type,
            self._react,
            self._change,
            self._leave_room,
            self._err,
        )
        random.choices(acts, [12, 4, 6, 3, 2, 2, 1, 1])[0]()

    def enter(self, room: int) -> None:
        """Follows one room more, and the oldest no longer."""
        for stream in list(self.places)[1 : len(self.places) + 1 - ROOMS_AT_MOST]:
            del self.places[stream]
            self.command("stream.unsubscribe", stream=stream)
        self.places[f"room:{room}"] = None
        self.subscribe(f"room:{room}")

    def apply(self, event: Message) -> None:
        message = event["message"]
        if message["kind"] == "text" and message["deleted_at"] is None:
            self._heard = [*self._heard[-9:], message]
            if message["author"]["id"] == self.key.user:
                self._mine = [*self._mine[-9:], message["id"]]

    def _post(self) -> None:
        body = f"hello {'and so on ' * random.randrange(30)}{random.choice(['', '**bold**', '`code`'])}"
        self.command("message.post", room=self._some_room(), client_id=str(uuid.uuid4()), body=body)

    def _answer(self) -> None:
        if self._heard:
            to = random.choice(self._heard)
            fields = {"room": to["room"], "client_id": str(uuid.uuid4()), "reply_to": to["id"]}
            self.command("message.post", body="and what then?", **fields)

    def _read(self) -> None:
        stream, place = random.choice(list(self.places.items()))
        if place:
            self.command("room.read", room=int(stream[5:]), seq=place)

    def _type(self) -> None:
        self.command("typing.start", room=self._some_room())

    def _react(self) -> None:
        if self._heard:
            self.command("reaction.add", message=random.choice(self._heard)["id"], emoji=random.choice("👍🎉😀🚀"))

    def _change(self) -> None:
        if not self._mine:
            return
        if random.random() < 0.7:
            self.command("message.edit", message=random.choice(self._mine), body="or rather so")
        else:
            self.command("message.delete", message=self._mine.pop())

    def _leave_room(self) -> None:
        stream = random.choice(list(self.places))
        self.command("stream.unsubscribe", stream=stream)
        self.subscribe(stream, random.choice(["resumed", "lost"]))

    def _err(self) -> None:
        if self._wire:
            self._wire.send(
                random.choice([b"{", b"[]", b'{"type":"no.such"}', b'{"type":"room.read","room":0,"seq":-1}'])
            )
        self.command("stream.subscribe", stream=f"room:{10**9 + self.key.user}", after=None)

    def _some_room(self) -> int:
        return int(random.choice(list(self.places))[5:])


class Worker(Visitor):
    """At their inbox; runs jobs, makes rooms, looks at pages. `neighbours` are asked into those rooms."""

    path = "/ws/notifications/"

    def __init__(self, port: int, key: Key, tally: Counter[str], neighbours: list[Talker]) -> None:
        super().__init__(port, key, [f"inbox:{key.user}"], tally)
        self.neighbours = neighbours

    async def act(self) -> None:
        acts = (
            self._run_job,
            self._start_simulated,
            self._abandon_job,
            self._make_room,
            self._read,
            self._look_at_page,
        )
        try:
            await random.choices(acts, [4, 1, 1, 1, 3, 3])[0]()
        except (OSError, ValueError):  # cut off in the middle of an answer
            self.tally["calls failed"] += 1

    async def _run_job(self) -> None:
        if job := await self.call("POST", "/api/jobs", {"title": "Count", "total": REPORTS}):
            for done in range(1, REPORTS + 1):
                await asyncio.sleep(random.uniform(0, 0.5))
                await self.call("PATCH", f"/api/jobs/{job['id']}", {"done": done, "log": f"counted {done}\n"})
            end = random.choice(["succeeded", "succeeded", "failed"])
            await self.call("PATCH", f"/api/jobs/{job['id']}", {"status": end})
            self.tally["jobs ended"] += 1

    async def _start_simulated(self) -> None:
        self.tally["jobs started"] += bool(await self.call("POST", "/api/jobs", SIMULATED))

    async def _abandon_job(self) -> None:
        """It stalls by itself; some are ended instead."""
        job = await self.call("POST", "/api/jobs", {"title": "Wait", "total": 10})
        if job and random.random() < 0.5:
            await self.call("POST", f"/api/jobs/{job['id']}/cancel")

    async def _make_room(self) -> None:
        guests = random.sample(self.neighbours, 3)
        body: Message = {"kind": "direct"} if random.random() < 0.3 else {"kind": "private", "name": "A corner"}
        room = await self.call("POST", "/api/rooms", body | {"members": [guest.key.user for guest in guests]})
        if room:
            self.tally["rooms"] += 1
            for guest in guests:
                guest.enter(room["id"])

    async def _read(self) -> None:
        page = await self.call("GET", "/api/notifications?limit=20")
        if ids := [each["id"] for each in page.get("notifications", ())]:
            await self.call("POST", "/api/notifications/read", {"up_to": max(ids)})

    async def _look_at_page(self) -> None:
        status, _ = await call(self.port, "GET", random.choice(PAGES), self.cookie)
        self.tally[f"page {status}"] += 1
