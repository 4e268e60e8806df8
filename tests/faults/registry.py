"""The faults there are: by name, each with the stacks that it applies to."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import ClassVar

from tests.faults.crowd import Crowd
from tests.faults.eras import Eras
from tests.faults.load import Load
from tests.faults.proxy import Proxy
from tests.faults.stage import Stage
from tests.faults.verdict import Verdict

BOTH = frozenset({"sqlite", "pg"})


@dataclass
class Context:
    """What a fault may use; all its choices come from `rng`.

    `short` asks for the short form, for runs of a minute. `verdict` takes what the fault itself
    sees broken, `notes` what it measured, by name.
    """

    stage: Stage
    proxy: Proxy
    crowd: Crowd
    load: Load
    rng: random.Random
    short: bool
    verdict: Verdict
    eras: Eras
    notes: dict[str, float] = field(default_factory=dict)

    def seconds(self, least: float, most: float, short: float) -> float:
        """How long something lasts: drawn from a range, or the short form."""
        return short if self.short else self.rng.uniform(least, most)

    async def wait(self, least: float, most: float, short: float) -> None:
        await asyncio.sleep(self.seconds(least, most, short))

    async def in_thread(self, function: Callable[..., object], *arguments: object) -> None:
        await asyncio.to_thread(function, *arguments)


Inject = Callable[[Context], Awaitable[None]]


@dataclass(frozen=True)
class Fault:
    """`inject` injects, heals and returns. It may raise `NotHereError` where this machine can't."""

    name: str
    stacks: frozenset[str]
    inject: Inject
    essential: bool  # part of the shortest run

    known: ClassVar[dict[str, "Fault"]] = {}


class NotHereError(Exception):
    """This machine does not allow the fault; the text says why."""


def fault(*stacks: str, essential: bool = False) -> Callable[[Inject], Inject]:
    """Registers `async def some_name(context)` as the fault `some-name`."""

    def register(inject: Inject) -> Inject:
        name = inject.__name__.replace("_", "-")
        Fault.known[name] = Fault(name, frozenset(stacks) or BOTH, inject, essential)
        return inject

    return register
