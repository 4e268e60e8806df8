"""Settings that are refused where strangers reach the site."""

from typing import Any

import pytest

from chatsite import checks

SAFE = {
    "DEBUG": False,
    "BIND": "127.0.0.1",
    "ALLOWED_HOSTS": ["localhost", "127.0.0.1"],
    "IS_PRODUCTION": False,
    "SECRET_KEY": "k" * 50,
    "RATE_LIMITS": True,
}
PUBLIC = {"ALLOWED_HOSTS": ["chat.example.org"], "IS_PRODUCTION": True}


@pytest.fixture
def configure(settings: Any) -> Any:
    def configure(**changes: Any) -> None:
        for name, value in {**SAFE, **changes}.items():
            setattr(settings, name, value)

    return configure


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"DEBUG": True},
        {"RATE_LIMITS": False},
        {"SECRET_KEY": "short"},
        {"BIND": "::1", "DEBUG": True},
        PUBLIC,
        {**PUBLIC, "BIND": "0.0.0.0"},
    ],
)
def test_what_is_safe_starts(configure: Any, changes: dict[str, Any]) -> None:
    configure(**changes)
    assert checks.unsafe_settings(None) == []
    checks.refuse_unsafe()


@pytest.mark.parametrize(
    ("changes", "variable", "reason"),
    [
        ({"DEBUG": True, **PUBLIC}, "DEBUG", "ALLOWED_HOSTS=chat.example.org"),
        ({"DEBUG": True, "BIND": "0.0.0.0"}, "DEBUG", "BIND=0.0.0.0"),
        ({"SECRET_KEY": "k" * 31, **PUBLIC}, "SECRET_KEY", "at least 32 characters, not 31"),
        ({"RATE_LIMITS": False, **PUBLIC}, "RATE_LIMITS", "ALLOWED_HOSTS=chat.example.org"),
        ({"RATE_LIMITS": False, "BIND": "192.0.2.7"}, "RATE_LIMITS", "BIND=192.0.2.7"),
    ],
)
def test_what_is_unsafe_is_refused_in_one_line(
    configure: Any, changes: dict[str, Any], variable: str, reason: str
) -> None:
    configure(**changes)
    [error] = checks.unsafe_settings(None)
    assert error.is_serious()
    with pytest.raises(SystemExit) as refused:
        checks.refuse_unsafe()
    line = str(refused.value)
    assert line.startswith(f"{variable}: ")
    assert reason in line
    assert "\n" not in line
