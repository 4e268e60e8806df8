"""The simulated process: a timer of some steps, with a chosen duration and chance of failure."""

import random

from django.utils.translation import gettext as _
from pydantic import BaseModel, ConfigDict, Field

from notifications.jobs.context import JobContext
from notifications.jobs.registry import JobError, handler

MAX_LOG_LINES = 100


class SimulatedParams(BaseModel):
    model_config = ConfigDict(extra="forbid")

    steps: int = Field(20, ge=1, le=10_000)
    seconds: float = Field(10.0, ge=0, le=3_600, allow_inf_nan=False)
    fail_chance: float = Field(0.0, ge=0, le=1, allow_inf_nan=False)


@handler("simulated", params=SimulatedParams)
def simulated(context: JobContext, params: SimulatedParams) -> None:
    """Checkpoint: `{"step": 7, "fails_at": 12}`; the step to fail at is drawn once, 0 for none."""
    checkpoint = context.checkpoint or {"step": 0, "fails_at": _draw(params)}
    first, fails_at = checkpoint["step"] + 1, checkpoint["fails_at"]
    context.progress(first - 1, params.steps, checkpoint=checkpoint)
    for step in range(first, params.steps + 1):
        context.wait(params.seconds / params.steps)
        if step == fails_at:
            raise JobError(_("Step %(step)s of %(steps)s failed, as it was to.") % _counts(step, params))
        text = _("Step %(step)s of %(steps)s") % _counts(step, params)
        if step % -(-params.steps // MAX_LOG_LINES) == 0:
            context.log(text)
        context.progress(step, step=text, checkpoint={"step": step, "fails_at": fails_at})


def _draw(params: SimulatedParams) -> int:
    return random.randint(1, params.steps) if random.random() < params.fail_chance else 0


def _counts(step: int, params: SimulatedParams) -> dict[str, int]:
    return {"step": step, "steps": params.steps}
