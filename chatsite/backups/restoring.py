"""Putting a backup in the place of what is there: all of it or nothing.

Everything is unpacked and checked first, in a folder of its own. Uploads have names of
their own, so those of the backup are laid beside the present ones; then the database
changes in one transaction, with its new epoch; then uploads that nobody knows any more
go. Whatever ends it between, the site is the old one or the new one, and whole.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.utils.translation import gettext as _

from chatsite.backups import BackupError, UnfinishedError, archive, locks, postgres, sqlite, uploads
from chatsite.backups.archive import ArchiveReader, Manifest
from chatsite.backups.progress import Progress
from chatsite.backups.scratch import scratch
from chatsite.realtime.models import Deployment, new_epoch
from chatsite.realtime.streams import renew_epoch

SCRATCH = ".restore"

Confirm = Callable[[int], bool]  # told how many people the site has


def restore(path: Path, progress: Progress, confirm: Confirm, while_serving: bool) -> list[str]:
    """Restores a file made by `making.make`; returns what is left to do, in words.

    `confirm` is asked where somebody has an account here already. Raises BackupError, and
    then nothing has changed.
    """
    backup = ArchiveReader(path)
    _refuse_unusable(backup.manifest)
    with ExitStack() as held:
        held.enter_context(locks.alone())
        is_quiet = held.enter_context(locks.nobody_serves())
        if not while_serving:
            _refuse_while_serving(is_quiet)
        staged = held.enter_context(scratch(SCRATCH))
        progress.begin(_("Checking the backup"), backup.manifest.total_bytes)
        backup.extract(staged, progress.add)
        progress.end()
        if (people := _people()) and not confirm(people):
            raise BackupError(_("You didn't say yes."))
        return _replace(staged, backup.manifest, progress)


def _refuse_unusable(manifest: Manifest) -> None:
    vendor = manifest.facts.vendor
    if vendor != connection.vendor:
        names = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
        said = {"theirs": names[vendor], "ours": names[connection.vendor]}
        raise BackupError(_("The backup is of a site on %(theirs)s, but DATABASE_URL names %(ours)s.") % said)
    loader = MigrationLoader(None)
    replaced = {key for migration in loader.disk_migrations.values() for key in migration.replaces}
    known = {*loader.disk_migrations, *replaced}
    unknown = [key for key in manifest.facts.migrations if key[0] in loader.migrated_apps and key not in known]
    if unknown:
        said = {"migration": ".".join(unknown[0])}
        raise BackupError(
            _("The backup was made by a newer version of this program, with %(migration)s. Install that version.")
            % said
        )


def _refuse_while_serving(is_quiet: bool) -> None:
    remedy = _("Stop it first, and its workers. Or say --while-serving: then its open pages start afresh.")
    if not is_quiet:
        raise BackupError(" ".join([_("The site is being served."), remedy]))
    if connection.vendor == "postgresql" and (count := postgres.others_connected()):
        said = _("The database is in use (connections: %(count)d).") % {"count": count}
        raise BackupError(f"{said} {remedy}")


def _people() -> int:
    """How many people have an account here; 0 where there is no database yet."""
    user = get_user_model()
    with connection.cursor() as cursor:
        if user._meta.db_table not in connection.introspection.table_names(cursor):
            return 0
    return user._default_manager.count()


def _replace(staged: Path, manifest: Manifest, progress: Progress) -> list[str]:
    brings = set(MigrationLoader(None).disk_migrations) - set(manifest.facts.migrations)
    if connection.vendor == "sqlite":
        _prepare_sqlite(staged / archive.DATABASE, is_older=bool(brings))
    media, files = Path(settings.MEDIA_ROOT), staged / archive.UPLOADS
    progress.begin(_("Restoring the database"), manifest.entries[archive.DATABASE].bytes)
    with uploads.beside(files, media):
        if connection.vendor == "sqlite":
            with sqlite.opened(staged / archive.DATABASE) as source:
                sqlite.copy(source, Path(connection.settings_dict["NAME"]), progress.add)
        else:
            _restore_postgres(staged / archive.DATABASE, bool(brings), progress)
    progress.end()
    wanted = {name.removeprefix(archive.UPLOADS) for name in manifest.entries if name.startswith(archive.UPLOADS)}
    try:
        uploads.settle(files, media, wanted)
        return _bring_secret_key(staged / archive.SECRET_KEY)
    except OSError as error:
        said = {"problem": error}
        raise UnfinishedError(
            _("The database is restored, but not all files: %(problem)s. Restore again.") % said
        ) from error


def _prepare_sqlite(path: Path, is_older: bool) -> None:
    """Checks the unpacked database, brings it up to date and gives it its new epoch."""
    sqlite.check(path)
    if is_older:
        _migrate(path)
    table = connection.ops.quote_name(Deployment._meta.db_table)
    with sqlite.opened(path) as database:
        database.execute(f"REPLACE INTO {table} (id, epoch) VALUES (1, ?)", [new_epoch()])  # noqa: S608 - a name of ours


def _migrate(path: Path) -> None:
    """In a process of its own, whose default database is that file."""
    environ = os.environ | {"DATABASE_URL": f"sqlite:///{quote(str(path))}"}
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "migrate", "--no-input", "--verbosity=0"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        said = {"problem": done.stderr.strip().splitlines()[-1:] or done.returncode}
        raise BackupError(_("The backup can't be brought up to date: %(problem)s") % said)


def _restore_postgres(dump: Path, is_older: bool, progress: Progress) -> None:
    with transaction.atomic(durable=True):
        postgres.play(dump, progress.add)
        if is_older:
            call_command("migrate", interactive=False, verbosity=0)
        renew_epoch()


def _bring_secret_key(staged: Path) -> list[str]:
    """Puts the backup's key in place of this site's. Sessions and links in mails were made with it."""
    path = Path(settings.VAR_DIR, archive.SECRET_KEY)
    if not staged.exists():
        return [_("The backup has no secret key: set SECRET_KEY to what it was, or everybody has to sign in again.")]
    if not path.exists() or path.read_text().strip() != settings.SECRET_KEY:
        return [_("SECRET_KEY is set, so the backup's own key was not used.")]
    if path.read_bytes() == staged.read_bytes():
        return []
    staged.chmod(archive.OWNER_ONLY)
    staged.replace(path)
    archive.sync_folder(path.parent)
    return [_("The secret key has changed: processes that still run have to be started again.")]
