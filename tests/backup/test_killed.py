"""A restore that is killed leaves the old site or the new one, and the next restore does all of it."""

import signal
from collections.abc import Callable
from pathlib import Path

from tests.backup.contents import Contents, contents, execute, give_picture, run_python
from tests.support.sites import Site

RESTORE = """
import os, signal, sys
import django
django.setup()
from django.core.management import call_command
from chatsite.backups import postgres, progress, sqlite, uploads
from chatsite.management.commands import restore

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

class UntilHalf(progress.Progress):
    def begin(self, what, total):
        super().begin(what, total)
        self.calls = 0
    def add(self, count):
        self.calls += 1
        if self._what == "Restoring the database" and self.calls == 8:
            die()

moment, file = sys.argv[1:]
sqlite.STEP_PAGES = 3
if moment == "before the database":
    sqlite.copy = postgres.play = die
elif moment == "half the database":
    restore.Progress = UntilHalf
elif moment == "before the uploads":
    uploads.settle = die
call_command("restore", file, yes=True)
"""


def test_it_leaves_one_of_them_whole(make_still_site: Callable[[], Site], file: Path) -> None:
    site, other = make_still_site(), make_still_site()
    execute(site, "UPDATE chat_room SET topic = 'new'")
    execute(other, "UPDATE chat_room SET topic = 'old'")
    give_picture(site, "avatars/1-00112233445566ff.webp", b"new")
    give_picture(other, "avatars/2-00112233445566ff.webp", b"old")
    site.manage("backup", str(file))
    new, old = contents(site), contents(other)

    for moment, left in ("before the database", old), ("half the database", old), ("before the uploads", new):
        assert run_python(other, "-c", RESTORE, moment, str(file)).returncode == -signal.SIGKILL
        assert_whole(contents(other), left)

    other.manage("restore", str(file), "--yes")
    assert contents(other) == new
    assert not [path.name for path in other.var.iterdir() if path.name.startswith(".")]


def assert_whole(found: Contents, site: Contents) -> None:
    """All of its rows and files; files that no row names may lie beside them."""
    assert found.tables == site.tables
    assert found.uploads.items() >= site.uploads.items()
    assert found.secret_key == site.secret_key
