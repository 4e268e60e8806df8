"""Daphne's WebSocket protocol, with bounds on what one client can make the server hold."""

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from autobahn.websocket.types import ConnectionDeny
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from twisted.internet.tcp import Connection

from chatsite.realtime.frames import whole_text

if TYPE_CHECKING:
    from chatsite.server import Server

STEPS_PER_TURN = 64  # of taking frames apart (a frame is one or two), before others have their turn
WHOLE_CHARACTER_BYTES = 4
MESSAGES_PER_TURN = 32  # that an application takes in a row, before others have their turn

CLOSE_NORMAL = 1000
CLOSE_TOO_LARGE = 1009
CLOSE_APPLICATION_FAILED = 1011
CLOSE_GOING_DOWN = 1012
CLOSE_TOO_SLOW = 4408

Message = dict[str, Any]


class Inbox:
    """What came in and waits for the application, which takes one after the other.

    It takes whatever is put; who fills it asks `is_full` first, and leaves in `on_room` what to
    call when half of it is free again. A tenth of an asyncio.Queue's memory, of which there
    would be one for each of thousands of idle sockets.
    """

    __slots__ = ("_in_a_row", "_messages", "_waiting", "bytes", "max_bytes", "max_frames", "on_room")

    def __init__(self, max_frames: int, max_bytes: int) -> None:
        self.max_frames = max_frames
        self.max_bytes = max_bytes
        self.bytes = 0
        self.on_room: Callable[[], None] | None = None
        self._messages: list[Message] = []
        self._waiting: asyncio.Future[None] | None = None
        self._in_a_row = 0

    @property
    def is_full(self) -> bool:
        return len(self._messages) >= self.max_frames or self.bytes >= self.max_bytes

    def put_nowait(self, message: Message) -> None:
        self.bytes += weight(message)
        self._messages.append(message)
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def get(self) -> Message:
        if self._in_a_row == MESSAGES_PER_TURN:  # who never has to wait would keep the loop until all are done
            self._in_a_row = 0
            await asyncio.sleep(0)
        self._in_a_row += 1
        while not self._messages:
            self._in_a_row = 1
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None
        message = self._messages.pop(0)
        self.bytes -= weight(message)
        if self.on_room and len(self._messages) <= self.max_frames // 2 and self.bytes <= self.max_bytes // 2:
            call, self.on_room = self.on_room, None
            call()
        return message


def weight(message: Message) -> int:
    return len(message.get("text") or message.get("bytes") or "")


class Socket(WebSocketProtocol):
    """One WebSocket.

    In: frames are taken apart a few at a time; nothing is read while the application has enough
    to do; of a message beyond `Limits.message_bytes` the application gets the beginning, a little
    more than that, and the rest, which may come but slowly, is forgotten. Out: a client that leaves
    too much unread is closed with 4408. A silent one is asked whether it lives.
    """

    # Autobahn's, of what it takes over from the factory: it describes each for a log that nobody reads, which
    # took a third of a connection's opening.
    CONFIG_ATTRS: ClassVar[list[str]] = []

    request: Any = None
    muted: bool
    peer_address = ""
    is_too_slow = False
    rests = False  # from reading what nobody needs
    kept: bytearray

    def connectionMade(self) -> None:
        self.__dict__.update(self.factory.options)
        self.server: Server = self.factory.server_class
        self.limits = self.server.limits
        self.loop = self.server.loop
        self.inbox = Inbox(self.limits.queued_frames, self.limits.queued_bytes)
        self.heard_at = self.loop.time()
        self.asked_at: float | None = None
        self.reads = True
        self.goodbye = CLOSE_NORMAL
        self.transport.unregisterProducer()  # the HTTP channel, which has done its part
        super().connectionMade()

    # --- The handshake ------------------------------------------------------

    def onConnect(self, request: Any) -> Any:
        address = self.server.address_of(self.transport.getPeer(), request.headers)
        if refusal := self.server.refusal(address):
            raise ConnectionDeny(*refusal)
        self.peer_address = address
        return super().onConnect(request)

    def onOpen(self) -> None:
        self.server.sockets.add(self)
        super().onOpen()
        if self.server.is_going_down:
            self.dismiss(CLOSE_GOING_DOWN)

    def deny(self, status: int, reason: str) -> None:
        """Ends the handshake with an HTTP error instead of a socket."""
        self.handshake_deferred.errback(ConnectionDeny(status, reason))
        del self.handshake_deferred
        self.server.protocol_disconnected(self)

    # --- In -----------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        self.heard_at = self.loop.time()
        self.asked_at = None
        self._dataReceived(data)  # past Autobahn's own, which forms words for a log that nobody reads
        if self._is_waste():
            self._rest(len(data) / self.limits.wasted_per_second)

    def _is_waste(self) -> bool:
        """Whether what comes now is read only to get to what is behind it."""
        if self.state == self.STATE_OPEN and not self.muted:
            return self.inside_message and len(self.kept) >= self._kept_bytes
        return self.state in (self.STATE_OPEN, self.STATE_CLOSING, self.STATE_CLOSED)

    def _rest(self, seconds: float) -> None:
        """Reads nothing for a while: however fast that is thrown away, to read it takes the others' time."""
        self.rests = True
        self._read(self.reads)
        self.loop.call_later(seconds, self._wake)

    def _wake(self) -> None:
        self.rests = False
        self._read(self.reads)

    def consumeData(self) -> None:
        """Autobahn's: takes apart what was read. Goes on by itself as long as there is something."""
        if self.state == self.STATE_CONNECTING:
            self._shake_hands()
            return
        for _ in range(STEPS_PER_TURN):
            if self.state == self.STATE_OPEN and self.inbox.is_full and not self.muted:
                self._read(False)
                self.inbox.on_room = lambda: self.loop.call_soon(self.consumeData)
                return
            is_over = self.failedByMe or self.state == self.STATE_CLOSED
            if is_over:
                self.data = b""
            if is_over or not (self._take_whole_text() or self.processData()):
                self._read(True)
                return
        self._read(False)
        self.loop.call_soon(self.consumeData)

    def _take_whole_text(self) -> bool:
        """Takes what nearly all messages are off what was read; whatever else there is, is Autobahn's."""
        if self.state != self.STATE_OPEN or self.current_frame is not None or self.inside_message:
            return False
        if (found := whole_text(self.data)) is None:
            return False
        text, end = found
        self.data = self.data[end:]
        if not self.muted:
            self.inbox.put_nowait({"type": "websocket.receive", "text": text})
        return True

    def _shake_hands(self) -> None:
        if self.request is None:
            super().consumeData()
        else:  # the application has not said yet whether it wants this client
            self._read(False)

    def _read(self, go_on: bool) -> None:
        self.reads = go_on
        if go_on and not self.rests:
            self.transport.resumeProducing()
        else:
            self.transport.pauseProducing()

    def onMessageBegin(self, isBinary: bool) -> None:
        super().onMessageBegin(isBinary)
        self.kept = bytearray()

    def onMessageFrameBegin(self, length: int) -> None:
        self.message_data_total_length += length
        if self.message_data_total_length > self.limits.endless_bytes:
            self._fail_connection(CLOSE_TOO_LARGE, "the message is too large")

    def onMessageFrameData(self, payload: bytes) -> None:
        room = self._kept_bytes - len(self.kept)
        if room > 0:
            self.kept += payload[:room]
        else:
            self.utf8validateIncomingCurrentMessage = False  # nobody will read it

    @property
    def _kept_bytes(self) -> int:
        """How much of a message the application gets at most."""
        return self.limits.message_bytes + WHOLE_CHARACTER_BYTES

    def onMessageFrameEnd(self) -> None:
        """Autobahn's would gather the frames."""

    def onMessageEnd(self) -> None:
        if self.state == self.STATE_OPEN and not self.muted:
            payload = bytes(self.kept)
            # Whole text was checked; cut text may end within a character.
            content = {"bytes": payload} if self.message_is_binary else {"text": payload.decode(errors="ignore")}
            self.inbox.put_nowait({"type": "websocket.receive", **content})
        self.kept = bytearray()

    # --- Out ----------------------------------------------------------------

    def handle_reply(self, message: Message) -> None:
        """The application's messages, ASGI's "Websocket Denial Response" among them."""
        if message["type"] == "websocket.http.response.start":
            self.denied_with = message["status"]
        elif message["type"] == "websocket.http.response.body":
            self.deny(self.denied_with, message.get("body", b"").decode())
        else:
            super().handle_reply(message)

    def serverSend(self, content: Any, binary: bool = False) -> None:
        if self.state != self.STATE_OPEN:
            raise ConnectionAbortedError("the socket is closed")
        super().serverSend(content, binary)

    def serverClose(self, code: int | None = None) -> None:
        """Daphne's allows fewer codes."""
        self.sendCloseFrame(code=CLOSE_NORMAL if code is None else code)

    @property
    def takes_frames(self) -> bool:
        """Whether `write` may be used: nothing between us and the system's socket changes the bytes."""
        return isinstance(self.transport, Connection) and not self.transport.TLS

    def write(self, frames: bytes) -> None:
        """Sends whole frames, straight to the system where nothing waits before them; Twisted's way costs much more.

        Raises ConnectionAbortedError when the socket is closed.
        """
        if self.state != self.STATE_OPEN:
            raise ConnectionAbortedError("the socket is closed")
        transport, sent = self.transport, 0
        if not (transport.dataBuffer or transport._tempDataBuffer or self.send_queue):
            try:
                sent = transport.socket.send(frames)
            except OSError:  # full, or broken: Twisted will find that, too
                pass
        if sent < len(frames):
            self.sendData(frames[sent:])

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        """Autobahn's one way to the transport."""
        if sync or chopsize or self.send_queue:
            super().sendData(data, sync, chopsize)
        else:
            self.transport.write(data)
        if self.unsent > self.limits.unsent_bytes and self.state == self.STATE_OPEN and not self.is_too_slow:
            self.is_too_slow = True
            self.dismiss(CLOSE_TOO_SLOW)
            self.sendCloseFrame(code=CLOSE_TOO_SLOW)

    @property
    def unsent(self) -> int:
        """Bytes that the system has not taken yet. Twisted keeps them in two buffers and an offset."""
        transport = self.transport
        return int(transport._tempDataLen + len(transport.dataBuffer) - transport.offset)

    # --- The end ------------------------------------------------------------

    def dismiss(self, code: int) -> None:
        """Tells the application that this is the end, once it has worked off what came before.

        What comes later is not taken any more. When the application has ended, the socket is closed
        with `code`.
        """
        if not self.muted:
            self.muted = True
            self.goodbye = code
            self.inbox.put_nowait({"type": "websocket.disconnect", "code": code})
            self._read(True)

    def application_ended(self, error: BaseException | None) -> None:
        """Called by the server. An application that ends without closing has closed."""
        if self.state == self.STATE_OPEN:
            self.sendCloseFrame(code=CLOSE_APPLICATION_FAILED if error else self.goodbye)
            self._read(True)
        elif hasattr(self, "handshake_deferred"):
            self.deny(500, "Internal server error")

    def check_timeouts(self) -> None:
        """Asks who has been silent, and hangs up on who does not answer. Daphne calls it now and then."""
        now = self.loop.time()
        if self.state != self.STATE_OPEN or not self.reads:
            return
        if self.asked_at is None and now - self.heard_at >= self.limits.ping_seconds:
            self.asked_at = now
            self.sendPing()
        elif self.asked_at is not None and now - self.asked_at >= self.limits.pong_seconds:
            self.onAutoPingTimeout()

    def _fail_connection(self, code: int = CLOSE_NORMAL, reason: str = "") -> None:
        """Autobahn's says why; ours then hangs up, but goes on reading, so that the client gets to hear it."""
        super()._fail_connection(code, reason)
        self.dismiss(code)
        self.transport.loseWriteConnection()

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        self.server.sockets.discard(self)
        if self.peer_address:
            self.server.addresses.give_back(self.peer_address)
        if self.request is not None:
            super().onClose(wasClean, code, reason)

    def connectionLost(self, reason: Any) -> None:
        transport = self.transport
        self.server.transports.discard(transport)
        super().connectionLost(reason)
        self.is_closed = None  # it is told with the socket itself: who knows each other waits for the garbage collector
        # The application may go on for long, and holds this socket until it ends.
        transport.dataBuffer, transport._tempDataBuffer, self.data = b"", [], b""


class SocketFactory(WebSocketFactory):
    protocol = Socket

    def __init__(self, server: "Server") -> None:
        super().__init__(server, server=server.server_name)
        self.setProtocolOptions(
            openHandshakeTimeout=server.websocket_handshake_timeout,
            closeHandshakeTimeout=server.limits.closing_seconds,
            failByDrop=False,
            allowNullOrigin=True,
        )
        self.options = {name: getattr(self, name) for name in WebSocketProtocol.CONFIG_ATTRS}


def client_address(peer: str, headers: Mapping[str, str], proxies: int) -> str:
    """The client's address as the nearest of our `proxies` saw it; without one, the other end of the connection."""
    forwarded = [part.strip() for part in headers.get("x-forwarded-for", "").split(",") if part.strip()]
    return forwarded[-min(proxies, len(forwarded))] if proxies and forwarded else peer
