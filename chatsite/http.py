"""Daphne's HTTP, with time limits that a client can't stretch and an end for what fails half-way."""

from typing import TYPE_CHECKING, Any

from daphne.http_protocol import HTTPFactory, WebRequest
from twisted.internet.protocol import connectionDone
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel

if TYPE_CHECKING:
    from chatsite.server import Server


class Request(WebRequest):
    """One request and its response."""

    def process(self) -> None:
        super().process()
        if self.transport is None:  # a WebSocket has it now, and nobody comes back to this channel
            self.channel.requests.remove(self)  # who know each other wait for the garbage collector

    def application_ended(self, error: BaseException | None) -> None:
        """Called by the server. What has begun and will not be finished is cut off, for the client to see."""
        if self.finished or getattr(self, "channel", None) is None:
            return
        if self._response_started:
            self.channel.transport.abortConnection()
        else:
            self.handle_exception(error)


class Channel(HTTPChannel):
    """One connection, until a WebSocket takes it over.

    Twisted's time limit starts anew with each byte; here a request's head has to be complete in
    time as a whole. A body may take long as long as it goes on.
    """

    between_requests = False
    in_body = False

    def connectionMade(self) -> None:
        self.server: Server = self.factory.server
        self.server.transports.add(self.transport)
        self.server.newcomers[self] = self.server.loop.time()
        super().connectionMade()

    def dataReceived(self, data: bytes) -> None:
        if self.between_requests:
            self.between_requests = False
            self.setTimeout(self.server.limits.head_seconds)
        elif self.in_body:
            self.resetTimeout()
        LineReceiver.dataReceived(self, data)

    def allHeadersReceived(self) -> None:
        self.in_body = True
        self.server.newcomers.pop(self, None)
        self.setTimeout(self.server.limits.idle_seconds)
        super().allHeadersReceived()

    def allContentReceived(self) -> None:
        self.in_body = False
        super().allContentReceived()

    def checkPersistence(self, request: Any, version: bytes) -> bool:
        """Twisted's: whether the connection stays for another request."""
        if self.server.is_going_down:
            request.responseHeaders.setRawHeaders(b"Connection", [b"close"])
            return False
        return bool(super().checkPersistence(request, version))

    def requestDone(self, request: Any) -> None:
        self.between_requests = True
        super().requestDone(request)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.server.transports.discard(self.transport)
        self.server.newcomers.pop(self, None)
        super().connectionLost(reason)


class ChannelFactory(HTTPFactory):
    protocol = Channel

    def __init__(self, server: "Server") -> None:
        super().__init__(server)
        self.timeOut = server.limits.head_seconds

    def buildProtocol(self, addr: Any) -> Channel | None:
        """None: the connection is closed at once, before everything else runs short of descriptors."""
        if not self.server.descriptors.suffice_for(len(self.server.transports)):
            return None
        channel: Channel = super().buildProtocol(addr)
        channel.requestFactory = Request
        return channel

    def log(self, request: Any) -> None:
        """Twisted's would form a line for a log that nobody reads."""
