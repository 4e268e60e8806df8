"""How many things each holder has open at once."""

from collections import Counter
from typing import Generic, TypeVar

Holder = TypeVar("Holder")


class Quota(Generic[Holder]):
    """Counts, per holder, what was taken and not yet given back."""

    def __init__(self) -> None:
        self._taken: Counter[Holder] = Counter()

    def take(self, holder: Holder, limit: int | None) -> bool:
        """Counts one more, unless that makes more than `limit`; None: as many as they like."""
        if limit is not None and self._taken[holder] >= limit:
            return False
        self._taken[holder] += 1
        return True

    def give_back(self, holder: Holder) -> None:
        self._taken[holder] -= 1
        if not self._taken[holder]:
            del self._taken[holder]
