"""The file: a ZIP archive whose last entry, the manifest, has a SHA-256 of every other.

The archive's comment has the format's version and the manifest's own SHA-256, so that the
chain has a beginning. Entries are streamed in and out; nothing is held in memory.
"""

import hashlib
import json
import os
import re
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Literal

from django.utils.translation import gettext as _
from pydantic import BaseModel, ValidationError

from chatsite.backups import BackupError

FORMAT = 1
DATABASE = "database"
SECRET_KEY = "secret_key"  # noqa: S105 - an entry's name
UPLOADS = "uploads/"
MANIFEST = "manifest.json"
CHUNK_BYTES = 1024 * 1024
OWNER_ONLY = 0o600
COMMENT = re.compile(rb"chat-backup/(\d{1,9}) ([0-9a-f]{64})")

Count = Callable[[int], None]  # told how many bytes have just been dealt with


class Entry(BaseModel):
    bytes: int
    sha256: str


class Facts(BaseModel):
    """What has to be known before a backup is restored."""

    made_at: str  # RFC 3339
    vendor: Literal["sqlite", "postgresql"]
    migrations: list[tuple[str, str]]  # (app, name), as recorded in the database


class Manifest(BaseModel):
    facts: Facts
    entries: dict[str, Entry]

    @property
    def total_bytes(self) -> int:
        return sum(entry.bytes for entry in self.entries.values())


class ArchiveWriter:
    """Writes an archive under a name of its own; it gets its real one by `finish`.

    `with ArchiveWriter(path) as archive:` leaves nothing behind where the block fails.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.unfinished = path.with_name(f".{path.name}.unfinished")
        self._entries: dict[str, Entry] = {}

    def __enter__(self) -> "ArchiveWriter":
        self.unfinished.unlink(missing_ok=True)
        descriptor = os.open(self.unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
        self._file = os.fdopen(descriptor, "w+b")
        self._zip = zipfile.ZipFile(self._file, "w")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with suppress(OSError):  # the disk may be full; nobody wants the file
            self._zip.close()
            self._file.close()
        self.unfinished.unlink(missing_ok=True)

    def add(self, name: str, source: IO[bytes], count: Count, compress: bool) -> None:
        """Copies a stream to its end into an entry."""
        info = zipfile.ZipInfo(name)
        info.external_attr = OWNER_ONLY << 16
        info.compress_type = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
        with self._zip.open(info, "w", force_zip64=True) as target:
            self._entries[name] = copied(source, target.write, count)

    def finish(self, facts: Facts) -> None:
        """Writes the manifest, and what is written to the disk; then the archive is where it belongs."""
        text = Manifest(facts=facts, entries=self._entries).model_dump_json(indent=1).encode()
        self._zip.writestr(MANIFEST, text)
        self._zip.comment = f"chat-backup/{FORMAT} {hashlib.sha256(text).hexdigest()}".encode()
        self._zip.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self.unfinished.replace(self.path)
        sync_folder(self.path.parent)


class ArchiveReader:
    """An archive whose manifest has been checked. Raises BackupError for anything else."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
            self.manifest = self._checked_manifest()
        except OSError as error:
            raise BackupError(f"{path}: {error.strerror}") from None
        except (*BROKEN, KeyError, ValidationError):
            raise BackupError(_("%(file)s is no backup, or only a part of one.") % {"file": path}) from None

    def _checked_manifest(self) -> Manifest:
        mark = COMMENT.fullmatch(self._zip.comment)
        if mark is None:
            raise zipfile.BadZipFile
        if int(mark[1]) > FORMAT:
            raise BackupError(_("%(file)s was made by a newer version of this program.") % {"file": self.path})
        text = self._zip.read(MANIFEST)
        if hashlib.sha256(text).hexdigest().encode() != mark[2]:
            raise zipfile.BadZipFile
        manifest = Manifest.model_validate_json(text)
        if not all(map(_is_proper, manifest.entries)) or DATABASE not in manifest.entries:
            raise zipfile.BadZipFile
        return manifest

    def extract(self, folder: Path, count: Count) -> None:
        """Copies all entries into a folder, checking each. Raises BackupError where one is not as it was."""
        for name, entry in self.manifest.entries.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with self._zip.open(name) as source, path.open("xb") as target:
                    intact = copied(source, target.write, count) == entry
                    sync(target)
            except (*BROKEN, KeyError):
                intact = False
            if not intact:
                raise BackupError(
                    _("%(file)s is damaged: %(entry)s is not what was backed up.") % {"file": self.path, "entry": name}
                )


BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, json.JSONDecodeError)


def _is_proper(name: str) -> bool:
    """Whether an entry's name is one that we give, so that it stays within the folder that it is copied to."""
    if name in (DATABASE, SECRET_KEY):
        return True
    parts = name.removeprefix(UPLOADS).split("/")
    return name.startswith(UPLOADS) and not {"", ".", ".."} & set(parts) and "\0" not in name


def copied(source: IO[bytes], write: Callable[[bytes], object], count: Count) -> Entry:
    """Copies a stream to its end; returns what it was."""
    digest, size = hashlib.sha256(), 0
    while chunk := source.read(CHUNK_BYTES):
        digest.update(chunk)
        write(chunk)
        size += len(chunk)
        count(len(chunk))
    return Entry(bytes=size, sha256=digest.hexdigest())


def sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Makes renames within a folder last."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
