"""The real server, while members post and react without end: access is taken away from one after the other.

From the moment at which a revocation was answered no command of who lost is accepted, in either process. Their
silent sockets end within two seconds, or leave the room with the very frame that says so.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from chat.consumers import ChatConsumer
from tests.access import victims
from tests.access.scene import ALL, LOSSES, SIGNED_OUT, WRITES, Loss, Scene
from tests.support.patching import Switches, patched
from tests.support.sites import Site
from tests.support.sockets import Message, RefusedError, WsClient

READ_SECONDS = 2 + 1  # the contract's two, and one for a busy machine
PAUSE_SECONDS = 0.01  # between the posts of one who makes load


# --- Who makes the load, and who looks on -------------------------------------


async def talk(client: WsClient, room: int) -> None:
    """Posts without end, each text being the time at which it was sent, and reacts to every third."""
    for number in itertools.count():
        fields = {"room": room, "client_id": str(uuid4()), "body": repr(time.monotonic())}
        posted = await client.request("message.post", **fields)
        if number % 3 == 0:
            try:
                await client.request("reaction.add", message=posted["message"]["id"], emoji="👍")
            except RefusedError as refused:
                if "was deleted" not in str(refused):  # by the moderator who is about to be demoted
                    raise
        await asyncio.sleep(PAUSE_SECONDS)


def said_at(event: Message) -> float:
    """When a text was sent, if it is of those who make load and was not changed since; else long ago."""
    with suppress(KeyError, ValueError):
        return float(event["message"]["body"]) if event["type"] == "message.posted" else 0.0
    return 0.0


async def heard_one_sent_after(witness: WsClient, moment: float) -> None:
    while said_at(await witness.next_event("message.posted")) <= moment:
        pass


# --- Those who lose -----------------------------------------------------------


@dataclass
class Attempts:
    """One socket's commands, again and again in turn: what was sent when, and what became of it."""

    client: WsClient
    scene: Scene
    loss: Loss
    log: list[tuple[float, str, str]] = field(default_factory=list)  # (sent at, command, answer)
    accepted: asyncio.Event = field(default_factory=asyncio.Event)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    revoked_at: float | None = None

    async def go_on(self) -> None:
        """Until every command was answered once after the revocation, or the socket is closed."""
        own = await self._own_message() if set(self.loss.commands) & set(WRITES) else 0
        while not self.answered.is_set():
            for name in self.loss.commands:
                own = await self._attempt(name, own)
            self._take_stock()

    async def _own_message(self) -> int:
        fields = {"room": self.scene.ids[self.loss.room], "client_id": str(uuid4()), "body": "mine"}
        return int((await self.client.request("message.post", **fields))["message"]["id"])

    async def _attempt(self, name: str, own: int) -> int:
        """Returns one's own message to change next: what was posted, when it was accepted."""
        type_, fields = name.partition(" ")[0], self._fields(name, own)
        sent_at = time.monotonic()
        try:
            answer = await self.client.request(type_, **fields)
        except RefusedError as refused:
            self.log.append((sent_at, name, str(refused.code)))
        except (ConnectionError, ConnectionClosed):
            self.log.append((sent_at, name, "closed"))
        else:
            self.log.append((sent_at, name, "ok"))
            if name == "message.post":
                return int(answer["message"]["id"])
        return own

    def _fields(self, name: str, own: int) -> dict[str, Any]:
        room = self.scene.ids[self.loss.room]
        match name:
            case "message.post":
                return {"room": room, "client_id": str(uuid4()), "body": "mine"}
            case "message.edit":
                return {"message": own, "body": str(uuid4())}
            case "reaction.add" | "reaction.remove":
                return {"message": own, "emoji": "🎉"}
            case "room.read":
                return {"room": room, "seq": 1}
            case "typing.start":
                return {"room": room}
            case "stream.subscribe":
                return {"stream": f"room:{room}", "after": None}
            case "message.delete":
                return {"message": own}
        heard = [event for event in self.client.events if said_at(event)]
        return {"message": heard[-1]["message"]["id"]}

    def _take_stock(self) -> None:
        if {name for _, name, answer in self.log if answer == "ok"} == set(self.loss.commands):
            self.accepted.set()
        if self.client.close_code is not None or (
            self.revoked_at is not None
            and {name for at, name, _ in self.log if at >= self.revoked_at} == set(self.loss.commands)
        ):
            self.answered.set()

    def after(self, moment: float) -> set[str]:
        return {answer for at, _, answer in self.log if at >= moment}


class Victim:
    """In each process a socket that only listens, and those that try everything without end.

    A refusal ends the socket of who is signed out; so each command is tried over one of its own then.
    """

    def __init__(self, scene: Scene, loss: Loss) -> None:
        self.scene, self.loss = scene, loss
        self.person = scene.people[loss.who]
        self.stream = f"room:{scene.ids[loss.room]}"
        self.attempts: list[Attempts] = []
        self.listeners: list[WsClient] = []

    async def comes(self, sockets: AsyncExitStack) -> None:
        alone = self.loss.codes == SIGNED_OUT
        groups = [(name,) for name in self.loss.commands] if alone else [self.loss.commands]
        for process in self.scene.processes:
            self.listeners.append(await self._enters(sockets, process))
            for group in groups:
                client = await self._enters(sockets, process)
                self.attempts.append(Attempts(client, self.scene, self.loss._replace(commands=group)))

    async def _enters(self, sockets: AsyncExitStack, process: int) -> WsClient:
        client = await sockets.enter_async_context(self.scene.socket(self.person, process, self.loss.by_token))
        await client.request("stream.subscribe", stream=self.stream, after=None)
        return client

    async def loses(self) -> float:
        """Everything was accepted in every process; then the access is taken away, and tried on. Returns when.

        Meanwhile the servers don't look who is signed out: only the writing transactions can refuse.
        """
        if self.loss.who == "demoted":
            for attempts in self.attempts:
                await heard_one_sent_after(attempts.client, 0)
        tasks = [asyncio.create_task(attempts.go_on()) for attempts in self.attempts]
        for attempts in self.attempts:
            async with asyncio.timeout(20):
                await attempts.accepted.wait()
        if self.loss.codes == SIGNED_OUT:
            self.scene.switches.set("blind")
        await asyncio.to_thread(self.scene.revoke, self.loss)
        revoked_at = time.monotonic()
        for attempts in self.attempts:
            attempts.revoked_at = revoked_at
        async with asyncio.timeout(20):
            await asyncio.gather(*tasks)
        self.scene.switches.clear("blind")
        return revoked_at


@pytest.fixture
def scene(make_site: Callable[..., Site], tmp_path: Path) -> Scene:
    switches = Switches(tmp_path / "switches")
    blindable = patched("tests.access.patches:blind", switches=switches.folder)
    return Scene(make_site(RATE_LIMITS="off", **blindable), switches)


async def test_access_taken_away_one_after_the_other(scene: Scene) -> None:
    assert {loss.who for loss in LOSSES} == set(victims.NAMES)
    assert set(ChatConsumer.handlers) - set(ALL) == {"ping", "stream.unsubscribe"}  # which neither read nor write
    async with AsyncExitStack() as sockets:
        witnesses: dict[tuple[int, str], WsClient] = {}
        for process, room in itertools.product(scene.processes, ("room", "lobby")):
            client = await sockets.enter_async_context(scene.socket(scene.people["dina"], process))
            await client.request("stream.subscribe", stream=f"room:{scene.ids[room]}", after=None)
            witnesses[process, room] = client
        cast = [Victim(scene, loss) for loss in LOSSES]
        for victim in cast:
            await victim.comes(sockets)
        async with load(scene):
            for victim in cast:
                revoked_at = await victim.loses()
                for attempts in victim.attempts:
                    assert attempts.after(revoked_at) <= victim.loss.codes, (victim.loss.who, attempts.log[-12:])
                if victim.loss.codes == SIGNED_OUT:
                    await ends(victim)
                elif not victim.loss.reads_on:
                    await reads_no_more(victim, revoked_at, witnesses)
                elif victim.loss.room == "room":
                    for listener in victim.listeners:
                        await heard_one_sent_after(listener, revoked_at)


@asynccontextmanager
async def load(scene: Scene) -> AsyncIterator[None]:
    """Alice in one process and Dina in the other, in both rooms; whoever of them is refused ends the test."""
    async with AsyncExitStack() as sockets:
        talking = []
        for who, process in (("alice", scene.processes[0]), ("dina", scene.processes[-1])):
            for room in ("room", "lobby"):
                client = await sockets.enter_async_context(scene.socket(scene.people[who], process))
                talking.append(asyncio.create_task(talk(client, scene.ids[room])))
        yield
        for task in talking:
            assert not task.done(), task.exception()
            task.cancel()
        await asyncio.wait(talking)


async def ends(victim: Victim) -> None:
    """The silent sockets are closed in time once the servers look again, and no door opens any more."""
    last = time.monotonic() + READ_SECONDS
    for listener in victim.listeners:
        left = last - time.monotonic()
        assert await listener.wait_closed(max(0.1, left)) == 4401, victim.loss.who
    assert await asyncio.to_thread(answer_to_me, victim) == 401
    for process in victim.scene.processes:
        with pytest.raises(InvalidStatus, match="403"):
            async with victim.scene.socket(victim.person, process, victim.loss.by_token):
                pass


def answer_to_me(victim: Victim) -> int:
    """The HTTP API's to the credential that was lost."""
    if victim.loss.by_token:
        return victim.scene.site.call("GET", "/api/me", victim.person)[0]
    return victim.scene.page(victim.person, "GET", "/api/me")[0]


async def reads_no_more(victim: Victim, revoked_at: float, witnesses: dict[tuple[int, str], WsClient]) -> None:
    """When others in the same process have heard what was said later, the victim's open sockets have not."""
    for process, listener in zip(victim.scene.processes, victim.listeners, strict=True):
        witness = witnesses[process, victim.loss.room]
        await heard_one_sent_after(witness, revoked_at)
        await listener.send({"type": "ping"})
        await listener.next_event("pong")  # all that was sent to this socket before is here
        heard = [event for event in listener.events if event.get("stream") == victim.stream]
        assert heard, "nothing was heard before"
        assert max(map(said_at, heard)) <= revoked_at
    if victim.loss.who == "removed":
        await knows_nothing_from_the_removal_on(victim)


async def knows_nothing_from_the_removal_on(victim: Victim) -> None:
    room, call = victim.scene.ids["room"], victim.scene.site.call
    shown = await asyncio.to_thread(call, "GET", f"/api/search?q=removed&room={room}", victim.person)
    assert (shown[0], shown[1]["messages"]) == (200, [])
    for method, path, body in (
        ("GET", "", None), ("GET", "/members", None), ("GET", "/messages", None), ("POST", "/messages", {"body": "x"}),
    ):  # fmt: skip
        assert (await asyncio.to_thread(call, method, f"/api/rooms/{room}{path}", victim.person, body))[0] == 404
    for listener in victim.listeners:
        heard = max(event["seq"] for event in listener.events if "seq" in event)
        later = f"/api/rooms/{room}/messages?after={heard}&limit=100"
        _, page = await asyncio.to_thread(call, "GET", later, victim.scene.people["alice"])
        assert "removed Removed" in [message["body"] for message in page["messages"]]
