"""What the tests of the server patch in it; by tests/support/patching."""

import gc
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

from chatsite import asgi
from tests.support.patching import SWITCHES


def tell_what_is_searched() -> None:
    """At the first request: how many objects Python searches for garbage, and how many it leaves out."""
    start = asgi.start_runners

    def tell_and_start() -> None:
        told = Path(os.environ[SWITCHES], "searched")
        if not told.exists():
            told.write_text(f"{len(gc.get_objects())} {gc.get_freeze_count()}")
        start()

    asgi.start_runners = tell_and_start


def answer_garbage() -> None:
    """GET /garbage → how many objects of each type wait for Python's search for garbage, made only now."""
    gc.disable()
    site = asgi.application

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope.get("path") != "/garbage":
            await site(scope, receive, send)
            return
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        gc.set_debug(0)
        body = json.dumps(Counter(type(found).__qualname__ for found in gc.garbage)).encode()
        gc.garbage.clear()
        gc.collect()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    asgi.application = application  # type: ignore[assignment]
