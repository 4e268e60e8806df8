"""Making a backup of the site as it is at one moment, while it goes on."""

from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from chatsite.backups import BackupError, archive, locks, postgres, sqlite, uploads
from chatsite.backups.archive import ArchiveWriter, Facts
from chatsite.backups.progress import Progress
from chatsite.backups.scratch import scratch
from chatsite.realtime.events import rfc3339

SCRATCH = ".backup"


def make(path: Path, progress: Progress, overwrite: bool) -> None:
    """Writes the backup into a file that only its owner may read. Raises BackupError."""
    _refuse_existing(path, overwrite)
    with locks.alone(), scratch(SCRATCH) as held, ArchiveWriter(path) as target:
        hold = partial(uploads.link, Path(settings.MEDIA_ROOT), held)
        hold()  # most of them, without making anybody wait
        if connection.vendor == "sqlite":
            facts = _add_sqlite(target, hold, progress)
        else:
            facts = _add_postgres(target, hold, progress)
        _add_files(target, held, progress)
        _refuse_existing(path, overwrite)
        target.finish(facts)


def _refuse_existing(path: Path, overwrite: bool) -> None:
    if not path.parent.is_dir():
        raise BackupError(_("There is no folder %(folder)s.") % {"folder": path.parent})
    if path.is_dir() or (path.exists() and not overwrite):
        raise BackupError(_("%(file)s is there already. --force overwrites it.") % {"file": path})


def _add_sqlite(target: ArchiveWriter, hold: Any, progress: Progress) -> Facts:
    """By way of a copy beside the archive: a stream of changing pages would be no database."""
    path = Path(connection.settings_dict["NAME"])
    copy = target.unfinished.with_suffix(".database")
    copy.unlink(missing_ok=True)
    try:
        copy.touch(archive.OWNER_ONLY)
        progress.begin(_("Copying the database"), sqlite.size_of(path))
        with sqlite.snapshot(path, hold) as source:
            sqlite.copy(source, copy, progress.add)
            facts = _facts("sqlite", source)
        sqlite.check(copy)
        progress.begin(_("Writing the database"), copy.stat().st_size)
        with copy.open("rb") as file:
            target.add(archive.DATABASE, file, progress.add, compress=True)
    finally:
        for leftover in (copy, *(copy.with_name(copy.name + end) for end in ("-wal", "-shm", "-journal"))):
            leftover.unlink(missing_ok=True)
    return facts


def _add_postgres(target: ArchiveWriter, hold: Any, progress: Progress) -> Facts:
    progress.begin(_("Writing the database"), 0)
    with postgres.snapshot(hold) as (source, name):
        postgres.dump(source, name, target, archive.DATABASE, progress.add)
        return _facts("postgresql", source)


def _facts(vendor: Any, source: Any) -> Facts:
    rows = source.execute("SELECT app, name FROM django_migrations ORDER BY id").fetchall()
    return Facts(made_at=rfc3339(datetime.now(UTC)), vendor=vendor, migrations=rows)


def _add_files(target: ArchiveWriter, held: Path, progress: Progress) -> None:
    files = {archive.UPLOADS + path.relative_to(held).as_posix(): path for path in uploads.files_in(held)}
    secret = Path(settings.VAR_DIR, archive.SECRET_KEY)
    with suppress(FileNotFoundError):  # then the environment has it, and it stays there
        if secret.read_text().strip() == settings.SECRET_KEY:
            files[archive.SECRET_KEY] = secret
    progress.begin(_("Writing the uploads"), sum(path.stat().st_size for path in files.values()))
    for name, path in files.items():
        with path.open("rb") as file:
            target.add(name, file, progress.add, compress=False)
