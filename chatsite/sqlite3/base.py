"""SQLite has one writer at a time, and lets those who wait poll, at intervals that grow to 100 ms.

Who polls is overtaken by whoever comes at the right moment: with eight threads writing,
the unluckiest waited for seconds. Here the threads of a process stand in line
(`turns.py`), so that only the first of them contends with other processes, and that one
asks again every few milliseconds.
"""

import sqlite3
import time
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import OperationalError
from django.db.backends.sqlite3 import base

from chatsite.sqlite3.turns import Turn, turn_of

BUSY_SECONDS = 10.0  # for the turn and for other processes, together
POLL_SECONDS = 0.02  # SQLite's own polls within this time are 1, 2, 5 and 10 ms apart
WRITING = ("BEGIN", "INSERT", "UPDATE", "DELETE", "REPLACE")

T = TypeVar("T")


class DatabaseWrapper(base.DatabaseWrapper):
    """A transaction, and a statement that writes outside of one, wait for their turn."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._turn: Turn | None = None  # while it is ours
        self.execute_wrappers.append(self._in_turn)

    def get_connection_params(self) -> dict[str, Any]:
        return {**super().get_connection_params(), "timeout": POLL_SECONDS}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        return patiently(lambda: super(DatabaseWrapper, self).get_new_connection(conn_params))

    def is_usable(self) -> bool:
        """What Django asks after an error: a file that could not be read or written is opened anew."""
        return False

    def _in_turn(self, execute: Callable[..., T], sql: str, params: Any, many: bool, context: Any) -> T:
        """Django's hook around each statement."""
        if self._turn is not None or self.connection.in_transaction:
            return execute(sql, params, many, context)
        deadline = time.monotonic() + BUSY_SECONDS
        if writes := sql.startswith(WRITING):
            self._take_turn()
        try:
            return patiently(lambda: execute(sql, params, many, context), deadline)
        except BaseException:
            self._give_turn()
            raise
        finally:
            if writes and not self.connection.in_transaction:
                self._give_turn()

    def _take_turn(self) -> None:
        turn = turn_of(self.settings_dict["NAME"])
        if not turn.take(BUSY_SECONDS):
            raise OperationalError("database is locked") from _busy()
        self._turn = turn

    def _give_turn(self) -> None:
        if self._turn is not None:
            turn, self._turn = self._turn, None
            turn.give()

    def _commit(self) -> None:
        super()._commit()  # type: ignore[misc] # Django's, without types
        self._give_turn()  # where it failed, a rollback follows

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        finally:
            self._give_turn()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self._give_turn()


def patiently(attempt: Callable[[], T], deadline: float | None = None) -> T:
    """Tries again while another process is in the way: nothing was done yet. Raises what the last try raised."""
    until = deadline or time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return attempt()
        except (OperationalError, sqlite3.OperationalError) as error:
            if not is_busy(error) or time.monotonic() > until:
                raise


def is_busy(error: BaseException) -> bool:
    """Whether it says that somebody else has the database; extended codes have theirs in the upper bits."""
    code = getattr(error.__cause__ or error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF == sqlite3.SQLITE_BUSY


def _busy() -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("other threads of this process kept the turn")
    error.sqlite_errorcode = sqlite3.SQLITE_BUSY
    return error
