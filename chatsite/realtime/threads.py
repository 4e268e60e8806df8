"""The one way from the event loop to the database.

Channels' own helper shares a single thread with everybody, so one slow query stops
every socket. Here are small pools of the process's own, whose threads keep their
connection. A database that is away for a moment is waited for here, and only here.
"""

import asyncio
import functools
import logging
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import Error, connections

from chatsite.realtime.outages import UnavailableError, is_outage, may_pass

logger = logging.getLogger(__name__)

DATABASE_THREADS = 4
HEAL_SECONDS = 5.0  # how long work is begun again after an error that may pass
FIRST_PAUSE_SECONDS = 0.05
MAX_PAUSE_SECONDS = 0.5

P = ParamSpec("P")
T = TypeVar("T")

_pool = ThreadPoolExecutor(DATABASE_THREADS, thread_name_prefix="database")
_writing_pool = ThreadPoolExecutor(DATABASE_THREADS, thread_name_prefix="writing")


async def in_database(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Runs blocking ORM work in the pool and returns what it returns.

    The work may be run several times, also where it was committed already and only the word of
    that was lost: it has to be such that a second time changes nothing. Raises
    `UnavailableError` where the database stays away, or can't save.
    """
    return await in_pool(_pool, function, *args, **kwargs)


async def in_writing(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As `in_database`, for what writes: who waits for locks takes no thread from who only reads."""
    return await in_pool(_writing_pool, function, *args, **kwargs)


async def in_pool(pool: ThreadPoolExecutor, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As `in_database`, in a pool of the caller's own."""
    call = functools.partial(_with_connection, function, *args, **kwargs)
    loop = asyncio.get_running_loop()
    deadline, pause = loop.time() + HEAL_SECONDS, FIRST_PAUSE_SECONDS
    while True:
        try:
            return await loop.run_in_executor(pool, call)
        except (Error, OSError) as error:
            if not is_outage(error):
                raise
            if not may_pass(error) or loop.time() + pause > deadline:
                logger.warning("the database is away or can't save: %r", error)
                raise UnavailableError from error
        await asyncio.sleep(pause * random.uniform(0.5, 1))
        pause = min(pause * 2, MAX_PAUSE_SECONDS)


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
