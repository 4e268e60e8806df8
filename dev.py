#!/usr/bin/env python3
"""From a bare clone to the running site, or to the whole suite of tests.

    python3 dev.py run [--workers N]      set up what is missing, then serve
    python3 dev.py test [for pytest …]    all checks and tests; the rest goes to pytest
    python3 dev.py faults --minutes M --seed S [--stack sqlite|pg]
                                          break the site on purpose and check what it promises
    python3 dev.py bench [--quick] [--only WORK,…] [--servers NAME,…] [--write]
                                          measure the site beside others

Standard library only, because it runs before anything is installed.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
RUNTIME_LOCK, DEV_LOCK = ROOT / "requirements.txt", ROOT / "requirements-dev.txt"
STARTED = time.monotonic()


class Stop(Exception):  # noqa: N818 - not a fault of this program
    """Why it can't go on, in one line."""


def main() -> None:
    os.chdir(ROOT)
    commands = {"run": run, "test": test, "faults": faults, "bench": bench}
    name, arguments = (sys.argv[1] if sys.argv[1:] else ""), sys.argv[2:]
    if name not in commands:
        sys.exit((__doc__ or "").strip())
    try:
        commands[name](arguments)
    except Stop as problem:
        sys.exit(f"dev.py: {problem}")
    except KeyboardInterrupt:
        sys.exit(130)


# --- run --------------------------------------------------------------------


def run(arguments: list[str]) -> None:
    var, url = check_environment()
    install(RUNTIME_LOCK)
    site = Site(var)
    site.migrate()
    site.compile_translations()
    site.collect_static_files()
    if password := site.demo_password():
        say(f"Demo: sign in at {url} as alice, bob or charlie, password {password}")
    say("Starting the server")
    os.execv(PYTHON, [str(PYTHON), "manage.py", "serve", *arguments])  # noqa: S606


def check_environment() -> tuple[Path, str]:
    """The folder to write to and the site's address; stops where they can't be used."""
    from chatsite.env import Env, EnvError

    env = Env(ROOT)
    try:
        var, address, port = env.var_dir(), env.address(), env.port()
    except EnvError as error:
        raise Stop(str(error)) from None
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        socket.create_server((address, port), family=family).close()
    except OSError as error:
        problem = os.strerror(error.errno or 0)
        raise Stop(f"PORT: {port} on {address} can't be used: {problem}. Choose another: PORT=…") from None
    return var, f"http://[{address}]:{port}/" if ":" in address else f"http://{address}:{port}/"


class Site:
    """The steps between an installed project and a served one, each done only where it is due."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.sqlite = None if os.environ.get("DATABASE_URL") else var / "db.sqlite3"
        (var / "dev").mkdir(exist_ok=True)

    def migrate(self) -> None:
        sources = [RUNTIME_LOCK, *ROOT.glob("*/migrations/*.py"), *ROOT.glob("*/*/migrations/*.py")]
        if self.sqlite is None or not self.is_done("migrate", digest(sources, self.database())):
            say("Bringing the database up to date")
            self.manage("migrate", "--no-input", "--verbosity=0")
            self.mark_done("migrate", digest(sources, self.database()))

    def database(self) -> str:
        """Which database it is: another file at the same place is another one."""
        if self.sqlite is None:
            return os.environ["DATABASE_URL"]
        return str(self.sqlite.stat().st_ino) if self.sqlite.exists() else ""

    def compile_translations(self) -> None:
        sources = ROOT.glob("locale/*/LC_MESSAGES/*.po")
        compiled = {source: source.with_suffix(".mo") for source in sources}
        if any(not mo.exists() or mo.stat().st_mtime < po.stat().st_mtime for po, mo in compiled.items()):
            say("Compiling translations")
            self.manage("compile_translations")

    def collect_static_files(self) -> None:
        found = (path for path in ROOT.glob("*/static/**/*") if path.is_file())
        sources = [path for path in found if not path.is_relative_to(self.var)]  # what was collected lies in var/static
        state = digest([RUNTIME_LOCK, *sources], os.environ.get("DEBUG", ""))
        if not (self.var / "static").exists() or not self.is_done("static", state):
            say("Collecting static files")
            self.manage("collectstatic", "--no-input", "--verbosity=0")
            self.mark_done("static", state)

    def demo_password(self) -> str | None:
        """The demo people's password, having made them in a database that knew nobody; None where there are none.

        A site beyond this machine gets no people with a known password.
        """
        kept, state = self.var / "demo_password", digest([], self.database())
        if not self.is_done("demo", state):
            if os.environ.get("ALLOWED_HOSTS") or self.has_people():
                return None
            say("Making demo people, rooms and messages")
            kept.unlink(missing_ok=True)
            kept.touch(mode=0o600)
            kept.write_text(os.environ.get("DEMO_PASSWORD", "").strip() or secrets.token_urlsafe(9))
            self.manage("seed_demo", DEMO_PASSWORD=kept.read_text())
            self.mark_done("demo", state)
        return kept.read_text()

    def has_people(self) -> bool:
        question = "from accounts.models import User; print(User.objects.exists())"
        return self.manage("shell", "--no-imports", "--command", question).endswith("True")

    def manage(self, *arguments: str, **variables: str) -> str:
        return quietly([PYTHON, "manage.py", *arguments], self.var / "dev" / "log", {**os.environ, **variables})

    def is_done(self, step: str, state: str) -> bool:
        stamp = self.var / "dev" / step
        return stamp.exists() and stamp.read_text() == state

    def mark_done(self, step: str, state: str) -> None:
        (self.var / "dev" / step).write_text(state)


# --- test -------------------------------------------------------------------


def test(arguments: list[str]) -> None:
    install(RUNTIME_LOCK)
    install(DEV_LOCK)
    say("Starting the checks and tests")
    os.execv(PYTHON, [str(PYTHON), "-m", "tests.suite", *arguments])  # noqa: S606


# --- faults -----------------------------------------------------------------


def faults(arguments: list[str]) -> None:
    install(RUNTIME_LOCK)
    install(DEV_LOCK)
    os.execv(PYTHON, [str(PYTHON), "-m", "tests.faults", *arguments])  # noqa: S606


# --- bench ------------------------------------------------------------------


def bench(arguments: list[str]) -> None:
    install(RUNTIME_LOCK)
    install(DEV_LOCK)
    os.execv(PYTHON, [str(PYTHON), "-m", "bench", *arguments])  # noqa: S606


# --- All ----------------------------------------------------------------------


def install(lock: Path) -> None:
    """Puts a lock's packages into .venv, unless the very same are there."""
    same_python: list[str | Path] = [PYTHON, "-c", f"import sys; sys.exit(sys.version != {sys.version!r})"]
    if not starts(same_python):
        say("Making .venv")
        try:
            venv.create(VENV, clear=True, symlinks=True)
        except OSError as error:
            raise Stop(f"{VENV} can't be made: {error}") from None
    stamp, state = VENV / f".{lock.name}", digest([lock])
    if stamp.exists() and stamp.read_text() == state:
        return
    installer = find_installer()
    say(f"Installing the packages of {lock.name} with {Path(installer[0]).name}")
    quietly([*installer, "--require-hashes", "--only-binary", ":all:", "-r", lock], VENV / "install.log")
    stamp.write_text(state)


def find_installer() -> list[str | Path]:
    uv = shutil.which("uv")
    if uv and starts([uv, "--version"]):
        return [uv, "pip", "install", "--quiet", "--python", PYTHON]
    if not starts([PYTHON, "-m", "pip", "--version"]) and not starts([PYTHON, "-m", "ensurepip"]):
        raise Stop("Python lacks its venv module: apt-get install python3-venv")
    return [VENV / "bin" / "pip3", "install", "--quiet", "--disable-pip-version-check", "--no-input"]


def quietly(command: Sequence[str | Path], log: Path, env: dict[str, str] | None = None) -> str:
    """Runs a step and returns what it printed; should it fail, stops with its last line."""
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    lines = done.stdout.strip().splitlines() or [""]
    if done.returncode:
        log.write_text(done.stdout)
        shown = " ".join(Path(part).name for part in map(str, command[:4]))
        raise Stop(lines[0] if len(lines) == 1 else f"{shown} failed: {lines[-1]} (all of it in {log})")
    return lines[-1]


def starts(command: Sequence[str | Path]) -> bool:
    """Whether a program runs and ends well."""
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def digest(files: Iterable[Path], *words: str) -> str:
    found = hashlib.sha256("\0".join(words).encode())
    for path in sorted(files):
        found.update(f"\0{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return found.hexdigest()


def say(text: str) -> None:
    print(f"[{time.monotonic() - STARTED:5.1f} s] {text}", flush=True)


if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036 - said in words to those who have an older one
        sys.exit("dev.py: Python 3.11 or newer is needed, this is " + sys.version.split()[0])
    main()
