"""Whose turn it is to write: a lock that is given in the order of asking."""

import os
import threading
from collections import defaultdict, deque


class Turn:
    """Threads of one process stand in line. A plain lock would let who comes next overtake who waits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._taken = False

    def take(self, timeout_seconds: float) -> bool:
        """Waits for the turn; False where it did not come in time."""
        with self._lock:
            if not self._taken:
                self._taken = True
                return True
            mine = threading.Event()
            self._waiting.append(mine)
        if mine.wait(timeout_seconds):
            return True
        with self._lock:
            if mine.is_set():  # it came just now
                return True
            self._waiting.remove(mine)
            return False

    def give(self) -> None:
        """Hands the turn to who has waited longest."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._taken = False


_turns: defaultdict[str, Turn] = defaultdict(Turn)
os.register_at_fork(after_in_child=_turns.clear)  # who had the turn stayed in the parent


def turn_of(database: str) -> Turn:
    """The turn at one database file."""
    return _turns[database]
