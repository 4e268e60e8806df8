"""`manage.py serve`: the site in one command."""

import os
import socket
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from chatsite import serving
from chatsite.supervisor import Supervisor


class Command(BaseCommand):
    help = "Serves the site on BIND and PORT, job runners included."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workers", type=int, default=1, metavar="N", help="serve from N processes")
        parser.add_argument("--listen-fd", type=int, help="for a parent's own use: the socket that listens already")

    def handle(self, *, workers: int, listen_fd: int | None, **options: Any) -> None:
        if workers < 1:
            raise CommandError(_("--workers must be 1 or more"))
        if listen_fd is not None:
            serving.SiteServer(listen_fd, serving.SiteServer.go_down_with_parent).run()
            return
        self.check()
        listener = self.listen()
        if workers == 1:
            serving.SiteServer(listener.detach(), lambda _server: self.announce()).run()
        else:
            self.supervise(listener, workers)

    def listen(self) -> socket.socket:
        try:
            return serving.listen(settings.BIND, settings.PORT)
        except OSError as error:
            problem = os.strerror(error.errno or 0)
            sys.exit(f"PORT: {settings.PORT} on {settings.BIND} can't be used: {problem}")

    def supervise(self, listener: socket.socket, workers: int) -> None:
        if not settings.REDIS_URL:
            self.say(_("Without REDIS_URL the processes hear of each other only through the database, once a second"))
        self.announce()
        Supervisor(listener, workers, settings.BASE_DIR / "manage.py", self.say).run()

    def announce(self) -> None:
        self.say(_("Serving on %(url)s") % {"url": serving.url_of(settings.BIND, settings.PORT)})

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
