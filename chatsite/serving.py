"""Serving the site: one listening socket, Daphne on it, and going down in order."""

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

from daphne.server import Server

from chatsite.asgi import application
from chatsite.realtime import hub
from notifications.jobs import start_runners, stop_runners

logger = logging.getLogger(__name__)

BACKLOG = 2048
DRAIN_SECONDS = 8
CLOSE_GOING_DOWN = 1012
MAX_MESSAGE_BYTES = 16 * 1024 * 1024  # far above what the application takes, so that it is the one to say no


def listen(address: str, port: int) -> socket.socket:
    """A listening socket; raises `OSError` where the port is taken or the address is not ours."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, port), family=family, backlog=BACKLOG)


def url_of(address: str, port: int) -> str:
    return f"http://[{address}]:{port}/" if ":" in address else f"http://{address}:{port}/"


class SiteServer(Server):
    """Daphne on a socket that listens already, with the job runners beside it.

    SIGTERM and SIGINT drain: no new connections, open sockets closed with 1012, running
    requests finished, jobs handed back. A second signal ends it at once.
    `listen_fd` is the socket's descriptor, which becomes Twisted's.
    """

    def __init__(self, listen_fd: int, on_ready: Callable[["SiteServer"], None]) -> None:
        self.on_ready = on_ready
        self.ports: list[Any] = []
        self.drain: asyncio.Task[None] | None = None
        super().__init__(
            application=application,
            endpoints=[f"fd:fileno={listen_fd}"],
            signal_handlers=False,
            ready_callable=self.ready,
            websocket_max_message_size=MAX_MESSAGE_BYTES,
            websocket_max_frame_size=MAX_MESSAGE_BYTES,
        )

    def ready(self) -> None:
        """Called once, just before the event loop runs."""
        loop = asyncio.get_event_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.go_down)
        start_runners()
        self.on_ready(self)

    def go_down_with_parent(self) -> None:
        """For a supervisor's child: drains when standard input ends, because the parent is gone.

        Ctrl+C reaches parent and children alike, and the parent passes it on: once is enough.
        """
        loop = asyncio.get_event_loop()
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.SIG_IGN)

        def gone() -> None:
            loop.remove_reader(sys.stdin.fileno())
            self.go_down()

        loop.add_reader(sys.stdin.fileno(), gone)

    def go_down(self) -> None:
        if self.drain is None:
            self.drain = asyncio.get_event_loop().create_task(self.drain_and_stop())
        else:
            self.stop()

    async def drain_and_stop(self) -> None:
        try:
            for port in self.ports:
                port.stopListening()
            if here := hub.current():
                here.close_all(CLOSE_GOING_DOWN)
            async with asyncio.timeout(DRAIN_SECONDS):
                if unfinished := self.unfinished():
                    await asyncio.wait(unfinished)
                await asyncio.to_thread(stop_runners)  # last: a request would start them again
        except TimeoutError:
            logger.warning("stopped with requests or jobs unfinished after %s s", DRAIN_SECONDS)
        except Exception:
            logger.exception("stopped out of order")
        self.stop()

    def unfinished(self) -> list[asyncio.Future[None]]:
        """The applications that still work for a connection."""
        running = (details.get("application_instance") for details in self.connections.values())
        return [task for task in running if task is not None and not task.done()]

    def listen_success(self, port: Any) -> None:
        """Daphne's hook; it keeps no ports, and only a port can stop listening."""
        self.ports.append(port)

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """Daphne's hook; autobahn's `sendClose` refuses 1012, which is for servers to send."""
        if message["type"] == "websocket.close" and message.get("code") == CLOSE_GOING_DOWN:
            protocol.sendCloseFrame(code=CLOSE_GOING_DOWN)
        else:
            await super().handle_reply(protocol, message)

    def kill_all_applications(self) -> Any:
        """Daphne's hook; its own trips over connections whose application has ended."""
        ended = [protocol for protocol, details in self.connections.items() if "application_instance" not in details]
        for protocol in ended:
            del self.connections[protocol]
        return super().kill_all_applications()
