"""Uploads: files that are never changed in place, and whose names are never used again.

So a backup needs no copies, only links that keep what is deleted meanwhile; and a
restore can lay its files beside those that are there before the database changes.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.apps import apps
from django.db.models import FileField

FILE_MODE = 0o666  # less the process's mask, as for every file that the site writes


def link(uploads: Path, folder: Path) -> None:
    """Gives a folder the uploads that it doesn't have yet; copies where the file system has no hard links."""
    for path in files_in(uploads):
        target = folder / path.relative_to(uploads)
        if target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # deleted this very moment
            try:
                target.hardlink_to(path)
            except FileNotFoundError:
                raise
            except OSError:
                shutil.copyfile(path, target)


def tables() -> list[str]:
    """The database's tables that name uploads."""
    models = (model for model in apps.get_models() if not model._meta.proxy)
    return sorted(
        model._meta.db_table for model in models if any(isinstance(f, FileField) for f in model._meta.local_fields)
    )


@contextmanager
def beside(staged: Path, uploads: Path) -> Iterator[None]:
    """Moves staged files to where the site looks for them, where none has that name; away again if the block fails."""
    brought = []
    try:
        for path in list(files_in(staged)):
            target = uploads / path.relative_to(staged)
            if not target.exists():
                _move(path, target)
                brought.append(target)
        yield
    except BaseException:
        for target in brought:
            target.unlink(missing_ok=True)
        raise


def settle(staged: Path, uploads: Path, wanted: set[str]) -> None:
    """Repairs files that are not as they were backed up, and removes those that the database doesn't know.

    `staged` has those that were not moved; `wanted` are paths relative to the uploads' folder.
    """
    for path in list(files_in(staged)):
        _move(path, uploads / path.relative_to(staged))
    for path in list(files_in(uploads)):
        if path.relative_to(uploads).as_posix() not in wanted:
            path.unlink(missing_ok=True)


def _move(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    path.chmod(FILE_MODE & ~_umask())
    path.replace(target)


def files_in(folder: Path) -> Iterator[Path]:
    """Regular files, at any depth, in order."""
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            if path.is_file() and not path.is_symlink():
                yield path


def _umask() -> int:
    """The process's mask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
