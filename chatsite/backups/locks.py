"""Who is at work on this site's folder: server processes, and the one backup or restore at a time.

Locks of the operating system, which end with the process however it ends. They tell of
this machine only; for PostgreSQL the server is asked as well.
"""

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from chatsite.backups import BackupError

SERVING = "serving.lock"
AT_WORK = "backup.lock"


def hold_while_serving() -> None:
    """Says until this process ends that it serves. Ends it at once where a backup is being restored."""
    if not _take(_opened(SERVING), fcntl.LOCK_SH):
        sys.exit(_("A backup is being restored. Start the site when that is done."))


@contextmanager
def nobody_serves() -> Iterator[bool]:
    """Whether no process of this machine serves the site; if so, none begins to before the block ends."""
    descriptor = _opened(SERVING)
    try:
        yield _take(descriptor, fcntl.LOCK_EX)
    finally:
        os.close(descriptor)


@contextmanager
def alone() -> Iterator[None]:
    """Raises BackupError while another backup or restore of this site runs."""
    descriptor = _opened(AT_WORK)
    try:
        if not _take(descriptor, fcntl.LOCK_EX):
            raise BackupError(_("Another backup or restore of this site is running."))
        yield
    finally:
        os.close(descriptor)


def _opened(name: str) -> int:
    return os.open(Path(settings.VAR_DIR, name), os.O_RDWR | os.O_CREAT, 0o600)


def _take(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
