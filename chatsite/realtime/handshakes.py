"""How many sockets one person may open to this process, and how a handshake is refused."""

from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings

from chatsite.realtime.quotas import Quota

SOCKETS_PER_USER = 50

_open: Quota[int] = Quota()


def admit(user_id: int) -> bool:
    """Counts one more socket of a person, unless they have enough."""
    return _open.take(user_id, SOCKETS_PER_USER if settings.RATE_LIMITS else None)


def release(user_id: int) -> None:
    _open.give_back(user_id)


async def refuse(
    scope: dict[str, Any], send: Callable[[dict[str, Any]], Awaitable[None]], status: int, reason: str
) -> None:
    """With an HTTP status, where the server knows how; Daphne itself says 403."""
    if "websocket.http.response" in scope.get("extensions", {}):
        await send({"type": "websocket.http.response.start", "status": status, "headers": []})
        await send({"type": "websocket.http.response.body", "body": reason.encode()})
    else:
        await send({"type": "websocket.close"})
