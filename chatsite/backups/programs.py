"""PostgreSQL's own programs: found, fitting the server, and told where it is.

What they are told goes through the environment, never through arguments, which
everybody on the machine can read.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from django.utils.translation import gettext as _

from chatsite.backups import BackupError

USUAL_FOLDERS = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql@*/bin")
VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


def find(name: str, server_major: int) -> str:
    """The path of `pg_dump` or `pg_restore`: of the server's own version where there is one, else a newer one.

    Raises BackupError, which says what to install.
    """
    found: dict[int, str] = {}
    for path in _candidates(name):
        if version := _major_of(path):
            found.setdefault(version, path)
    if server_major in found:
        return found[server_major]
    if fitting := [version for version in found if version > server_major]:
        return found[min(fitting)]
    if found:
        problem = _("%(program)s is of PostgreSQL %(version)d, but the server is %(server)d.")
    else:
        problem = _("There is no %(program)s on this machine.")
    problem %= {"program": name, "version": max(found, default=0), "server": server_major}
    remedy = _("Install postgresql-client-%(server)d and try again.") % {"server": server_major}
    raise BackupError(f"{problem} {remedy}")


def _candidates(name: str) -> Iterator[str]:
    if path := shutil.which(name):
        yield path
    for pattern in USUAL_FOLDERS:
        yield from map(str, Path("/").glob(f"{pattern}/{name}"))


def _major_of(path: str) -> int | None:
    try:
        told = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    except OSError:
        return None
    match = VERSION.search(told)
    return int(match[1]) if match else None


def environment(parameters: dict[str, Any]) -> dict[str, str]:
    """The environment in which they connect as psycopg does with these parameters."""
    environ = dict(os.environ)
    for option in psycopg.pq.Conninfo.get_defaults():
        if option.envvar and (value := parameters.get(option.keyword.decode())) is not None:
            environ[option.envvar.decode()] = str(value)
    return environ
