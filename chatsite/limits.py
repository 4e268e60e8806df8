"""What one client, one address and all of them together may take of a serving process."""

import logging
import os
import resource
from dataclasses import dataclass

logger = logging.getLogger(__name__)

OPEN_DESCRIPTORS = "/dev/fd"
DESCRIPTORS_KEPT_FREE = 64  # for the database, files and pipes: taken by no connection
LOW_SHARE = 0.9  # of the descriptors in use: said once
ENOUGH_SHARE = 0.8  # below it, said again the next time


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one process, beyond which honest programs don't go."""

    message_bytes: int = 64 * 1024  # of a longer message the application gets the beginning, to refuse it
    endless_bytes: int = 16 * 1024 * 1024  # a message that goes on beyond closes the socket
    wasted_per_second: int = 8 * 1024 * 1024  # bytes that are read to be forgotten; more would cost the others
    queued_frames: int = 64  # that wait for the application; then nothing more is read
    queued_bytes: int = 256 * 1024
    unsent_bytes: int = 1024 * 1024  # that wait for the client; then the socket is closed
    sockets_per_address: int | None = 500
    ping_seconds: float = 20  # of silence; then the client is asked
    pong_seconds: float = 25  # for its answer
    closing_seconds: float = 8  # for a client to take what was sent and to answer a close
    head_seconds: float = 20  # for a request's head, however slowly it trickles in
    idle_seconds: float = 60  # between two requests of a connection, or two pieces of a body
    spread_seconds: float = 3  # over which many sockets are closed when the server goes down
    newcomer_seconds: float = 1  # that a server going down waits for what a connection that it took has to ask
    drain_seconds: float = 7  # for what is under way then, the closing of sockets included


class Descriptors:
    """The process's open files and sockets, and how many there may be. The soft limit is raised to the hard one."""

    def __init__(self) -> None:
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.limit = hard
        self.are_low = False

    def suffice_for(self, connections: int) -> bool:
        """Whether one more connection leaves the rest of the process enough."""
        return self.limit == resource.RLIM_INFINITY or connections < self.limit - DESCRIPTORS_KEPT_FREE

    def look(self) -> None:
        """Says once when they become scarce."""
        if self.limit == resource.RLIM_INFINITY:
            return
        used = self._count()
        if used > self.limit * LOW_SHARE and not self.are_low:
            self.are_low = True
            logger.warning("%s of %s file descriptors are in use (ulimit -n)", used, self.limit)
        elif used < self.limit * ENOUGH_SHARE:
            self.are_low = False

    def _count(self) -> int:
        try:
            return len(os.listdir(OPEN_DESCRIPTORS))  # noqa: PTH208 - every second; a Path each takes ten times as long
        except OSError:  # none is left to look with
            return self.limit
