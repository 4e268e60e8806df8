"""The file by itself: what is not as it was written is refused."""

import io
import zipfile
from pathlib import Path

import pytest

from chatsite.backups import BackupError
from chatsite.backups.archive import DATABASE, MANIFEST, ArchiveReader, ArchiveWriter, Facts

FACTS = Facts(made_at="2026-11-21T06:00:00Z", vendor="sqlite", migrations=[("chat", "0001_initial")])
CONTENT = {DATABASE: b"rows " * 5_000, "secret_key": b"k" * 50, "uploads/avatars/1-ab.webp": bytes(range(256)) * 20}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "site.backup"
    with ArchiveWriter(path) as writer:
        for name, content in CONTENT.items():
            writer.add(name, io.BytesIO(content), ignore, compress=name == DATABASE)
        writer.finish(FACTS)
    return path


def ignore(count: int) -> None:
    pass


def extracted(path: Path) -> dict[str, bytes]:
    """What comes out; raises BackupError as `restore` would."""
    folder = path.parent / "out"
    folder.mkdir()
    reader = ArchiveReader(path)
    reader.extract(folder, ignore)
    assert reader.manifest.facts == FACTS
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_what_comes_out_is_what_went_in(archive: Path) -> None:
    assert extracted(archive) == CONTENT
    assert [path.name for path in archive.parent.iterdir() if path.name != "out"] == [archive.name]


@pytest.mark.parametrize("name", [*CONTENT, MANIFEST])
def test_a_flipped_bit_is_refused(archive: Path, name: str) -> None:
    content = bytearray(archive.read_bytes())
    with zipfile.ZipFile(archive) as opened:
        info = opened.getinfo(name)
    content[info.header_offset + 30 + len(name) + 20 + info.compress_size // 2] ^= 1
    archive.write_bytes(content)
    with pytest.raises(BackupError):
        extracted(archive)


@pytest.mark.parametrize("name", [*CONTENT, MANIFEST])
def test_another_content_with_a_checksum_of_its_own_is_refused(archive: Path, name: str) -> None:
    """As a ZIP archive it is whole; only our own sums tell."""
    with zipfile.ZipFile(archive) as old:
        entries = {entry: old.read(entry) for entry in old.namelist()}
        comment = old.comment
    if name == MANIFEST:
        entries[name] = entries[name].replace(b"0001_initial", b"0002_initial")
    else:
        entries[name] = entries[name][::-1] + b"!"
    with zipfile.ZipFile(archive, "w") as new:
        for entry, content in entries.items():
            new.writestr(entry, content)
        new.comment = comment
    with pytest.raises(BackupError):
        extracted(archive)


def test_any_flipped_byte_is_refused_or_harmless(archive: Path) -> None:
    """In the archive's own tables, too: dates and the like are nobody's."""
    whole = archive.read_bytes()
    for place in range(0, len(whole), 97):
        content = bytearray(whole)
        content[place] ^= 0xFF
        damaged = archive.parent / str(place) / "site.backup"
        damaged.parent.mkdir()
        damaged.write_bytes(content)
        try:
            assert extracted(damaged) == CONTENT
        except BackupError:
            pass


@pytest.mark.parametrize("keep", [0, 1, 100, 0.5, -1])
def test_a_truncated_file_is_refused(archive: Path, keep: float) -> None:
    content = archive.read_bytes()
    archive.write_bytes(content[: int(len(content) * keep) if isinstance(keep, float) else keep])
    with pytest.raises(BackupError, match="no backup, or only a part"):
        extracted(archive)


def test_what_is_no_backup_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "site.backup"
    with pytest.raises(BackupError, match="No such file"):
        extracted(path)
    with zipfile.ZipFile(path, "w") as other:
        other.writestr(DATABASE, "not ours")
    (tmp_path / "out").rmdir()
    with pytest.raises(BackupError, match="no backup"):
        extracted(path)


def test_a_newer_format_is_refused(archive: Path) -> None:
    content = archive.read_bytes()
    archive.write_bytes(content.replace(b"chat-backup/1 ", b"chat-backup/2 "))
    with pytest.raises(BackupError, match="newer version"):
        extracted(archive)


@pytest.mark.parametrize("name", ["../evil", "uploads/../../evil", "uploads//evil", "/etc/evil", "uploads/", "evil"])
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "site.backup"
    with ArchiveWriter(path) as writer:
        writer.add(DATABASE, io.BytesIO(b"rows"), ignore, compress=True)
        writer.add(name, io.BytesIO(b"evil"), ignore, compress=False)
        writer.finish(FACTS)
    with pytest.raises(BackupError, match="no backup"):
        extracted(path)


def test_nothing_is_left_where_writing_fails(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="full"), ArchiveWriter(tmp_path / "site.backup") as writer:
        writer.add(DATABASE, io.BytesIO(b"rows"), ignore, compress=True)
        raise OSError("full")
    assert list(tmp_path.iterdir()) == []
