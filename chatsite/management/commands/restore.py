"""`manage.py restore FILE`: a backup in the place of what is there."""

import sqlite3
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.utils.translation import gettext as _

from chatsite.backups import BackupError, UnfinishedError
from chatsite.backups.progress import Progress
from chatsite.backups.restoring import restore

UNFINISHED = 3  # the exit code for a restored database whose files are not all in place


class Command(BaseCommand):
    help = "Puts a backup in the place of the database, the uploads and the secret key that are there."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--yes", action="store_true", help="replace what is there without asking")
        parser.add_argument("--while-serving", action="store_true", help="restore although the site is being served")

    def handle(self, *, file: Path, yes: bool, while_serving: bool, **options: Any) -> None:
        path = file.absolute()
        progress = Progress(sys.stderr)
        try:
            left_to_do = restore(path, progress, lambda people: yes or self.confirmed(people), while_serving)
        except UnfinishedError as error:
            raise CommandError(str(error), returncode=UNFINISHED) from error
        except (BackupError, DatabaseError, sqlite3.Error, psycopg.Error, OSError) as error:
            raise CommandError(_("Nothing was restored. %(problem)s") % {"problem": error}) from error
        finally:
            progress.end()
        for line in left_to_do:
            self.stdout.write(line)
        self.stdout.write(_("Restored from %(file)s.") % {"file": path})

    def confirmed(self, people: int) -> bool:
        """Asks whoever sits there; without a terminal the answer can only be --yes."""
        said = _("This replaces everything in %(database)s (people with an account: %(people)d).") % {
            "database": connection.settings_dict["NAME"],
            "people": people,
        }
        if not sys.stdin.isatty():
            raise BackupError(" ".join([said, _("--yes confirms it.")]))
        self.stdout.write(said)
        return input(_("Type yes to go on:") + " ").strip() == "yes"
