"""What is needed besides the site: C programs, packages for Node and Python. Made once, kept in VAR_DIR/bench."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

import dev

HERE = Path(__file__).resolve().parent
PEERS = HERE / "peers"
LOCK = HERE / "requirements.txt"


class MissingError(RuntimeError):
    """Something that this machine doesn't have; the text says what to install."""


class Workshop:
    """Each property makes what it names, where it isn't there yet, or raises `MissingError`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def load(self) -> Path:
        """The load generator."""
        return self._compiled("load", sorted((HERE / "load").glob("*.[ch]")))

    @cached_property
    def limit(self) -> Path:
        """The bare server."""
        return self._compiled("limit", [PEERS / "limit.c"])

    @cached_property
    def node(self) -> Path:
        """A folder with the peers in JavaScript and their packages."""
        if not (shutil.which("node") and shutil.which("npm")):
            raise MissingError("no Node: apt-get install nodejs npm")
        names = ("package.json", "package-lock.json", ".npmrc")
        return self._made("node", [*(PEERS / name for name in names), *PEERS.glob("*.js")], self._install_for_node)

    @cached_property
    def python(self) -> Path:
        """A folder for PYTHONPATH."""
        return self._made("python", [LOCK], self._install_for_python)

    def _compiled(self, name: str, sources: Sequence[Path]) -> Path:
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if compiler is None:
            raise MissingError("no C compiler for the load generator: apt-get install gcc libc6-dev")
        files = [source for source in sources if source.suffix == ".c"]
        command: list[str | Path] = [compiler, "-O2", "-Wall", "-Wextra", *files]
        folder = self._made(name, sources, lambda folder: self._run([*command, "-o", folder / name]))
        return folder / name

    def _install_for_node(self, folder: Path) -> None:
        self._run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", folder])

    def _install_for_python(self, folder: Path) -> None:
        options: list[str | Path] = ["--require-hashes", "--only-binary", ":all:", "--target", folder, "-r", LOCK]
        try:
            self._run([*dev.find_installer(), *options])
        except dev.Stop as problem:
            raise MissingError(str(problem)) from None

    def _made(self, name: str, sources: Sequence[Path], make: Callable[[Path], None]) -> Path:
        """A folder that starts with the sources and is made anew when they have changed."""
        folder, stamp = self.folder / name, self.folder / name / ".made-of"
        state = dev.digest(sources, sys.version)
        if not (stamp.exists() and stamp.read_text() == state):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            for source in sources:
                shutil.copy(source, folder)
            make(folder)
            stamp.write_text(state)
        return folder

    def _run(self, command: Sequence[str | Path]) -> None:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            log = self.folder / "log"
            log.write_text(done.stdout)
            lines = done.stdout.strip().splitlines() or [""]
            raise MissingError(f"{Path(command[0]).name} failed: {lines[-1]} (all of it in {log})")
