"""The database and the uploads of a backup are of one moment, and copying comes to its end under writes."""

import itertools
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from accounts.models import User
from chatsite.backups import postgres, sqlite, uploads
from tests.backup.contents import contents
from tests.support import stack
from tests.support.sites import ROOT, Site

SWAP_PICTURES = """
import itertools
import django
django.setup()
from accounts import avatars
from accounts.models import User
for number in itertools.count():
    avatars.store(User.objects.get(username="alice"), b"%d" % number)
    print(number, flush=True)
"""
STEPS = 40


def test_each_picture_that_the_database_names_is_there(make_still_site: Callable[[], Site], file: Path) -> None:
    site, other = make_still_site(), make_still_site()
    environ = {**site.environ, "DJANGO_SETTINGS_MODULE": "chatsite.settings"}
    with subprocess.Popen(
        [sys.executable, "-c", SWAP_PICTURES], cwd=ROOT, env=environ, stdout=subprocess.PIPE
    ) as swapping:
        assert swapping.stdout
        swapping.stdout.readline()
        site.manage("backup", str(file))
        assert swapping.poll() is None
        swapping.kill()
    other.manage("restore", str(file), "--yes")
    restored = contents(other)
    named = [value for row in restored.tables["accounts_user"] for value in row if str(value).startswith("avatars/")]
    assert len(named) == 1
    assert restored.uploads.keys() >= set(named)


@pytest.mark.skipif(stack.STACK != "sqlite", reason="of SQLite")
def test_nobody_commits_in_the_moment_of_a_sqlite_backup(tmp_path: Path) -> None:
    path = filled(tmp_path / "site.sqlite3")

    def moment() -> None:
        with closing(sqlite3.connect(path, timeout=0)) as writer, pytest.raises(sqlite3.OperationalError, match="lock"):
            writer.execute("INSERT INTO thing VALUES ('between')")

    with sqlite.snapshot(path, moment) as source, closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("DELETE FROM thing")
        assert source.execute("SELECT count(*) FROM thing").fetchone() == (STEPS,)


@pytest.mark.skipif(stack.STACK != "sqlite", reason="of SQLite")
def test_a_copy_ends_though_each_step_sees_a_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "STEP_PAGES", 1)
    path, copy = filled(tmp_path / "site.sqlite3"), tmp_path / "copy.sqlite3"
    steps = itertools.count()
    with closing(sqlite3.connect(path, isolation_level=None)) as writer, sqlite.snapshot(path, int) as source:

        def write(_count: int) -> None:
            assert next(steps) < 3 * STEPS, "the copy begins anew with each write"
            writer.execute("INSERT INTO thing VALUES ('meanwhile')")

        sqlite.copy(source, copy, write)
    assert next(steps) > STEPS
    with closing(sqlite3.connect(copy)) as copied:
        assert copied.execute("SELECT count(*) FROM thing").fetchone() == (STEPS,)


def filled(path: Path) -> Path:
    """A database with a page for each of its rows."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE thing (text)")
        for _ in range(STEPS):
            database.execute("INSERT INTO thing VALUES (?)", ["x" * 4000])
    return path


@pytest.mark.skipif(stack.STACK != "pg", reason="of PostgreSQL")
def test_nobody_names_uploads_in_the_moment_of_a_postgresql_backup(transactional_db: None, alice: User) -> None:
    def change(statement: str) -> None:
        with postgres.connected() as writer:
            writer.execute("SET lock_timeout = '200ms'")
            writer.execute(statement.encode())

    def moment() -> None:
        with pytest.raises(psycopg.errors.LockNotAvailable):
            change("UPDATE accounts_user SET avatar = 'between'")

    with postgres.snapshot(moment) as (source, _name):
        change("UPDATE accounts_user SET avatar = 'after'")
        assert source.execute("SELECT avatar FROM accounts_user").fetchall() == [("",)]


def test_the_tables_that_name_uploads_are_known() -> None:
    assert uploads.tables() == ["accounts_user"]


def test_a_link_keeps_what_is_deleted_later(tmp_path: Path) -> None:
    there, held = tmp_path / "uploads", tmp_path / "held"
    for name in "first", "second":
        (there / "deep").mkdir(parents=True, exist_ok=True)
        (there / "deep" / name).write_text(name)
        uploads.link(there, held)
        (there / "deep" / name).unlink()
    assert {path.name: path.read_text() for path in uploads.files_in(held)} == {"first": "first", "second": "second"}
