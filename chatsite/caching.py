"""The cache that the processes share, and what stands in for it while Redis is away."""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

from chatsite.realtime.breaker import Breaker

MAX_OWN_ENTRIES = 10_000

T = TypeVar("T")


class SteadyCache(BaseCache):
    """Redis, or else this process's own memory.

    No page fails or hangs because Redis does: an operation that gets no answer is done in memory
    instead, and after some of those Redis is not asked for a while. Limits, such as allauth's
    on wrong passwords, then count per process; none is ever off.
    """

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        own = {**params, "OPTIONS": {"MAX_ENTRIES": MAX_OWN_ENTRIES}}
        self._shared = shared_cache(server, tuple(params.get("OPTIONS", {}).items()))
        self._own = LocMemCache("while-redis-is-away", own)

    def _ask(self, operation: Callable[[BaseCache], T]) -> T:
        if not breaker.allows():
            return operation(self._own)
        try:
            result = operation(self._shared)
        except RedisError as error:
            breaker.failed(error)
            return operation(self._own)
        except ValueError:  # of `incr`, where there is no such key
            breaker.succeeded()
            raise
        breaker.succeeded()
        return result

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return self._ask(lambda cache: cache.add(key, value, timeout, version))

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        return self._ask(lambda cache: cache.get(key, default, version))

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        self._ask(lambda cache: cache.set(key, value, timeout, version))

    def touch(self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return self._ask(lambda cache: cache.touch(key, timeout, version))

    def delete(self, key: str, version: int | None = None) -> bool:
        return self._ask(lambda cache: cache.delete(key, version))

    def has_key(self, key: str, version: int | None = None) -> bool:
        return self._ask(lambda cache: cache.has_key(key, version))

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        return self._ask(lambda cache: cache.incr(key, delta, version))

    def clear(self) -> None:
        self._own.clear()
        self._ask(lambda cache: cache.clear())


@cache
def shared_cache(server: str, options: tuple[tuple[str, Any], ...]) -> RedisCache:
    """One for all threads of the process: Django would make one, with connections of its own, per request."""
    return RedisCache(server, {"OPTIONS": dict(options)})


breaker = Breaker("Redis (cache)")
