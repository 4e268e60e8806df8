"""A folder for what a backup or a restore is made of meanwhile."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings


@contextmanager
def scratch(name: str) -> Iterator[Path]:
    """An empty folder on the disk where the uploads are; what a killed run left is removed first."""
    folder = Path(settings.VAR_DIR, name)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
