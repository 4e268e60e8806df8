"""Pages render here without collected static files."""

import pytest

from chatsite.templatetags import look


@pytest.fixture(autouse=True)
def no_preloads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hints to load modules early are read from the collected files."""
    monkeypatch.setattr(look, "module_parts", lambda name: ())
