"""PostgreSQL: `pg_dump` of an exported snapshot, and back within one transaction.

`pg_restore` only turns the dump into a script here; Django's own connection plays it,
so that emptying, restoring, bringing up to date and the new epoch are one commit.
"""

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any

import psycopg
from django.db import connection
from django.utils.translation import gettext as _

from chatsite.backups import BackupError, programs, uploads
from chatsite.backups.archive import ArchiveWriter, Count

LOCK_TIMEOUT = "20s"

# The tables, views and so on of our schema that belong to no extension
EMPTY = """
DO $$ DECLARE item record; BEGIN
    FOR item IN
        SELECT format('%I.%I', n.nspname, c.relname) AS name,
            CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END AS kind
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'v', 'm')
            AND NOT EXISTS (
                SELECT FROM pg_depend d
                WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
            )
    LOOP EXECUTE 'DROP ' || item.kind || ' IF EXISTS ' || item.name || ' CASCADE'; END LOOP;
END $$
"""


def parameters() -> dict[str, Any]:
    """What psycopg connects with: DATABASE_URL without what is Django's own."""
    settings = connection.settings_dict
    named = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    given = {name: settings[key] for name, key in named.items() if settings.get(key)}
    keywords = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
    return {name: value for name, value in settings["OPTIONS"].items() if name in keywords} | given


@contextmanager
def connected() -> Iterator[psycopg.Connection]:
    """A connection of our own, beside Django's; each statement commits unless it begins a transaction."""
    with closing(psycopg.connect(**parameters(), autocommit=True)) as own:
        yield own


@contextmanager
def snapshot(in_the_moment: Callable[[], None]) -> Iterator[tuple[psycopg.Connection, str]]:
    """A connection that sees the database at one moment, in which nobody commits names of uploads; and its name."""
    with connected() as guard, connected() as source:
        guard.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'".encode())
        guard.execute("BEGIN")
        for table in uploads.tables():
            guard.execute(psycopg.sql.SQL("LOCK TABLE {} IN SHARE MODE").format(psycopg.sql.Identifier(table)))
        in_the_moment()
        source.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        exported = source.execute("SELECT pg_export_snapshot()").fetchone()
        guard.execute("ROLLBACK")
        yield source, exported[0] if exported else ""


def dump(source: psycopg.Connection, name: str, archive: ArchiveWriter, entry: str, count: Count) -> None:
    """Streams `pg_dump` of an exported snapshot into an archive. It compresses by itself."""
    program = programs.find("pg_dump", source.info.server_version // 10_000)
    command = [program, "--format=custom", "--no-owner", "--no-privileges", "--no-password", f"--snapshot={name}"]
    with _running(command) as output:
        archive.add(entry, output, count, compress=False)


def others_connected() -> int:
    """How many connections others have to the database."""
    question = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    with connected() as own:
        row = own.execute(question).fetchone()
    return int(row[0]) if row else 0


def play(dump: Path, count: Count) -> None:
    """Puts a dump in place of all that there is. To be called within a transaction."""
    connection.ensure_connection()
    session: psycopg.Connection = connection.connection
    session.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'".encode())
    ((schema,),) = session.execute("SELECT current_schema()").fetchall()
    known = {f"SET {name} = ".encode() for (name,) in session.execute("SELECT name FROM pg_settings")}
    session.execute(EMPTY.encode())
    program = programs.find("pg_restore", session.info.server_version // 10_000)
    command = [program, "--file=-", "--clean", "--if-exists", "--no-owner", "--no-privileges", f"--schema={schema}"]
    with _running([*command, str(dump)]) as script:
        _play_script(session, script, known, count)
    session.execute("RESET search_path")  # the script empties it
    if not session.execute("SELECT FROM pg_tables WHERE tablename = 'django_migrations'").fetchall():
        raise BackupError(_("There is no site in that backup."))


def _play_script(session: psycopg.Connection, script: IO[bytes], known: set[bytes], count: Count) -> None:
    """Executes what stands between blocks of `COPY … FROM stdin;` at once, and streams those."""
    statements: list[bytes] = []
    for line in script:
        count(len(line))
        if line.startswith(b"COPY ") and line.endswith(b" FROM stdin;\n"):
            session.execute(b"".join(statements))
            statements.clear()
            with session.cursor().copy(line) as block:
                while (row := script.readline()) != b"\\.\n":
                    block.write(row)
                    count(len(row))
        elif not _is_for_others(line, known):
            statements.append(line)
    session.execute(b"".join(statements))


def _is_for_others(line: bytes, known: set[bytes]) -> bool:
    """Lines for psql, and settings that only newer servers have."""
    if line.startswith(b"SET ") and b" = " in line:
        return line.partition(b" = ")[0] + b" = " not in known
    return line.startswith((b"\\restrict ", b"\\unrestrict "))


@contextmanager
def _running(command: list[str]) -> Iterator[IO[bytes]]:
    """A program's output, to be read to its end. Raises BackupError with its own words where it fails."""
    environ = programs.environment(parameters())
    with tempfile.TemporaryFile() as words:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=words, env=environ)  # noqa: S603
        try:
            assert process.stdout is not None
            yield process.stdout
            process.wait()
        finally:
            process.kill()
            process.wait()
        if process.returncode:
            words.seek(0)
            said = words.read().decode(errors="replace").strip()
            raise BackupError(_("%(program)s failed: %(problem)s") % {"program": command[0], "problem": said})
