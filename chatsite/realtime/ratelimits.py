"""Token buckets, per process and person: what one person may ask of the server."""

import time
from collections import OrderedDict

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from chatsite.realtime.commands import CommandError

MAX_BUCKETS = 10_000

_buckets: OrderedDict[tuple[str, int], tuple[float, float]] = OrderedDict()


def take(bucket: str, user_id: int, rate_per_second: float, burst: int) -> float:
    """Takes one; 0 when there was one, else the seconds until there is."""
    if not settings.RATE_LIMITS:
        return 0.0
    now = time.monotonic()
    key = (bucket, user_id)
    level, since = _buckets.pop(key, (float(burst), now))
    level = min(burst, level + (now - since) * rate_per_second)
    wait = 0.0 if level >= 1 else (1 - level) / rate_per_second
    _buckets[key] = (level if wait else level - 1, now)
    while len(_buckets) > MAX_BUCKETS:
        _buckets.popitem(last=False)
    return wait


def limit(bucket: str, user_id: int, rate_per_second: float, burst: int) -> None:
    """As `take`, refusing with `rate_limited`."""
    if error := refusal(bucket, user_id, rate_per_second, burst):
        raise error


def refusal(bucket: str, user_id: int, rate_per_second: float, burst: int) -> CommandError | None:
    """As `limit`, for who has something else to do before refusing."""
    wait = take(bucket, user_id, rate_per_second, burst)
    if not wait:
        return None
    return CommandError("rate_limited", _("That was a lot at once. Wait a moment."), retry_after=wait)


def forget_all() -> None:
    """Fills every bucket again."""
    _buckets.clear()
