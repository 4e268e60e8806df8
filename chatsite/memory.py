"""How a serving process asks the system for memory."""

import ctypes
import gc

from django.urls import get_resolver

M_ARENA_MAX = -8  # of glibc's malloc.h
ARENAS = 2
FULL_SEARCH_EVERY = 20  # partial ones; Python's own number is 10


def share_arenas() -> None:
    """Has all threads take memory from the same few places; to be called before there are others.

    glibc gives each of the first threads a heap of its own, eight per core. Requests run in threads of their own, so
    what is free lies scattered over all of them and is not given back: 46 MB of 221 after half an hour of
    coming and going. Python's own lock leaves threads little to gain from it. Other C libraries don't do it.
    """
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(M_ARENA_MAX, ARENAS)


def keep_what_is_loaded() -> None:
    """Loads what the first request would, and takes all of it out of Python's search for garbage.

    That search goes through everything that lives, and nothing else happens meanwhile. The site's own modules are
    most of it and never garbage: with them it takes 0.1 s, after every few hundred requests. What is left, people's
    sockets above all, still takes 30 ms with 250 of them, so it is looked at more rarely; what requests leave until
    then takes some megabytes.
    """
    _ = get_resolver().url_patterns
    gc.collect()
    gc.freeze()
    youngest, partial, _full = gc.get_threshold()
    gc.set_threshold(youngest, partial, FULL_SEARCH_EVERY)
