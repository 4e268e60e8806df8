"""The one way from the event loop to the database.

Channels' own helper shares a single thread with everybody, so one slow query stops
every socket. Here is a small pool of the process's own, whose threads keep their
connection.
"""

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import connections

DATABASE_THREADS = 4

P = ParamSpec("P")
T = TypeVar("T")

_pool = ThreadPoolExecutor(DATABASE_THREADS, thread_name_prefix="database")


async def in_database(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Runs blocking ORM work in the pool and returns what it returns."""
    return await in_pool(_pool, function, *args, **kwargs)


async def in_pool(pool: ThreadPoolExecutor, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As `in_database`, in a pool of the caller's own."""
    call = functools.partial(_with_connection, function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(pool, call)


def _with_connection(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        result = function(*args, **kwargs)
    except BaseException:
        _release(after_error=True)
        raise
    _release(after_error=False)
    return result


def _release(after_error: bool) -> None:
    """Gives pooled connections back; keeps SQLite's open file unless something went wrong."""
    for connection in connections.all(initialized_only=True):
        if connection.in_atomic_block:  # a test's transaction around everything
            continue
        if after_error or connection.vendor != "sqlite":
            connection.close()
