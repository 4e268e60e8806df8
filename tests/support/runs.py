"""The contract's rule for what a client makes of a stream's events."""

from collections.abc import Iterable
from typing import Any


class Reader:
    """Stands at a position of a stream and applies its events; `messages` is what it then knows, by id."""

    def __init__(self, position: int) -> None:
        self.position = position
        self.messages: dict[int, dict[str, Any]] = {}

    def apply(self, event: dict[str, Any]) -> None:
        """Takes it if `after` ≤ position < `seq`; fails where there is a hole or something comes twice."""
        after = event.get("after", event["seq"] - 1)
        assert after <= self.position < event["seq"], f"at {self.position} there came {after}→{event['seq']}"
        self.position = event["seq"]
        if "message" in event:
            self.messages[event["message"]["id"]] = event["message"]

    def apply_all(self, events: Iterable[dict[str, Any]], stream: str) -> None:
        for event in events:
            if event.get("stream") == stream and "seq" in event:
                self.apply(event)
