"""A serving process dies with its sockets: how long until everybody is back at the head of their rooms?"""

import asyncio
import math
import time

from tests.load.client import Client
from tests.load.figures import Goal, Outcome, Watch, percentile
from tests.load.stage import Stage, set_up
from tests.load.talk import Crowd, at_same_heads

ROOMS = 20
ROOMS_EACH = 2
HISTORY = 50
SPEAKERS, POSTS_PER_SECOND = 20, 10.0
WARM_UP_SECONDS, NOTICE_SECONDS, AFTERWARDS_SECONDS = 5, 1, 3
GOAL_SECONDS, GIVE_UP_SECONDS = 15, 120
LOOK_SECONDS = 0.05
HEADER = (
    "sockets",
    "dropped",
    "server away",
    "tries refused",
    "half back",
    "99 % back",
    "all back",
    "servers' CPU",
    "memory's peak",
    "our share of a core",
)


async def run(sockets: int) -> Outcome:
    with set_up(sockets, ROOMS, HISTORY) as stage:
        rooms = [[stage.rooms[(n + step) % ROOMS] for step in range(ROOMS_EACH)] for n in range(sockets)]
        crowd = Crowd(stage.site.port, stage.keys, rooms)
        await crowd.enter()
        with crowd.talking(crowd.members[:SPEAKERS], POSTS_PER_SECOND):
            await asyncio.sleep(WARM_UP_SECONDS)
            async with Watch(stage.resident) as watch:
                used = stage.cpu()
                away, seconds = await kill_and_wait(stage, crowd.members)
                cpu = sum(now - used.get(pid, 0) for pid, now in stage.cpu().items())
            await asyncio.sleep(AFTERWARDS_SECONDS)
        all_acknowledged = await crowd.acknowledged(GOAL_SECONDS)
        is_complete = await at_same_heads(crowd.members, GOAL_SECONDS)
        await crowd.leave()
    marks = [f"{percentile(seconds, share):.1f} s" for share in (0.5, 0.99, 1.0)]
    failures = sum(member.failures_ever for member in crowd.members)
    row = [
        sockets,
        len(seconds),
        f"{away:.1f} s",
        failures,
        *marks,
        f"{cpu:.1f} s",
        f"{watch.peak:.0f} MB",
        f"{watch.own_share:.2f}",
    ]
    return Outcome(HEADER, [row], goals(crowd.members, seconds, all_acknowledged, is_complete))


async def kill_and_wait(stage: Stage, members: list[Client]) -> tuple[float, list[float]]:
    """The seconds that nobody served; and for each that was dropped, from the kill until it was back.

    Infinity for those that never were.
    """
    drops = {member: len(member.closed_with) for member in members}
    away: list[float] = []
    killed_at = time.monotonic()
    killing = asyncio.create_task(asyncio.to_thread(stage.kill_one))
    killing.add_done_callback(lambda _task: away.append(time.monotonic() - killed_at))
    await asyncio.sleep(NOTICE_SECONDS)
    while not killing.done() or any(member.back_at is None for member in members):
        if time.monotonic() > killed_at + GIVE_UP_SECONDS:
            break
        await asyncio.sleep(LOOK_SECONDS)
    await killing
    dropped = [member for member in members if len(member.closed_with) > drops[member]]
    return away[0], [(member.back_at or math.inf) - killed_at for member in dropped]


def goals(members: list[Client], seconds: list[float], all_acknowledged: bool, is_complete: bool) -> list[Goal]:
    refused = [error for member in members for error in member.refused]
    resets, holes = (sum(getattr(member, what) for member in members) for what in ("resets", "holes"))
    last = max(seconds, default=math.inf)
    return [
        Goal(f"back, subscribed and at the head after {last:.1f} s ≤ {GOAL_SECONDS} s", last <= GOAL_SECONDS),
        Goal(f"no command refused ({refused[:3]}), all posts acknowledged", not refused and all_acknowledged),
        Goal(
            f"resumed from their cursors: {resets} resets; in the end all have everything", not resets and is_complete
        ),
        Goal(f"no hole was seen ({holes})", not holes),
    ]
