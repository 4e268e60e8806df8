"""The door for web sockets: who comes in, and from which page."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import parse_cookie
from django.http.request import split_domain_port, validate_host
from django.utils.translation import get_supported_language_variant
from django.utils.translation.trans_real import parse_accept_lang_header

from accounts.identities import Credential, identify
from chatsite.realtime.batches import Batcher
from chatsite.realtime.identity import Identity

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


door: Batcher[Credential, Identity | None] = Batcher(identify)


class IdentityMiddleware:
    """Lets in who is signed in, with `scope["identity"]` and `scope["language"]` set.

    Everybody else is refused before the handshake ends, which Daphne answers with 403.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        known = await _known(Headers(scope))  # the headers are not kept for the socket's whole life
        if known is None:
            await receive()  # websocket.connect
            await send({"type": "websocket.close"})
            return
        await self.app(scope | known, receive, send)


class Headers:
    """A scope's headers as text: all values of a name, in order."""

    def __init__(self, scope: Scope) -> None:
        self.pairs = [(name.lower(), value.decode("latin-1")) for name, value in scope.get("headers", [])]

    def all(self, name: bytes) -> list[str]:
        return [value for key, value in self.pairs if key == name]

    def first(self, name: bytes) -> str:
        return next(iter(self.all(name)), "")


def origin_allowed(headers: Headers) -> bool:
    """Whether the page that opened the socket is one of ours. Programs send no Origin.

    Exactly: one Origin of nothing but scheme, host and port; https in production; a host
    of ALLOWED_HOSTS; and the port that the request itself was sent to.
    """
    origins = headers.all(b"origin")
    if not origins:
        return True
    try:
        parts = urlsplit(origins[0])
    except ValueError:
        return False
    schemes = ("https",) if settings.IS_PRODUCTION else ("http", "https")
    if len(origins) > 1 or parts.scheme not in schemes or origins[0] != f"{parts.scheme}://{parts.netloc}":
        return False
    host, port = split_domain_port(parts.netloc)
    _, own_port = split_domain_port(headers.first(b"host"))
    return bool(host) and validate_host(host, settings.ALLOWED_HOSTS) and port == own_port


def preferred_language(headers: Headers) -> str:
    """The first of the browser's languages that the site speaks."""
    for code, _ in parse_accept_lang_header(headers.first(b"accept-language")):
        try:
            return get_supported_language_variant(code)
        except LookupError:
            continue
    return settings.LANGUAGE_CODE


async def _known(headers: Headers) -> Scope | None:
    """What the scope tells the application of who is there; None for who is not let in."""
    identity = await _identify(headers) if origin_allowed(headers) else None
    if identity is None:
        return None
    return {"identity": identity, "language": identity.language or preferred_language(headers)}


async def _identify(headers: Headers) -> Identity | None:
    """By key where one is shown, else by cookie; never by both."""
    kind, _, key = headers.first(b"authorization").partition(" ")
    if kind.lower() == "bearer":
        return await door.submit(Credential("token", key.strip()))
    session_key = parse_cookie("; ".join(headers.all(b"cookie"))).get(settings.SESSION_COOKIE_NAME)
    return await door.submit(Credential("session", session_key)) if session_key else None
