"""The real server, while members post and react without end: access is taken away from one after the other.

From the moment at which a revocation was answered no command of who lost is accepted, in either process. Their
silent sockets end within two seconds, or leave the room with the very frame that says so.
"""

import asyncio
import http.client
import itertools
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from chat.consumers import ChatConsumer
from tests.access import victims
from tests.support.cast import Person
from tests.support.sites import Site, run_python
from tests.support.sockets import Message, RefusedError, WsClient

READ_SECONDS = 2 + 1  # the contract's two, and one for a busy machine
PAUSE_SECONDS = 0.01  # between the posts of one who makes load
SIGNED_OUT = {"forbidden", "closed"}
CSRF = "c" * 32


# --- Who loses what, how, and what they are answered from then on ---------------


class Loss(NamedTuple):
    who: str
    codes: set[str]  # the answers to their commands from then on; "closed" where there was none
    commands: tuple[str, ...]
    room: str = "room"
    by_token: bool = False
    reads_on: bool = False


WRITES = ("message.post", "message.edit", "reaction.add", "reaction.remove", "message.delete")
ALL = (*WRITES, "room.read", "typing.start", "stream.subscribe")
LOSSES = [
    Loss("signer", SIGNED_OUT, ALL),
    Loss("changer", SIGNED_OUT, ALL),
    Loss("closed", SIGNED_OUT, ALL),
    Loss("tokened", SIGNED_OUT, ALL, by_token=True),
    Loss("removed", {"not_found"}, ALL),
    Loss("outsider", {"not_found"}, ("stream.subscribe",), room="lobby"),
    Loss("muted", {"muted"}, (*WRITES, "typing.start"), reads_on=True),
    Loss("archived", {"archived"}, (*WRITES, "typing.start"), room="attic", reads_on=True),
    Loss("demoted", {"forbidden"}, ("message.delete of another's",), reads_on=True),
]


class Scene:
    """One site with its cast, the victims, and everything that is needed to reach a chosen process."""

    def __init__(self, site: Site) -> None:
        self.site = site
        found = json.loads(run_python(["-m", "tests.access.victims"], site.environ))
        self.people = site.people | {name: Person(*values) for name, values in found["people"].items()}
        self.ids: dict[str, int] = found["ids"] | {"room": site.room["id"]}
        self.processes = site.worker_pids() or [0]

    def revoke(self, loss: Loss) -> None:
        """Returns when the revocation was answered."""
        who, ids = self.people[loss.who], self.ids
        alice, room = self.people["alice"], ids["room"]
        match loss.who:
            case "signer":
                self.submit(who, "/accounts/logout/")
            case "changer":
                new = "another quiet lake"
                self.submit(who, "/accounts/password/change/", oldpassword=who.password, password1=new, password2=new)
            case "closed":
                self.administer("accounts/user/", action="deactivate", _selected_action=who.id, index=0)
            case "tokened":
                self.submit(who, f"/settings/tokens/{ids['token']}/revoke/")
            case "removed":
                assert self.site.call("DELETE", f"/api/rooms/{room}/members/{who.id}", alice) == (204, None)
            case "outsider":
                forms = {"memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}
                self.administer(f"chat/room/{ids['lobby']}/change/", name="Lobby", kind="private", **forms)
            case "muted":
                muted = {"muted_at_0": "2026-01-01", "muted_at_1": "00:00:00"}
                self.administer(f"chat/membership/{ids['membership']}/change/", role="member", **muted)
            case "archived":
                assert self.site.call("PATCH", f"/api/rooms/{ids['attic']}", alice, {"archived": True})[0] == 200
            case "demoted":
                body = {"user": who.id, "role": "member"}
                assert self.site.call("POST", f"/api/rooms/{room}/members", alice, body)[0] == 200

    def administer(self, path: str, **form: object) -> None:
        self.submit(self.people["admin"], f"/admin/{path}", **form)

    def submit(self, who: Person, path: str, **form: object) -> None:
        """Sends a page's form, which must be taken: answered with the way to the next page."""
        status, text = self.page(who, "POST", path, urlencode(form | {"csrfmiddlewaretoken": CSRF}))
        assert status == 302, text

    def page(self, who: Person, method: str, path: str, body: str | None = None) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.site.port, timeout=30)
        headers = {"Cookie": f"{who.cookie['Cookie']}; csrftoken={CSRF}"}
        headers |= {"Content-Type": "application/x-www-form-urlencoded"} if body is not None else {}
        with closing(connection):
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    @asynccontextmanager
    async def socket(self, who: Person, process: int, by_token: bool = False) -> AsyncIterator[WsClient]:
        """A socket that hangs on this process: the others are frozen until it is open."""
        client = WsClient(self.site.ws_url("/ws/chat/"), who.bearer if by_token else who.cookie)
        with frozen([pid for pid in self.processes if pid != process]):
            await client.__aenter__()
        try:
            yield client
        finally:
            await client.__aexit__(None, None, None)


@contextmanager
def frozen(pids: list[int]) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


# --- Who makes the load, and who looks on -------------------------------------


async def talk(client: WsClient, room: int) -> None:
    """Posts without end, each text being the time at which it was sent, and reacts to every third."""
    for number in itertools.count():
        fields = {"room": room, "client_id": str(uuid4()), "body": repr(time.monotonic())}
        posted = await client.request("message.post", **fields)
        if number % 3 == 0:
            await client.request("reaction.add", message=posted["message"]["id"], emoji="👍")
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
        """Everything was accepted in every process; then the access is taken away, and tried on. Returns when."""
        if self.loss.who == "demoted":
            for attempts in self.attempts:
                await heard_one_sent_after(attempts.client, 0)
        tasks = [asyncio.create_task(attempts.go_on()) for attempts in self.attempts]
        for attempts in self.attempts:
            await asyncio.wait_for(attempts.accepted.wait(), 20)
        await asyncio.to_thread(self.scene.revoke, self.loss)
        revoked_at = time.monotonic()
        for attempts in self.attempts:
            attempts.revoked_at = revoked_at
        await asyncio.wait_for(asyncio.gather(*tasks), 20)
        return revoked_at


@pytest.fixture
def scene(make_site: Callable[..., Site]) -> Scene:
    return Scene(make_site(RATE_LIMITS="off"))


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
                    await ends(victim, revoked_at)
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


async def ends(victim: Victim, revoked_at: float) -> None:
    """The silent sockets are closed in time, and no door opens any more."""
    for listener in victim.listeners:
        left = revoked_at + READ_SECONDS - time.monotonic()
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
