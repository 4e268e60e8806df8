"""The socket's side: parse, dispatch, reply, resume. Nothing that a client sends is fatal."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, ClassVar, TypeVar, Union, get_args

from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from chatsite.realtime import hub as hubs
from chatsite.realtime.commands import Command, CommandError, Ping, Subscribe, Unsubscribe, command_refusal, not_found
from chatsite.realtime.delivery import Parcel, outlet_for, size
from chatsite.realtime.events import json_text
from chatsite.realtime.following import Following, Subscription
from chatsite.realtime.handshakes import admit, refuse, release
from chatsite.realtime.identity import CLOSE_IDENTITY_LOST, Identity, IdentityLostError
from chatsite.realtime.ratelimits import refusal
from chatsite.realtime.subscribing import bring_to_life

logger = logging.getLogger(__name__)

MAX_COMMAND_BYTES = 64 * 1024
MAX_OUTSTANDING = 64  # commands of one socket whose commit is awaited
COMMANDS_PER_SECOND = 50
COMMANDS_BURST = 1_000
SLOWED_DOWN_SECONDS = 0.1  # at most, by each command that goes beyond a limit

CLOSE_TOO_SLOW = 4408

Handler = Callable[[Any], Awaitable[Any]]
H = TypeVar("H", bound=Callable[..., Any])

ANSWERED = object()  # returned by a handler that has sent its `ok` itself


def command(schema: type[Command], scope: str = "read", pipelined: bool = False) -> Callable[[H], H]:
    """Marks a method as the handler of a command, and the scope that a token needs for it.

    The method returns the keys of `ok`. A pipelined one returns a future of them: then the
    same command may start again before this one is done, so that posts are committed
    together; any other waits.
    """

    def mark(method: H) -> H:
        method.command = (schema, scope)  # type: ignore[attr-defined]
        method.pipelined = pipelined  # type: ignore[attr-defined]
        return method

    return mark


class StreamConsumer(AsyncWebsocketConsumer):
    """A WebSocket that carries streams and commands.

    Unlike Channels' own dispatch it takes no channel on the layer (the hub has the only
    one) and makes no hop through the shared database thread.
    """

    stream_kinds: ClassVar[frozenset[str]] = frozenset()
    handlers: ClassVar[dict[str, tuple[str, str]]]  # command type → (method, token scope)
    schema: ClassVar[TypeAdapter[Command]]

    identity: Identity

    def __init_subclass__(cls) -> None:
        marked = [(name, *method.command) for name in dir(cls) if hasattr(method := getattr(cls, name), "command")]
        cls.handlers = {get_args(s.model_fields["type"].annotation)[0]: (name, scope) for name, s, scope in marked}
        union: Any = Union[tuple(schema for _, schema, _ in marked)]  # noqa: UP007 - made at run time
        cls.schema = TypeAdapter(Annotated[union, Field(discriminator="type")])

    # --- ASGI ---------------------------------------------------------------

    async def __call__(self, scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Any) -> None:
        self.scope = scope
        self.identity = scope["identity"]
        self.language = scope.get("language", settings.LANGUAGE_CODE)
        self.subscriptions: dict[str, Subscription] = {}
        self.heartbeat_at = 0.0
        self.outlet = outlet_for(scope, send, on_overflow=self._too_slow, on_loss=self._lost)
        self._outstanding: set[asyncio.Future[Any]] = set()
        self._outstanding_command = ""
        self._opening: set[str] = set()
        self._is_open = False
        self.hub = hubs.ensure()
        try:
            while (message := await receive())["type"] != "websocket.disconnect":
                if message["type"] == "websocket.connect":
                    if not await self._enter(send):
                        return
                elif message["type"] == "websocket.receive" and not self.outlet.closed:
                    await self._take(message.get("text"))
            await self._settle()
        finally:
            self.hub.leave(self)
            self.outlet.end()
            if self._is_open:
                release(self.identity.user_id)
                await self.closed()

    async def _enter(self, send: Any) -> bool:
        """Ends the handshake; False where this person has enough sockets."""
        if not admit(self.identity.user_id):
            await refuse(self.scope, send, 429, "Too many open sockets of yours")
            return False
        self._is_open = True
        await send({"type": "websocket.accept"})
        self.hub.enter(self)
        await self.opened()
        return True

    async def _settle(self) -> None:
        """What came before the end is committed and, where the server still takes it, answered."""
        self.hub.leave(self)
        while self._outstanding:
            await asyncio.wait(self._outstanding)
        await self.outlet.flush()

    async def opened(self) -> None:
        """After the handshake."""

    async def closed(self) -> None:
        """After the socket is gone."""

    def send_text(self, text: str) -> None:
        self.outlet.push(text)

    def send_parcel(self, parcel: Parcel) -> None:
        self.outlet.push_all(parcel)

    def close_with(self, code: int) -> None:
        self.outlet.close(code)

    def _too_slow(self) -> None:
        self._lost()
        self.close_with(CLOSE_TOO_SLOW)

    def _lost(self) -> None:
        self.hub.leave(self)

    # --- Commands -----------------------------------------------------------

    async def _take(self, text: str | None) -> None:
        """Answers one frame, whatever is in it; also nonsense counts against what anybody may send."""
        self.hub.active_at = self.hub.loop.time()
        too_many = refusal("command", self.identity.user_id, COMMANDS_PER_SECOND, COMMANDS_BURST)
        ref: str | None = None
        try:
            raw = self._parsed(text)
            ref = _ref(raw)
            if too_many:
                raise too_many
            name = self._handler(raw)
            result = await self._in_order(name, self._checked(raw))
        except CommandError as error:
            await _slow_down(too_many or error)
            self._refuse(ref, too_many or error)
        except Exception:
            logger.exception("command failed")
            self._refuse(ref, internal())
        else:
            self._answer(ref, result)

    def _parsed(self, text: str | None) -> dict[str, Any]:
        if text is not None and size(text) > MAX_COMMAND_BYTES:
            raise CommandError("invalid", _("That is more than 64 KiB at once."))
        try:
            raw = from_json(text or "", allow_inf_nan=False)
        except ValueError:
            raise CommandError("bad_json", _("That isn't JSON in a text frame.")) from None
        if not isinstance(raw, dict):
            raise CommandError("bad_json", _("A command is a JSON object."))
        return raw

    def _handler(self, raw: dict[str, Any]) -> str:
        type_ = raw.get("type")
        if not isinstance(type_, str) or type_ not in self.handlers:
            raise CommandError("bad_command", _("There is no such command here."))
        name, scope = self.handlers[type_]
        if not self.identity.may(scope):
            raise CommandError("forbidden", _("This token may not do that."))
        return name

    def _checked(self, raw: dict[str, Any]) -> Command:
        try:
            return self.schema.validate_python(raw)
        except ValidationError as error:
            raise command_refusal(error) from None

    async def _in_order(self, name: str, command: Command) -> Any:
        """Runs a handler so that the socket's commands take effect in the order sent."""
        handler: Handler = getattr(self, name)
        overlaps = getattr(handler, "pipelined", False) and name == self._outstanding_command
        while self._outstanding and (not overlaps or len(self._outstanding) >= MAX_OUTSTANDING):
            await asyncio.wait(self._outstanding, return_when=asyncio.FIRST_COMPLETED)
        self._outstanding_command = name
        return await handler(command)

    def _answer(self, ref: str | None, result: Any) -> None:
        if isinstance(result, asyncio.Future):
            self._outstanding.add(result)
            result.add_done_callback(lambda future: self._answer_late(ref, future))
        elif isinstance(result, str):
            self.send_text(result)
        elif ref is not None and result is not ANSWERED:
            self.send_text(json_text({"type": "ok", "ref": ref} | (result or {})))

    def _answer_late(self, ref: str | None, future: asyncio.Future[Any]) -> None:
        self._outstanding.discard(future)
        error = None if future.cancelled() else future.exception()
        if isinstance(error, CommandError):
            self._refuse(ref, error)
        elif future.cancelled() or error is not None:
            logger.error("command failed", exc_info=error)
            self._refuse(ref, internal())
        else:
            self._answer(ref, future.result())

    def _refuse(self, ref: str | None, error: CommandError) -> None:
        with translation.override(self.language):
            self.send_text(json_text({"type": "error", "ref": ref} | error.payload()))
        if isinstance(error, IdentityLostError):
            self.close_with(CLOSE_IDENTITY_LOST)

    # --- Streams ------------------------------------------------------------

    @command(Subscribe, pipelined=True)
    async def subscribe(self, command: Subscribe) -> asyncio.Future[object]:
        """Registers first and reads then, so that nothing falls between."""
        if command.stream.partition(":")[0] not in self.stream_kinds:
            raise not_found()
        while command.stream in self._opening:
            await asyncio.wait(self._outstanding, return_when=asyncio.FIRST_COMPLETED)
        following, subscription = self.hub.follow(self, command.stream)
        self._opening.add(command.stream)
        return asyncio.ensure_future(self._open(command, following, subscription))

    async def _open(self, command: Subscribe, following: Following, subscription: Subscription) -> object:
        try:
            await bring_to_life(self, command, following, subscription)
        finally:
            self._opening.discard(command.stream)
        return ANSWERED

    @command(Unsubscribe)
    async def unsubscribe(self, command: Unsubscribe) -> None:
        self.hub.unfollow(self, command.stream)

    @command(Ping)
    async def ping(self, command: Ping) -> str:
        return json_text({"type": "pong"} if command.ref is None else {"type": "pong", "ref": command.ref})


async def _slow_down(error: CommandError) -> None:
    """Who goes beyond a limit is read from slower: what waits holds the server's reading up. To refuse is work, too."""
    if error.retry_after is not None:
        await asyncio.sleep(min(error.retry_after, SLOWED_DOWN_SECONDS))


def _ref(raw: dict[str, Any]) -> str | None:
    ref = raw.get("ref")
    return ref if isinstance(ref, str) and len(ref) <= 64 else None


def internal() -> CommandError:
    return CommandError("internal", _("Something went wrong here. Try again."))
