"""The load generator, compiled once."""

from pathlib import Path

import pytest

from bench.workshop import MissingError, Workshop


@pytest.fixture(scope="session")
def load(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return Workshop(tmp_path_factory.mktemp("bench")).load
    except MissingError as problem:
        pytest.skip(str(problem))
