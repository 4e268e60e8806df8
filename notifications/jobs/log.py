"""A job's log: pieces in rows, the last lines on the job itself."""

from typing import Any

from django.utils.translation import gettext as _

from notifications.models import Job, JobLog

MAX_LOG_CHARACTERS = 1_000_000
TAIL_CHARACTERS = 2_000
PAGE_CHARACTERS = 256_000


def append_log(job: Job, text: str) -> dict[str, Any]:
    """Keeps a piece of the log and returns the job's columns that change with it.

    In a transaction that holds the job's row. Past the limit a last line says so and
    nothing more is kept.
    """
    room = MAX_LOG_CHARACTERS - job.log_size
    if room <= 0 or not text:
        return {}
    if len(text) >= room:
        text = text[:room] + "\n" + _("The log is full. What follows is not kept.") + "\n"
    JobLog.objects.create(job=job, start=job.log_size, text=text)
    return {"log_size": job.log_size + len(text), "log_tail": _tail(job.log_tail + text)}


def _tail(text: str) -> str:
    """The last lines, from the beginning of one on."""
    if len(text) <= TAIL_CHARACTERS:
        return text
    tail = text[-TAIL_CHARACTERS:]
    _, newline, whole_lines = tail.partition("\n")
    return whole_lines if newline and whole_lines else tail


def read_log(job: Job, offset: int) -> tuple[str, int]:
    """The log from the character `offset` on, and the offset to go on from; a page at most."""
    before = JobLog.objects.filter(job=job, start__lte=offset).order_by("-start").values_list("start", flat=True)
    text = ""
    start = before.first() or 0
    for piece in JobLog.objects.filter(job=job, start__gte=start).order_by("start").iterator(chunk_size=100):
        text += piece.text[max(0, offset - piece.start) :]
        if len(text) >= PAGE_CHARACTERS:
            break
    return text[:PAGE_CHARACTERS], offset + len(text[:PAGE_CHARACTERS])
