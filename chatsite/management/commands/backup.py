"""`manage.py backup FILE`: the whole site in one file, while it goes on."""

import sqlite3
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from chatsite.backups import BackupError
from chatsite.backups.making import make
from chatsite.backups.progress import Progress


class Command(BaseCommand):
    help = "Puts the database, the uploads and the secret key into one file. The site goes on meanwhile."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--force", action="store_true", help="overwrite FILE where it is there already")

    def handle(self, *, file: Path, force: bool, **options: Any) -> None:
        path = file.absolute()
        progress = Progress(sys.stderr)
        try:
            make(path, progress, overwrite=force)
        except (BackupError, sqlite3.Error, psycopg.Error, OSError) as error:
            raise CommandError(_("No backup was made. %(problem)s") % {"problem": error}) from error
        finally:
            progress.end()
        said = {"file": path, "size": filesizeformat(path.stat().st_size)}
        self.stdout.write(_("Backed up to %(file)s (%(size)s). It holds secrets: keep it safe.") % said)
