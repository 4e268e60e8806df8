"""A database in trouble: which errors pass by themselves, and what people are told meanwhile."""

import errno
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import DatabaseError, Error, InterfaceError, connection
from django.utils.translation import gettext_lazy as _

from chatsite.realtime.commands import CommandError

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 3  # what programs are told to wait

# PostgreSQL's states, by how they begin: connection lost, rolled back for another's sake (deadlock,
# serialisation), server going down or coming up, too many connections, a lock or a session timed out.
PASSING_STATES = ("08", "40", "57P", "53300", "55P03", "25P03")
STORAGE_STATES = ("25006", "53", "58")  # read-only, out of space or memory, broken disk
PASSING_CODES = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
STORAGE_CODES = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
STORAGE_ERRNOS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}


class UnavailableError(CommandError):
    """The database could not be reached, or could not save; nobody is to blame, and later it can."""

    def __init__(self) -> None:
        super().__init__("internal", _("That can't be done right now. Try again in a moment."))


def may_pass(error: BaseException) -> bool:
    """Whether the same work may succeed in a moment.

    Nothing of it was done, or, where the connection broke during COMMIT, all of it or nothing.
    """
    if not isinstance(error, Error):
        return False
    cause = error.__cause__
    if isinstance(cause, psycopg.Error):
        lost = cause.sqlstate is None and isinstance(cause, (psycopg.OperationalError, psycopg.InterfaceError))
        return lost or (cause.sqlstate or "").startswith(PASSING_STATES)
    if isinstance(cause, sqlite3.Error):
        return _code(cause) in PASSING_CODES
    return isinstance(error, InterfaceError)  # Django's own: the connection was closed meanwhile


def is_outage(error: BaseException | None) -> bool:
    """Whether it says that the database is away or can't save, rather than that we made a mistake."""
    if error is None or isinstance(error, UnavailableError):
        return error is not None
    if isinstance(error, OSError):
        return error.errno in STORAGE_ERRNOS
    if not isinstance(error, Error):
        return False
    cause = error.__cause__
    if isinstance(cause, psycopg.Error):
        return may_pass(error) or (cause.sqlstate or "").startswith(STORAGE_STATES)
    if isinstance(cause, sqlite3.Error):
        return may_pass(error) or _code(cause) in STORAGE_CODES
    return may_pass(error)


def _code(error: sqlite3.Error) -> int:
    """SQLite's code without the details in its upper bits."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


@contextmanager
def courtesy(what: str) -> Iterator[None]:
    """Around a write that nobody waits for: a database in trouble costs that write, not what goes on around it.

    Not inside of a transaction, which would be broken all the same.
    """
    try:
        yield
    except DatabaseError as error:
        if not is_outage(error) or connection.in_atomic_block:
            raise
        logger.warning("%s not written: %r", what, error)
        connection.close_if_unusable_or_obsolete()
