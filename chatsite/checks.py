"""Settings that would be unsafe where strangers can reach the site: then it does not start.

`manage.py check` reports them as errors; `refuse_unsafe` stops the server with one line.
"""

import sys
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from chatsite.env import SECRET_MIN_CHARACTERS, is_loopback

IDS = {"DEBUG": "chatsite.E001", "SECRET_KEY": "chatsite.E002", "RATE_LIMITS": "chatsite.E003"}


@register(Tags.security)
def unsafe_settings(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    return [Error(f"{name}: {problem}", id=IDS[name]) for name, problem in problems()]


def refuse_unsafe() -> None:
    """Ends the process where a setting is unsafe, with one line that names the variable."""
    for name, problem in problems():
        sys.exit(f"{name}: {problem}")


def problems() -> Iterator[tuple[str, str]]:
    """Pairs of variable and what is wrong with it."""
    beyond = _reach_beyond_loopback()
    if settings.DEBUG and beyond:
        yield "DEBUG", f"on shows the site's insides to whoever causes an error, and {beyond}; switch it off"
    if settings.IS_PRODUCTION and len(settings.SECRET_KEY) < SECRET_MIN_CHARACTERS:
        yield "SECRET_KEY", f"must have at least {SECRET_MIN_CHARACTERS} characters, not {len(settings.SECRET_KEY)}"
    if not settings.RATE_LIMITS and beyond:
        yield "RATE_LIMITS", f"off is for measurements on this machine only, and {beyond}"


def _reach_beyond_loopback() -> str:
    """Which variable lets other machines in, in words; empty where none does."""
    if not is_loopback(settings.BIND):
        return f"BIND={settings.BIND} lets other machines in"
    if settings.IS_PRODUCTION:
        return f"ALLOWED_HOSTS={','.join(settings.ALLOWED_HOSTS)} is for other machines"
    return ""
