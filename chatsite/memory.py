"""How a serving process asks the system for memory."""

import ctypes

M_ARENA_MAX = -8  # of glibc's malloc.h
ARENAS = 2


def share_arenas() -> None:
    """Has all threads take memory from the same few places; to be called before there are others.

    glibc gives each of the first threads a heap of its own, eight per core. Each request runs in a new thread, so
    what is free lies scattered over all of them and is not given back: 46 MB of 221 after half an hour of
    coming and going. Python's own lock leaves threads little to gain from it. Other C libraries don't do it.
    """
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(M_ARENA_MAX, ARENAS)
