"""How fast a job advances."""

import math
from datetime import datetime
from typing import Any

from notifications.models import Job

SMOOTHING_SECONDS = 10.0


def advanced(job: Job, done: int, now: datetime) -> dict[str, Any]:
    """The columns that change when `done` units are done by `now`.

    The rate is smoothed over the last seconds, by how long each advance took, so that
    many small ones weigh as much as a big one.
    """
    if done == job.done:
        return {}
    changes: dict[str, Any] = {"done": done, "progressed_at": now}
    if done < job.done or job.progressed_at is None:
        return changes | {"rate": None}
    seconds = (now - job.progressed_at).total_seconds()
    if seconds <= 0:
        return changes | {"progressed_at": job.progressed_at}
    rate = (done - job.done) / seconds
    if job.rate is not None:
        rate = job.rate + (rate - job.rate) * -math.expm1(-seconds / SMOOTHING_SECONDS)
    return changes | {"rate": rate}
