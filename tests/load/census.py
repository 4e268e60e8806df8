"""A patch by which a server process says what it holds."""

import asyncio
import gc
import json
import sys
from collections import Counter
from typing import Any

from chatsite import asgi
from chatsite.realtime import hub


def answer_census() -> None:
    """GET /census → `{"blocks", "sockets", "streams", "tasks"}`; with `?types`, also how many objects of each type.

    Blocks are Python's own unit of memory: nearly all objects are one or two of them. Nothing is
    collected before counting, so that what is measured is what the site does by itself.
    """
    site = asgi.application

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope.get("path") != "/census":
            await site(scope, receive, send)
            return
        body = json.dumps(census(with_types=scope["query_string"] == b"types")).encode()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    asgi.application = application  # type: ignore[assignment]


def census(with_types: bool) -> dict[str, Any]:
    serving = hub.current()
    found: dict[str, Any] = {
        "blocks": sys.getallocatedblocks(),
        "sockets": serving.sockets_open if serving else 0,
        "streams": len(serving._followings) if serving else 0,
        "tasks": len(asyncio.all_tasks()),
    }
    if with_types:
        kinds = map(type, gc.get_objects())
        found["types"] = dict(Counter(f"{kind.__module__}.{kind.__qualname__}" for kind in kinds))
    return found
