"""A patch by which a server process says what it holds."""

import asyncio
import ctypes
import gc
import sys
from collections import Counter
from typing import Any

from chatsite.realtime import hub
from tests.support.patching.answers import answer


def answer_census() -> None:
    """GET /census → `{"blocks", "in_use", "kept", "sockets", "streams", "tasks"}`.

    Blocks are Python's own unit of memory: nearly all objects are one or two of them. `in_use` are the MB that
    the system's allocator has given out for all that is larger, and to C, `kept` those of events in followed streams'
    rings. With `?types`, also how many objects of each type. Nothing is collected before counting, so that what is
    measured is what the site does by itself.
    """
    answer("/census", lambda query: census(with_types=query == b"types"))


class Allocator(ctypes.Structure):
    """glibc's `struct mallinfo2`."""

    names = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
    _fields_ = [(name, ctypes.c_size_t) for name in names]


def in_use() -> float:
    """MB that the allocator has given out and not got back."""
    ask = ctypes.CDLL(None).mallinfo2
    ask.restype = Allocator
    found = ask()
    return float(found.uordblks + found.hblkhd) / 2**20


def kept(serving: hub.Hub) -> float:
    """MB of the events that those who come back are told out of memory."""
    rings = [following._ring for following in serving._followings.values()]
    return sum(sys.getsizeof(frame.text) for ring in rings for frame in ring) / 2**20


def census(with_types: bool) -> dict[str, Any]:
    serving = hub.current()
    found: dict[str, Any] = {
        "blocks": sys.getallocatedblocks(),
        "in_use": in_use(),
        "kept": kept(serving) if serving else 0.0,
        "sockets": serving.sockets_open if serving else 0,
        "streams": len(serving._followings) if serving else 0,
        "tasks": len(asyncio.all_tasks()),
    }
    if with_types:
        kinds = map(type, gc.get_objects())
        found["types"] = dict(Counter(f"{kind.__module__}.{kind.__qualname__}" for kind in kinds))
    return found
