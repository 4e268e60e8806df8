"""What the tests of access patch in the real server; by tests/support/patching."""

from chatsite.realtime.watch import Watch
from tests.support.patching import value


def blind() -> None:
    """While the switch `blind` is on, nobody looks who was signed out."""
    look = Watch._look

    async def look_unless_blind(self: Watch) -> None:
        if value("blind") is None:
            await look(self)

    Watch._look = look_unless_blind  # type: ignore[method-assign]
