"""`manage.py serve`: the site in one command."""

import asyncio
import os
import signal
import socket
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from chatsite.asgi import application
from chatsite.limits import Limits
from chatsite.memory import keep_what_is_loaded, share_arenas
from chatsite.server import Server, listen
from chatsite.supervisor import Supervisor
from notifications.jobs import start_runners, stop_runners


class Command(BaseCommand):
    help = "Serves the site on BIND and PORT, job runners included."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workers", type=int, default=1, metavar="N", help="serve from N processes")
        parser.add_argument("--listen-fd", type=int, help="for a parent's own use: the socket that listens already")
        parser.add_argument("--ready-fd", type=int, help="for a parent's own use: written to when there are answers")

    def handle(self, *, workers: int, listen_fd: int | None, ready_fd: int | None, **options: Any) -> None:
        if workers < 1:
            raise CommandError(_("--workers must be 1 or more"))
        if listen_fd is not None and ready_fd is not None:
            serve_for_parent(socket.socket(fileno=listen_fd), ready_fd)
            return
        self.check()
        listener = self.listen()
        if workers == 1:
            hangup = [] if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else [signal.SIGHUP]  # nohup
            serve(listener, [signal.SIGTERM, signal.SIGINT, *hangup], self.announce)
        else:
            self.supervise(listener, workers)

    def listen(self) -> socket.socket:
        try:
            return listen(settings.BIND, settings.PORT)
        except OSError as error:
            problem = os.strerror(error.errno or 0)
            sys.exit(f"PORT: {settings.PORT} on {settings.BIND} can't be used: {problem}")

    def supervise(self, listener: socket.socket, workers: int) -> None:
        if not settings.REDIS_URL:
            self.say(_("Without REDIS_URL the processes hear of each other only through the database, once a second"))
        self.announce()
        Supervisor(listener, workers, settings.BASE_DIR / "manage.py", self.say).run()

    def announce(self) -> None:
        self.say(_("Serving on %(url)s") % {"url": url_of(settings.BIND, settings.PORT)})

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def url_of(address: str, port: int) -> str:
    return f"http://[{address}]:{port}/" if ":" in address else f"http://{address}:{port}/"


def serve(
    listener: socket.socket,
    signals: Sequence[signal.Signals],
    on_ready: Callable[[], None],
    watch: Callable[[Server], None] = lambda server: None,
) -> None:
    """Serves until one of the signals, the job runners beside it; a second signal ends it at once.

    `watch` is called in the event loop with the server.
    """

    def ready() -> None:
        for number in signals:
            asyncio.get_running_loop().add_signal_handler(number, server.go_down)
        watch(server)
        start_runners()
        on_ready()

    share_arenas()
    keep_what_is_loaded()
    server = Server(
        application,
        listener,
        Limits() if settings.RATE_LIMITS else Limits(sockets_per_address=None),
        proxies=settings.ALLAUTH_TRUSTED_PROXY_COUNT,
        on_ready=ready,
        on_drained=stop_runners,
    )
    server.run()


def serve_for_parent(listener: socket.socket, ready_fd: int) -> None:
    """For a supervisor's child: drains when standard input ends as well, because the parent is gone."""
    serve(listener, [signal.SIGTERM], lambda: tell(ready_fd), go_down_with_parent)


def tell(ready_fd: int) -> None:
    os.write(ready_fd, b".")
    os.close(ready_fd)


def go_down_with_parent(server: Server) -> None:
    def gone() -> None:
        server.loop.remove_reader(sys.stdin.fileno())
        server.go_down()

    server.loop.add_reader(sys.stdin.fileno(), gone)
