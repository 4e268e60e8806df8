"""The application's sockets in this process, on a database that its threads share with the test."""

from collections.abc import AsyncIterator

import pytest

from chat.consumers import marker, writer
from chatsite.realtime import hub as hubs


@pytest.fixture
async def here(transactional_db: None) -> AsyncIterator[None]:
    """For tests with `LocalClient`: afterwards nothing is written and no hub looks on."""
    yield
    await writer.drain()
    await marker.drain()
    if hub := hubs.current():
        hub.stop()
