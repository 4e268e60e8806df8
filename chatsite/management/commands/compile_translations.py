"""`manage.py compile_translations`: what `compilemessages` does, without gettext's own programs."""

import os
from pathlib import Path
from typing import Any

import polib
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Compiles the translations whose source is newer than the compiled file."
    requires_system_checks = []

    def handle(self, **options: Any) -> None:
        for folder in settings.LOCALE_PATHS:
            for source in sorted(Path(folder).glob("*/LC_MESSAGES/*.po")):
                compiled = source.with_suffix(".mo")
                if not compiled.exists() or compiled.stat().st_mtime < source.stat().st_mtime:
                    self.compile(source, compiled)

    def compile(self, source: Path, compiled: Path) -> None:
        """Replaces the compiled file in one go: a process that reads it sees the old or the new."""
        unfinished = compiled.with_name(f".{compiled.name}.{os.getpid()}")
        try:
            polib.pofile(str(source)).save_as_mofile(str(unfinished))
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{source}: {error}") from None
        unfinished.replace(compiled)
        self.stdout.write(f"{source}")
