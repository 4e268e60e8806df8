"""Every serving process is replaced while people talk: is any post refused, and how long does an answer take?"""

import asyncio
import time

from tests.load.figures import Goal, Outcome, Watch, ms, percentile
from tests.load.stage import set_up
from tests.load.talk import Crowd, at_same_heads

MEMBERS, SPEAKERS, POSTS_PER_SECOND = 60, 30, 30.0
ROOMS = 3
QUIET_SECONDS = 4  # before the first round and after each
MAX_ACK_P99_SECONDS, ACKNOWLEDGED_SECONDS = 2.0, 30
HEADER = (
    "rounds",
    "each took",
    "posts",
    "refused",
    "ack p50",
    "ack p99",
    "ack max",
    "sockets ended",
    "with",
    "our share of a core",
)


async def run(how: str, rounds: int) -> Outcome:
    took = []
    with set_up(MEMBERS, ROOMS) as stage:
        rooms = [[stage.rooms[n % ROOMS]] for n in range(MEMBERS)]
        crowd = Crowd(stage.site.port, stage.keys, rooms)
        await crowd.enter()
        async with Watch(stage.resident) as watch:
            with crowd.talking(crowd.members[:SPEAKERS], POSTS_PER_SECOND):
                await asyncio.sleep(QUIET_SECONDS)
                for _ in range(rounds):
                    began = time.monotonic()
                    await asyncio.to_thread(stage.replace_all, how)
                    took.append(time.monotonic() - began)
                    await asyncio.sleep(QUIET_SECONDS)
            all_acknowledged = await crowd.acknowledged(ACKNOWLEDGED_SECONDS)
        is_complete = await at_same_heads(crowd.members, ACKNOWLEDGED_SECONDS)
        await crowd.leave()
    return report(crowd, took, all_acknowledged, is_complete, watch.own_share)


def report(crowd: Crowd, took: list[float], all_acknowledged: bool, is_complete: bool, own_share: float) -> Outcome:
    waits = [seconds for member in crowd.members for seconds in member.acknowledged]
    unanswered = sum(member.unacknowledged for member in crowd.members)
    refused = [error for member in crowd.members for error in member.refused]
    codes = [code for member in crowd.members for code in member.closed_with]
    p99 = percentile(waits, 0.99)
    row = [
        *(len(took), f"{sum(took) / len(took):.1f} s", len(waits) + unanswered, len(refused)),
        *(ms(percentile(waits, 0.5)), ms(p99), ms(max(waits))),
        *(len(codes), " ".join(str(code) for code in sorted(set(codes))), f"{own_share:.2f}"),
    ]
    goals = [
        Goal(f"no post refused ({refused[:3]}), all acknowledged", not refused and all_acknowledged),
        Goal(f"ack p99 {p99:.2f} s ≤ {MAX_ACK_P99_SECONDS} s, reconnecting included", p99 <= MAX_ACK_P99_SECONDS),
        Goal("in the end all have everything", is_complete),
        Goal("everybody was sent away and came back", len(codes) >= MEMBERS),
    ]
    return Outcome(HEADER, [row], goals)
