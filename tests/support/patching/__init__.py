"""Patches for the real server: faults and breakages that the product itself must not have.

`manage.py serve` and the processes that it starts are patched by their environment:

    site = make_site(workers=2, **patched("tests.faults.mutants.breakages:no_reconcile", switches=folder))

`patched` puts `on_path/` on PYTHONPATH, so that each interpreter runs its `sitecustomize`
(and then whichever would have run without it). That waits for a module to be imported
and then calls the functions named in CHAT_TEST_PATCH, which take no arguments and replace
what they like. A patch is `dotted.module:function`, or `dotted.module:function@module` to be
called after that module instead of `chatsite.asgi`; by then Django is set up and nothing is
served yet, so patches may import all of the product but the command `serve`, which comes
later. What others took with `from x import y` has to be replaced where they keep it.
A patch that fails stops the start; one that was applied says so in the site's log.

What a patch does may depend on switches, files in a folder that test and processes share.
The test holds a `Switches` of that folder; patches ask at each call, which costs a few µs:

    switches.set("lose-push")                  # in the test; or set("clock", "2.5", pid=worker)
    if (seconds := value("clock")): …          # in a patch: its text while it is on, else None
    if take("lose-push") is not None: …        # in a patch: as `value`, and it is off then; one process gets it
    switches.is_set("lose-push")               # in the test: not yet taken
"""

import importlib
import importlib.machinery
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType

PATCHES = "CHAT_TEST_PATCH"
SWITCHES = "CHAT_TEST_SWITCHES"
ON_PATH = Path(__file__).parent / "on_path"
ROOT = Path(__file__).resolve().parent.parent.parent.parent
DEFAULT_MOMENT = "chatsite.asgi"


# --- For tests --------------------------------------------------------------


def patched(*patches: str, switches: Path | None = None) -> dict[str, str]:
    """The variables that have a process and its children patched."""
    path = [str(ON_PATH), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    found = {"PYTHONPATH": os.pathsep.join(path), PATCHES: ",".join(patches)}
    return found if switches is None else found | {SWITCHES: str(switches)}


class Switches:
    """A folder of switches; each concerns all processes, or one where its pid is given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def set(self, name: str, text: str = "", pid: int | None = None) -> None:
        path = self._path(name, pid)
        new = path.with_name(f".{path.name}")
        new.write_text(text)
        new.rename(path)

    def clear(self, name: str, pid: int | None = None) -> None:
        self._path(name, pid).unlink(missing_ok=True)

    def is_set(self, name: str, pid: int | None = None) -> bool:
        return self._path(name, pid).exists()

    def _path(self, name: str, pid: int | None) -> Path:
        return self.folder / (name if pid is None else f"{name}.{pid}")


# --- For patches ------------------------------------------------------------


def value(name: str) -> str | None:
    """The text of a switch while it is on, this process's own before everybody's."""
    for path in _switch_files(name):
        with suppress(FileNotFoundError):
            return Path(path).read_text()
    return None


def take(name: str) -> str | None:
    """As `value`, turning it off; of several processes one gets it."""
    for path in _switch_files(name):
        mine = f"{path}.taken-by-{os.getpid()}"
        with suppress(FileNotFoundError):
            Path(path).rename(mine)
            text = Path(mine).read_text()
            Path(mine).unlink()
            return text
    return None


def _switch_files(name: str) -> tuple[str, str]:
    everybody = f"{os.environ[SWITCHES]}/{name}"
    return f"{everybody}.{os.getpid()}", everybody


# --- In the patched process -------------------------------------------------


def install() -> None:
    """Has the patches of CHAT_TEST_PATCH called when their moments come. Called by `sitecustomize`."""
    due: dict[str, list[str]] = {}
    for patch in filter(None, os.environ.get(PATCHES, "").split(",")):
        name, _, moment = patch.partition("@")
        due.setdefault(moment or DEFAULT_MOMENT, []).append(name)
    if due:
        sys.meta_path.insert(0, AfterImport(due))


class AfterImport(importlib.machinery.PathFinder):
    """Finds what the path finder finds, and calls patches after the modules that they wait for."""

    def __init__(self, due: dict[str, list[str]]) -> None:
        self.due = due

    def find_spec(  # type: ignore[override] # the base has class methods; an importer may be an instance as well
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in self.due:
            return None
        spec = super().find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader.exec_module = self._then_patch(fullname, spec.loader.exec_module)  # type: ignore[method-assign, assignment]
        return spec

    def _then_patch(self, name: str, load: Callable[[ModuleType], None]) -> Callable[[ModuleType], None]:
        def exec_module(module: ModuleType) -> None:
            load(module)
            for patch in self.due.pop(name, []):
                apply(patch)

        return exec_module


def apply(patch: str) -> None:
    module, _, function = patch.partition(":")
    getattr(importlib.import_module(module), function)()
    sys.stderr.write(f"Patched in process {os.getpid()}: {patch}\n")
    sys.stderr.flush()
