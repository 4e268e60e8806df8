"""A patch that shows patching at work: the site answers what its switches say."""

import json
import os
from typing import Any

from chatsite import asgi
from tests.support.patching import take, value


def answer_switches() -> None:
    """GET /switches → `{"pid", "standing": text or null, "once": text or null}`; "once" is taken."""
    site = asgi.application

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope.get("path") != "/switches":
            await site(scope, receive, send)
            return
        body = json.dumps({"pid": os.getpid(), "standing": value("standing"), "once": take("once")})
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body.encode()})

    asgi.application = application  # type: ignore[assignment]


def fail() -> None:
    raise RuntimeError("this patch does not fit")
