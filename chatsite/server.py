"""Daphne's server, for one process: bounded by `Limits`, never stopped by one connection, gone in order."""

import asyncio
import logging
import math
import random
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from daphne.server import Server as DaphneServer
from twisted.internet import reactor as twisted_reactor
from twisted.internet.defer import Deferred
from twisted.logger import globalLogBeginner

from chatsite.http import ChannelFactory
from chatsite.limits import Descriptors, Limits
from chatsite.realtime.delivery import EXTENSION
from chatsite.realtime.quotas import Quota
from chatsite.sockets import CLOSE_GOING_DOWN, Inbox, Socket, SocketFactory, client_address

logger = logging.getLogger(__name__)

BACKLOG = 2048
HOUSEKEEPING_SECONDS = 1
DRAIN_TICK_SECONDS = 0.05
GOODBYES_PER_TICK = 10  # at least; more where it would take too long

Application = Callable[..., Any]

reactor: Any = twisted_reactor


def listen(address: str, port: int) -> socket.socket:
    """A listening socket; raises `OSError` where the port is taken or the address is not ours."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, port), family=family, backlog=BACKLOG)


class Server(DaphneServer):
    """Serves an ASGI application on a socket that listens already, which it takes over.

    `on_ready` is called in the running event loop, as soon as there are answers. `go_down` drains:
    no new connections, sockets closed with 1012 when what they had sent is answered, responses
    finished; then `on_drained` is called in a thread and `run` returns. `proxies` is how many of
    ours stand in front, each adding to X-Forwarded-For.
    """

    def __init__(
        self,
        application: Application,
        listener: socket.socket,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        *,
        proxies: int = 0,
        on_ready: Callable[[], None] = lambda: None,
        on_drained: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(application, endpoints=[listener], signal_handlers=False)
        self.listener = listener
        self.limits = limits
        self.proxies = proxies
        self.on_ready = on_ready
        self.on_drained = on_drained
        self.loop: asyncio.AbstractEventLoop = reactor._asyncioEventloop
        self.connections: dict[Any, dict[str, Any]] = {}  # Daphne's: requests and sockets with their applications
        self.transports: set[Any] = set()
        self.newcomers: dict[Any, float] = {}  # connections that have asked nothing yet: since when they are there
        self.sockets: set[Socket] = set()
        self.addresses: Quota[str] = Quota()
        self.descriptors = Descriptors()
        self.drain: asyncio.Task[None] | None = None

    # --- Running ------------------------------------------------------------

    def run(self) -> None:
        """Returns when the server has gone down."""
        nobody: Any = lambda event: None  # noqa: E731
        globalLogBeginner.beginLoggingTo([nobody], redirectStandardIO=False, discardBuffer=True)
        asyncio.set_event_loop(self.loop)
        self.http_factory = ChannelFactory(self)
        self.ws_factory = SocketFactory(self)
        self.listener.setblocking(False)
        self.port = reactor.adoptStreamPort(self.listener.fileno(), self.listener.family, self.http_factory)
        self.listener.close()  # Twisted has its own descriptor of it
        reactor.callLater(HOUSEKEEPING_SECONDS, self.keep_house)
        reactor.addSystemEventTrigger("before", "shutdown", self.kill_all_applications)
        self.loop.call_soon(self.on_ready)
        reactor.run(installSignalHandlers=False)

    def keep_house(self) -> None:
        """Every second, whatever happens: hangs up on the silent, ends applications that outlive their connection."""
        try:
            for protocol, details in list(self.connections.items()):
                self.look_after(protocol, details)
            self.descriptors.look()
        except Exception:
            logger.exception("housekeeping failed and goes on")
        reactor.callLater(HOUSEKEEPING_SECONDS, self.keep_house)

    def look_after(self, protocol: Any, details: dict[str, Any]) -> None:
        try:
            protocol.check_timeouts()
        except Exception:
            logger.exception("connection %r failed and is dropped", protocol)
            self.connections.pop(protocol, None)
            if transport := getattr(protocol, "transport", None):
                transport.abortConnection()
        if time.time() - details.get("disconnected", math.inf) > self.application_close_timeout:
            logger.warning("the application of %r outlived its connection and is cancelled", protocol)
            details["application_instance"].cancel()

    # --- Connections --------------------------------------------------------

    def address_of(self, peer: Any, headers: Mapping[str, str]) -> str:
        return client_address(getattr(peer, "host", ""), headers, self.proxies)

    def refusal(self, address: str) -> tuple[int, str] | None:
        """Why an address may not open another socket: an HTTP status and a reason. Else it is counted."""
        if not self.addresses.take(address, self.limits.sockets_per_address):
            return 429, "Too many open sockets from this address"
        return None

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> "Inbox | asyncio.Queue[dict[str, Any]]":
        """Daphne's hook: starts the application for a request or a socket and returns what feeds it."""
        scope["asgi"] = {"version": "3.0"}
        queue: Inbox | asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        if isinstance(protocol, Socket):
            scope["extensions"] = {"websocket.http.response": {}}
            if protocol.takes_frames:
                scope["extensions"][EXTENSION] = {"write": protocol.write}
            queue = protocol.inbox
        send = partial(self.handle_reply, protocol)
        task = self.loop.create_task(self.application(scope=scope, receive=queue.get, send=send))
        self.connections[protocol]["application_instance"] = task
        task.add_done_callback(partial(self.application_ended, protocol))
        return queue

    def application_ended(self, protocol: Any, task: "asyncio.Task[None]") -> None:
        error = None if task.cancelled() else task.exception()
        if error and not isinstance(error, ConnectionAbortedError):
            logger.error("an application failed: %r", error, exc_info=error)
        details = self.connections.get(protocol, {"disconnected": 0})
        details.pop("application_instance", None)
        if "disconnected" in details:
            self.connections.pop(protocol, None)
        else:
            protocol.application_ended(error)

    def protocol_disconnected(self, protocol: Any) -> None:
        """Daphne's hook; some connections end in more than one way."""
        details = self.connections.get(protocol, {})
        if "application_instance" in details:
            details.setdefault("disconnected", time.time())
        else:
            self.connections.pop(protocol, None)

    # --- Going down ---------------------------------------------------------

    @property
    def is_going_down(self) -> bool:
        return self.drain is not None

    def go_down(self) -> None:
        """In order; called again, at once."""
        if self.drain is None:
            self.drain = self.loop.create_task(self.drain_and_stop())
        else:
            self.stop()

    async def drain_and_stop(self) -> None:
        try:
            self.port.stopListening()
            async with asyncio.timeout(self.limits.drain_seconds):
                await self.dismiss_sockets()
                while self.is_busy():  # noqa: ASYNC110 - nobody tells when the last buffer is empty
                    await asyncio.sleep(DRAIN_TICK_SECONDS)
        except TimeoutError:
            logger.warning("going down with connections unfinished after %s s", self.limits.drain_seconds)
        except Exception:
            logger.exception("going down out of order")
        await asyncio.to_thread(self.on_drained)
        self.stop()

    async def dismiss_sockets(self) -> None:
        """Few at once, many spread out, so that they don't all come back in the same instant."""
        sockets = random.sample(list(self.sockets), len(self.sockets))
        per_tick = max(GOODBYES_PER_TICK, math.ceil(len(sockets) * DRAIN_TICK_SECONDS / self.limits.spread_seconds))
        for first in range(0, len(sockets), per_tick):
            if first:
                await asyncio.sleep(DRAIN_TICK_SECONDS)
            for open_socket in sockets[first : first + per_tick]:
                open_socket.dismiss(CLOSE_GOING_DOWN)

    def is_busy(self) -> bool:
        """Whether an application still works for a connection, a socket is open, or something is to be sent or asked.

        Nobody else hears what was meant for a connection that was taken just before.
        """
        return bool(self.sockets) or any(self.running()) or bool(reactor.getWriters()) or self.awaits_newcomers()

    def awaits_newcomers(self) -> bool:
        last = self.loop.time() - self.limits.newcomer_seconds
        return any(since > last for since in self.newcomers.values())

    def running(self) -> "Iterable[asyncio.Task[None]]":
        for details in self.connections.values():
            if "application_instance" in details:
                yield details["application_instance"]

    def kill_all_applications(self) -> "Deferred[Any]":
        """Daphne's hook: the reactor stops when they have ended."""
        tasks = list(self.running())
        for task in tasks:
            task.cancel()
        return Deferred.fromFuture(asyncio.gather(*tasks, return_exceptions=True))
