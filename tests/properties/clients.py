"""A client: two sockets and a store, which live, vanish and resume."""

import asyncio
from collections import Counter
from typing import Any

from tests.properties.http import Api
from tests.properties.store import Payload, Store
from tests.support.local import LocalClient
from tests.support.sockets import RefusedError

TIMEOUT_SECONDS = 20

seen: Counter[str] = Counter()  # types of events, and how streams were opened, over the whole run


class Socket(LocalClient):
    """Gives everything that arrives to its client at once and in order, replies included."""

    def __init__(self, client: "Client", path: str) -> None:
        super().__init__(client.api.user, path, headers=client.api.headers)
        self._client = client

    async def _take(self, message: Payload) -> None:
        self._client.hear(message)
        if message.get("ref") is not None:
            await super()._take(message)


class Client:
    """One of a person's clients.

    What it has to ask for because of what it heard (rooms to follow, to leave, to follow
    again behind a hole) are its chores, done one after the other.
    """

    def __init__(self, name: str, api: Api) -> None:
        self.name = name
        self.api = api
        self.store = Store(api.user.pk)
        self.inbox_stream = f"inbox:{api.user.pk}"
        self.always_here = True
        self.failures: list[BaseException] = []
        self.sockets: tuple[Socket, Socket] | None = None
        self.epoch: str | None = None
        self._held: dict[str, list[Payload]] = {}  # by stream: what came while its state was being loaded
        self._chores: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()
        self._worker: asyncio.Task[None] | None = None

    # --- Coming and going ---------------------------------------------------

    async def arrive(self, *, epoch: str | None = None, ahead: int = 0) -> None:
        """For the first time, or again after what it applied last: by its own epoch, or pretending otherwise."""
        chat, inbox = self.sockets = Socket(self, "/ws/chat/"), Socket(self, "/ws/notifications/")
        await chat.__aenter__()
        await inbox.__aenter__()
        self._worker = asyncio.create_task(self._work())
        for stream in [*(f"room:{room}" for room in self.store.rooms), self.inbox_stream]:
            self._chores.put_nowait((self._follow, stream, epoch, ahead))
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await self._chores.join()

    async def vanish(self) -> None:
        """Whatever is on its way to it is lost."""
        if self.sockets is None or self._worker is None:
            return
        self.always_here = False
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await self._chores.join()
        self._worker.cancel()
        for socket in self.sockets:
            await socket.__aexit__()
        self.sockets = None

    async def ask(self, type: str, **fields: Any) -> Payload:
        assert self.sockets is not None
        return await self.sockets[0].request(type, **fields)

    # --- Hearing ------------------------------------------------------------

    def hear(self, message: Payload) -> None:
        try:
            self._hear(message)
        except Exception as error:  # it would be lost with the socket's reader
            self.failures.append(error)

    def _hear(self, message: Payload) -> None:
        assert message.get("code") != "internal", message
        if "ref" in message:
            if message["type"] == "ok" and "stream" in message:
                self._opened(message)
        elif (held := self._held.get(message.get("stream", ""))) is not None:
            held.append(message)
        elif "seq" in message:
            self._hear_durable(message)
        else:
            seen[message["type"]] += 1
            self.store.take_hint(message)

    def _opened(self, ok: Payload) -> None:
        """From this moment on the stream's events count."""
        self.epoch = ok["epoch"]
        if "room" in ok:
            self.store.take_room(ok["room"])
        if ok["stream"] not in self.store.positions or ok.get("reset"):
            self.store.positions[ok["stream"]] = ok["head"]
            self._held[ok["stream"]] = []

    def _hear_durable(self, event: Payload) -> None:
        if event["stream"] not in self.store.positions:  # we have left that room meanwhile
            return
        seen[event["type"]] += 1
        seen["a compacted run"] += "after" in event
        if not self.store.fits(event):
            assert event["stream"] == self.inbox_stream, f"a hole before {event}"  # only inboxes are pruned
            seen["a hole where the inbox was pruned"] += 1
            self._chores.put_nowait((self._follow, event["stream"]))
            self._held[event["stream"]] = []
            return
        self.store.apply(event)
        if event["type"] == "room.added":
            self._chores.put_nowait((self._enter_room, event["room"]["id"]))
        elif event["type"] == "room.removed":
            self._chores.put_nowait((self._leave_room, event["room"]["id"]))

    # --- Asking -------------------------------------------------------------

    async def _work(self) -> None:
        while True:
            chore, *arguments = await self._chores.get()
            try:
                await chore(*arguments)
            except Exception as error:
                self.failures.append(error)
            self._chores.task_done()

    async def _enter_room(self, room: int) -> None:
        self.store.positions.setdefault(f"room:{room}", 0)
        await self._follow(f"room:{room}")

    async def _leave_room(self, room: int) -> None:
        await self.ask("stream.unsubscribe", stream=f"room:{room}")
        self.store.forget_room(room)

    async def _follow(self, stream: str, epoch: str | None = None, ahead: int = 0) -> None:
        """Subscribes after the last position; loads the state where there is none or the answer is a reset."""
        assert self.sockets is not None
        position = self.store.positions.get(stream)
        self._held.pop(stream, None)
        after = None if position is None else position + ahead
        socket = self.sockets[stream.startswith("inbox:")]
        try:
            ok = await socket.request("stream.subscribe", stream=stream, after=after, epoch=epoch or self.epoch)
        except RefusedError as refusal:
            if refusal.code != "not_found":
                raise
            self.store.forget_room(int(stream.partition(":")[2]))
            return
        pretended = ahead > 0 or epoch is not None
        assert ok.get("reset") or position is None or not pretended, ok
        seen["a reset" if ok.get("reset") else "a replay" if position != ok["head"] else "nothing missed"] += 1
        if stream in self._held:
            await self._load(stream)
            self.store.saw_all &= position is None
            for message in self._held.pop(stream):
                self.hear(message)

    async def _load(self, stream: str) -> None:
        noun, _, pk = stream.partition(":")
        if noun == "room":
            try:
                self.store.load_messages(int(pk), await self.api.messages(int(pk)))
            except LookupError:
                pass  # we are out again; the inbox says so
            return
        self.store.load_inbox(await self.api.listed("notifications"), await self.api.listed("jobs"))
        mine = await self.api.my_rooms()
        for room in mine.keys() - self.store.rooms.keys():
            await self._enter_room(room)
        for room in self.store.rooms.keys() - mine.keys():
            await self._leave_room(room)

    # --- Being up to date ---------------------------------------------------

    async def settle(self) -> None:
        """Returns when all that was heard of is done, and all that was sent until now is heard."""
        if self.sockets is None:
            return
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await self._chores.join()
        for socket in self.sockets:
            await socket.request("ping")
        if self.failures:
            raise AssertionError(f"{self.name}: {self.failures[0]}") from self.failures[0]
