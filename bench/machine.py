"""Where and with what it was measured."""

import importlib.metadata
import json
import os
import platform
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bench.workshop import HERE, LOCK, PEERS
from tests.support import servers


def description(folder: Path) -> str:
    """`folder`: where the databases were."""
    model = re.search(r"^model name\s*: (.*)", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    cpu = model[1] if model else platform.machine()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    machine = f"{cpu}, {os.cpu_count()} cores, {memory:.0f} GB, Linux {platform.release()}"
    return "\n".join(
        [
            f"- {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, at {commit()}",
            f"- {machine}, files on {filesystem(folder)}",
            f"- {', '.join(f'{name} {version}' for name, version in versions().items() if version)}",
        ]
    )


def commit() -> str:
    said = output("git", "describe", "--always", "--dirty", "--exclude=*")
    return f"commit {said}" if said else "no commit"


def filesystem(folder: Path) -> str:
    return output("df", "--output=fstype", str(folder)).rpartition("\n")[2] or "an unknown file system"


def versions() -> dict[str, str]:
    found = {"Python": platform.python_version(), "SQLite": sqlite3.sqlite_version}
    found["PostgreSQL"] = version_of(lambda: servers.postgres_programs() / "postgres")
    found["Redis or Valkey"] = version_of(servers.redis_program)
    for package in ("daphne", "channels", "channels-redis"):
        found[package] = importlib.metadata.version(package)
    if node := shutil.which("node"):
        found["Node"] = version_of(lambda: node)
        found |= json.loads((PEERS / "package.json").read_text())["dependencies"]
    found |= dict(re.findall(r"^(python-socketio|uvicorn|uvloop)==([^ ]+)", LOCK.read_text(), re.MULTILINE))
    return found


def version_of(find: Callable[[], str | Path]) -> str:
    """The first number that a program says of itself; nothing where there is none."""
    try:
        said = re.search(r"\d+(\.\d+)+", output(str(find()), "--version"))
    except servers.MissingError:
        return ""
    return said[0] if said else ""


def output(*command: str) -> str:
    try:
        return subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""
