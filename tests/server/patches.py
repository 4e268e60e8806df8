"""What the tests of the server patch in it; by tests/support/patching."""

import gc
import os
from pathlib import Path

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
