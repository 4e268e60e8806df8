"""A program at a socket of this very process, so that a test may patch what its commands pass through."""

import asyncio
import json
from typing import Any

from channels.testing import WebsocketCommunicator

from accounts import tokens
from accounts.models import User
from accounts.sockets import IdentityMiddleware
from chatsite.realtime.threads import in_database
from tests.support import cast
from tests.support.sockets import WsClient


class HandshakeRefusedError(Exception):
    """The door did not open."""


class LocalClient(WsClient):
    """`async with LocalClient(alice) as client:` speaks to the application without a server.

    Signed in by a new session, or by `headers`; by a token with those `scopes` where given.
    """

    def __init__(
        self,
        user: User,
        path: str = "/ws/chat/",
        scopes: tuple[str, ...] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(path, headers or {})
        self.user = user
        self.scopes = scopes
        self.closed_with: int | None = None
        self.session = ""

    async def __aenter__(self) -> "LocalClient":
        from chatsite.asgi import sockets

        headers = self.headers or await in_database(self._sign_in)
        pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        self.communicator = WebsocketCommunicator(IdentityMiddleware(sockets), self.url, headers=pairs)
        connected, _ = await self.communicator.connect(timeout=10)
        if not connected:
            raise HandshakeRefusedError
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._reader.cancel()
        await self.communicator.disconnect(timeout=10)

    @property
    def close_code(self) -> int | None:
        return self.closed_with

    async def send_raw(self, data: str | bytes) -> None:
        if isinstance(data, str):
            await self.communicator.send_input({"type": "websocket.receive", "text": data})
        else:
            await self.communicator.send_input({"type": "websocket.receive", "bytes": data})

    async def wait_closed(self, timeout: float = 10) -> int | None:
        async with self._arrived:
            async with asyncio.timeout(timeout):
                await self._arrived.wait_for(lambda: self.closed_with)
        return self.closed_with

    async def quiet(self) -> None:
        """Returns when all that was sent to this socket before is in `events`: a ping was answered."""
        await self.send({"type": "ping", "ref": "quiet"})
        await self.next_event("pong", ref="quiet")

    def _sign_in(self) -> dict[str, str]:
        if self.scopes is not None:
            return {"Authorization": f"Bearer {tokens.create(self.user, 'tests', self.scopes)[1]}"}
        self.session = cast.session_of(self.user)
        return {"Cookie": f"sessionid={self.session}"}

    async def _read(self) -> None:
        while True:
            output: dict[str, Any] = await self.communicator.output_queue.get()
            if output["type"] == "websocket.send":
                await self._take(json.loads(output["text"]))
            elif output["type"] == "websocket.close":
                async with self._arrived:
                    self.closed_with = output.get("code", 1000)
                    self._arrived.notify_all()
