"""What is in a site, and how tests put something there."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from tests.support import stack
from tests.support.sites import ROOT, Site


class Contents(NamedTuple):
    """All that makes a site: its rows by table, without the epoch, and its files."""

    tables: dict[str, list[tuple[Any, ...]]]
    uploads: dict[str, bytes]
    secret_key: bytes


def contents(site: Site) -> Contents:
    uploads = site.var / "uploads"
    files = {str(path.relative_to(uploads)): path.read_bytes() for path in uploads.rglob("*") if path.is_file()}
    tables = _of_sqlite(site) if stack.STACK == "sqlite" else _of_postgres(site)
    tables.pop("realtime_deployment")
    numbers = tables.get("sqlite_sequence", [])
    tables["sqlite_sequence"] = [row for row in numbers if row[0] != "realtime_deployment"]
    return Contents(tables, files, (site.var / "secret_key").read_bytes())


def _of_sqlite(site: Site) -> dict[str, list[tuple[Any, ...]]]:
    with closing(sqlite3.connect(site.var / "db.sqlite3")) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: sorted(database.execute(f'SELECT * FROM "{name}"'), key=repr) for name in names}


def _of_postgres(site: Site) -> dict[str, list[tuple[Any, ...]]]:
    with psycopg.connect(site.environ["DATABASE_URL"]) as database:
        names = [name for (name,) in database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        sequences = database.execute("SELECT sequencename, last_value FROM pg_sequences").fetchall()
        rows = {name: sorted(database.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr) for name in names}
        return rows | {"sequences": sorted(sequences)}


def epoch_of(site: Site) -> str | None:
    """None where nobody has asked for it yet."""
    return next((epoch for (epoch,) in site.rows("SELECT epoch FROM realtime_deployment")), None)


def give_picture(site: Site, name: str, content: bytes) -> Path:
    """An upload of somebody's, as `accounts.avatars` keeps them."""
    path = site.var / "uploads" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def say(site: Site, *bodies: str) -> list[dict[str, Any]]:
    """Alice posts these, one after the other."""
    path = f"/api/rooms/{site.room['id']}/messages"
    return [site.call("POST", path, site.people["alice"], {"body": body})[1] for body in bodies]


def history(site: Site) -> list[str]:
    _, page = site.call("GET", f"/api/rooms/{site.room['id']}/messages?limit=100", site.people["alice"])
    return [message["body"] for message in page["messages"]]


def run(site: Site, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """`manage.py …` on a site's data, however it ends; nobody sits at its terminal."""
    return run_python(site, "manage.py", *arguments)


def run_python(site: Site, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=site.environ,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def refusal(site: Site, *arguments: str) -> str:
    """What a command says that ends with 1, in words and not with a traceback."""
    done = run(site, *arguments)
    assert done.returncode == 1, done
    assert "Traceback" not in done.stderr, done.stderr
    return done.stderr


def execute(site: Site, statement: str) -> None:
    """Changes a site's database behind its back."""
    if stack.STACK == "sqlite":
        with closing(sqlite3.connect(site.var / "db.sqlite3", isolation_level=None)) as database:
            database.execute(statement)
    else:
        with psycopg.connect(site.environ["DATABASE_URL"], autocommit=True) as database:
            database.execute(statement.encode())
