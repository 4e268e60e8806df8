import pytest

from chatsite.templatetags import look


@pytest.fixture(autouse=True)
def no_preloading(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hints to preload modules are read from collected files, which these tests do without."""
    monkeypatch.setattr(look, "module_parts", lambda name: ())
