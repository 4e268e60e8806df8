"""Run by each interpreter that has this folder on its path, before anything else; see `tests.support.patching`."""

import importlib.util
import sys
from importlib.machinery import PathFinder
from pathlib import Path

from tests.support import patching

if theirs := PathFinder.find_spec("sitecustomize", [path for path in sys.path if Path(path) != patching.ON_PATH]):
    assert theirs.loader is not None
    theirs.loader.exec_module(importlib.util.module_from_spec(theirs))

patching.install()
