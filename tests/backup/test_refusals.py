"""What backup and restore refuse, in words, leaving everything as it is."""

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from chatsite.backups import BackupError, locks, programs, restoring
from chatsite.backups.archive import Entry, Facts, Manifest
from tests.backup.contents import contents, execute, refusal, run_python
from tests.support import stack
from tests.support.sites import ROOT, Site

OTHER_VENDOR = {"sqlite": "postgresql", "postgresql": "sqlite"}


@pytest.mark.one_stack
def test_a_site_with_people_is_replaced_only_if_somebody_says_so(
    make_still_site: Callable[[], Site], file: Path
) -> None:
    site, other = make_still_site(), make_still_site()
    execute(other, "UPDATE chat_room SET topic = 'mine'")
    before = contents(other)
    site.manage("backup", str(file))
    assert "--yes" in refusal(other, "restore", str(file))
    code, said = at_a_terminal(other, "no\n", "restore", str(file))
    assert (code, "people with an account: 5" in said) == (1, True)
    assert contents(other) == before
    code, said = at_a_terminal(other, "yes\n", "restore", str(file))
    assert (code, "Checking the backup: " in said, "%" in said) == (0, True, True)
    assert contents(other) == contents(site)


def at_a_terminal(site: Site, answer: str, *arguments: str) -> tuple[int, str]:
    """Runs a command as somebody does who types an answer; the exit code, and all that they see."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "manage.py", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, env=site.environ, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    os.write(ours, answer.encode())
    said = b""
    while chunk := _read(ours):
        said += chunk
    os.close(ours)
    return process.wait(), said.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # how Linux says that the other end is closed
        return b""


@pytest.mark.one_stack
def test_a_damaged_file_touches_nothing(make_still_site: Callable[[], Site], file: Path) -> None:
    site = make_still_site()
    site.manage("backup", str(file))
    execute(site, "UPDATE chat_room SET topic = 'since then'")
    before = contents(site)
    damaged = bytearray(file.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    file.write_bytes(damaged)
    assert "is damaged" in refusal(site, "restore", str(file), "--yes")
    assert contents(site) == before
    file.write_bytes(damaged[: len(damaged) // 2])
    assert "only a part" in refusal(site, "restore", str(file), "--yes")
    assert contents(site) == before


@pytest.mark.one_stack
def test_a_site_that_is_served_is_not_replaced(site: Site, file: Path) -> None:
    site.manage("backup", str(file))
    before = contents(site).tables["chat_room"]
    said = refusal(site, "restore", str(file), "--yes")
    assert "--while-serving" in said
    assert contents(site).tables["chat_room"] == before
    site.stop()
    site.manage("restore", str(file), "--yes")


def test_a_site_does_not_start_while_it_is_restored(settings: Any, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path
    with locks.nobody_serves() as is_quiet:
        assert is_quiet
        with pytest.raises(SystemExit, match="is being restored"):
            locks.hold_while_serving()
    locks.hold_while_serving()  # for as long as this process lives
    with locks.nobody_serves() as is_quiet:
        assert not is_quiet


def test_one_at_a_time(settings: Any, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path
    with locks.alone(), pytest.raises(BackupError, match="Another"), locks.alone():
        pass
    with locks.alone():
        pass


def manifest(vendor: Any, *migrations: tuple[str, str]) -> Manifest:
    facts = Facts(made_at="2026-11-21T06:00:00Z", vendor=vendor, migrations=list(migrations))
    return Manifest(facts=facts, entries={"database": Entry(bytes=0, sha256="")})


def test_a_backup_of_another_kind_of_database(db: None) -> None:
    with pytest.raises(BackupError, match="DATABASE_URL"):
        restoring._refuse_unusable(manifest(OTHER_VENDOR[connection.vendor]))


def test_a_backup_of_newer_migrations(db: None) -> None:
    with pytest.raises(BackupError, match=r"newer version .* chat\.0099_future"):
        restoring._refuse_unusable(manifest(connection.vendor, ("chat", "0001_initial"), ("chat", "0099_future")))
    here = [(row.app, row.name) for row in MigrationRecorder(connection).migration_qs]
    restoring._refuse_unusable(manifest(connection.vendor, *here, ("an_app_of_once", "0001_initial")))


def test_no_room_for_it(make_still_site: Callable[[], Site], tmp_path: Path) -> None:
    site = make_still_site()
    assert "no folder" in refusal(site, "backup", str(tmp_path / "nowhere" / "site.backup"))
    small = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)); sys.argv.pop(0); " + (
        "import manage; manage.main()"
    )
    done = run_python(site, "-c", small, "manage.py", "backup", str(tmp_path / "site.backup"))
    assert (done.returncode, "No backup was made." in done.stderr) == (1, True), done
    assert [path.name for path in tmp_path.iterdir() if "site.backup" in path.name] == []


# --- PostgreSQL's programs ------------------------------------------------------


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """`installed(15, 17)`: these versions of pg_dump are there, and no other."""

    def install(*versions: int) -> None:
        for version in versions:
            program = tmp_path / str(version) / "pg_dump"
            program.parent.mkdir()
            program.write_text(f"#!/bin/sh\necho 'pg_dump (PostgreSQL) {version}.3'\n")
            program.chmod(0o755)
        monkeypatch.setattr(programs, "USUAL_FOLDERS", (f"{str(tmp_path).strip('/')}/*",))
        monkeypatch.setenv("PATH", "/nonexistent")

    return install


def test_programs_of_the_servers_version_come_first(installed: Callable[..., None], tmp_path: Path) -> None:
    installed(14, 15, 16, 17)
    assert programs.find("pg_dump", 16) == str(tmp_path / "16" / "pg_dump")


def test_newer_ones_will_do(installed: Callable[..., None], tmp_path: Path) -> None:
    installed(13, 17, 18)
    assert programs.find("pg_dump", 16) == str(tmp_path / "17" / "pg_dump")


def test_older_ones_will_not(installed: Callable[..., None]) -> None:
    installed(13, 15)
    with pytest.raises(BackupError, match=r"pg_dump is of PostgreSQL 15.* server is 16.*postgresql-client-16"):
        programs.find("pg_dump", 16)


def test_without_any_it_says_what_to_install(installed: Callable[..., None]) -> None:
    installed()
    with pytest.raises(BackupError, match=r"no pg_dump on this machine.*postgresql-client-16"):
        programs.find("pg_dump", 16)


# --- With PostgreSQL itself -----------------------------------------------------

needs_postgres = pytest.mark.skipif(stack.STACK != "pg", reason="of PostgreSQL")


@needs_postgres
def test_the_password_is_told_to_nobody_else(
    db: None, make_still_site: Callable[[], Site], file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = programs.find("pg_dump", connection.cursor().connection.info.server_version // 10_000)
    seen = tmp_path / "seen"
    stand_in(tmp_path / "bin", f'echo "$@" >> {seen}; echo "$PGPASSWORD" >> {seen}; exec {real} "$@"')
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    site = make_still_site()
    site.environ["DATABASE_URL"] = site.environ["DATABASE_URL"].replace("postgres@", "postgres:s3cret@")
    site.manage("backup", str(file))
    *_, arguments, password = seen.read_text().splitlines()
    assert ("s3cret" in arguments, password) == (False, "s3cret")


@needs_postgres
def test_where_a_program_fails_its_words_are_passed_on(
    db: None, make_still_site: Callable[[], Site], file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path / "bin", "echo half; echo 'it broke' >&2; exit 1")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    assert "pg_dump failed: it broke" in refusal(make_still_site(), "backup", str(file))
    assert not file.exists()


def stand_in(folder: Path, script: str) -> None:
    """A `pg_dump` that comes first on the path, of the version that the server has."""
    version = connection.cursor().connection.info.server_version // 10_000
    folder.mkdir()
    program = folder / "pg_dump"
    told = f"[ \"$1\" = --version ] && echo 'pg_dump (PostgreSQL) {version}.0' && exit 0"
    program.write_text(f"#!/bin/sh\n{told}\n{script}\n")
    program.chmod(0o755)
