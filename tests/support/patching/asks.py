"""A patch that shows patching at work: the site answers what its switches say."""

import os

from tests.support.patching import take, value
from tests.support.patching.answers import answer


def answer_switches() -> None:
    """GET /switches → `{"pid", "standing": text or null, "once": text or null}`; "once" is taken."""
    answer("/switches", lambda _: {"pid": os.getpid(), "standing": value("standing"), "once": take("once")})


def fail() -> None:
    raise RuntimeError("this patch does not fit")
