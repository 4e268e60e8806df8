"""How far it is, on a terminal; nothing at all where nobody looks."""

import time
from typing import TextIO

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

UPDATE_SECONDS = 0.2
CLEAR_LINE = "\r\x1b[K"


class Progress:
    """One line that is written over: `Writing the archive: 42% (3.1 MB)`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shows = stream.isatty()
        self._shown_at = 0.0
        self.begin("", 0)

    def begin(self, what: str, total: int) -> None:
        """A new part of the work, of `total` bytes; 0 where nobody can tell."""
        self._what, self._total, self._done = what, total, 0
        self._shown_at = 0.0

    def add(self, count: int) -> None:
        self._done += count
        if self._shows and time.monotonic() - self._shown_at >= UPDATE_SECONDS:
            self._shown_at = time.monotonic()
            self._stream.write(CLEAR_LINE + self._line())
            self._stream.flush()

    def end(self) -> None:
        if self._shows:
            self._stream.write(CLEAR_LINE)
            self._stream.flush()

    def _line(self) -> str:
        size = filesizeformat(self._done)
        if not self._total:
            return f"{self._what}: {size}"
        percent = min(100, 100 * self._done // self._total)
        return _("%(what)s: %(percent)d%% (%(size)s)") % {"what": self._what, "percent": percent, "size": size}
