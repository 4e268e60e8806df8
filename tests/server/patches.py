"""What the tests of the server patch in it; by tests/support/patching."""

import gc
import os
from collections import Counter
from pathlib import Path

from chatsite import asgi
from tests.support.patching import SWITCHES
from tests.support.patching.answers import answer


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
    answer("/garbage", lambda _: take_garbage())


def take_garbage() -> Counter[str]:
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    gc.set_debug(0)
    found = Counter(type(each).__qualname__ for each in gc.garbage)
    gc.garbage.clear()
    gc.collect()
    return found
