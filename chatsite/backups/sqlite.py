"""SQLite, by its backup API in both directions.

The source holds a read transaction, so the copy is one snapshot and comes to its end
however much is written meanwhile; without it, each write begins the copy anew. The copy
back is one write transaction of the file that is there: processes that have it open see
it as a commit like any other, and whatever ends it half-way leaves the old content.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from django.utils.translation import gettext as _

from chatsite.backups import BackupError
from chatsite.backups.archive import Count

TIMEOUT_SECONDS = 20
STEP_PAGES = 1_000
BUSY_PAUSE_SECONDS = 0.1


@contextmanager
def snapshot(path: Path, in_the_moment: Callable[[], None]) -> Iterator[sqlite3.Connection]:
    """A connection that sees the database as it is at one moment, in which nobody commits anything.

    `in_the_moment` is called then; it should be quick, because writers wait.
    """
    with closing(_connect(path)) as guard, closing(_connect(path)) as source:
        guard.execute("BEGIN IMMEDIATE")
        in_the_moment()
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()  # only now it has its snapshot
        guard.execute("ROLLBACK")
        yield source


def copy(source: sqlite3.Connection, path: Path, count: Count) -> None:
    """Copies what a connection sees into a file, in one transaction of that file."""
    with closing(_connect(path, create=True)) as target:
        target.execute("PRAGMA journal_mode=WAL")
        target.execute("PRAGMA synchronous=FULL")
        page_bytes = source.execute("PRAGMA page_size").fetchone()[0]
        done = 0

        def tell(_status: int, remaining: int, total: int) -> None:
            nonlocal done
            count((total - remaining - done) * page_bytes)
            done = total - remaining

        source.backup(target, pages=STEP_PAGES, progress=tell, sleep=BUSY_PAUSE_SECONDS)
        target.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def check(path: Path) -> None:
    """Raises BackupError where the file is no whole database."""
    with closing(_connect(path)) as database:
        (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise BackupError(_("The database is damaged: %(problem)s") % {"problem": found})


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a file that is there already, without transactions of its own making."""
    with closing(_connect(path)) as database:
        yield database


def size_of(path: Path) -> int:
    with opened(path) as database:
        pages: int = database.execute("PRAGMA page_count").fetchone()[0]
        page_bytes: int = database.execute("PRAGMA page_size").fetchone()[0]
    return pages * page_bytes


def _connect(path: Path, create: bool = False) -> sqlite3.Connection:
    uri = f"file:{quote(str(path))}?mode={'rwc' if create else 'rw'}"
    return sqlite3.connect(uri, uri=True, timeout=TIMEOUT_SECONDS, isolation_level=None)
