"""What a client wants to say and has not had answered: sent in order, again after every reconnection."""

import asyncio
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.faults.journal import Ack, Attempt, Changed, Deferred, Refusal, Unknown

if TYPE_CHECKING:
    from tests.faults.client import Client

WINDOW = 4  # posts under way at once; the next ones wait until all of these are settled
TRANSIENT = {"internal", "rate_limited"}
PAUSE_SECONDS = 0.5  # after a refusal that may pass

Message = dict[str, Any]


@dataclass
class Post:
    room: int
    client_id: str
    body: str
    reply_to: int | None


class Outbox:
    """One client's posts, in order; `paused` while it may not send."""

    def __init__(self, client: "Client") -> None:
        self.posts: dict[str, Post] = {}
        self._client = client
        self._window: set[str] = set()
        self._resume_at = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    def put(self, room: int, body: str, reply_to: int | None = None) -> str:
        """Takes a post; returns its client id."""
        client_id = str(uuid.uuid4())
        self.posts[client_id] = Post(room, client_id, body, reply_to)
        self._client.journal.outbox = len(self.posts)
        self.pump()
        return client_id

    def pump(self) -> None:
        """Sends the next window, where none is under way."""
        if self._client.connection is None or self._window or not self.posts:
            return
        window = list(self.posts.values())[:WINDOW]
        self._window = {post.client_id for post in window}
        task = asyncio.create_task(self._send(window))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, window: list[Post]) -> None:
        if (pause := self._resume_at - time.monotonic()) > 0:
            await asyncio.sleep(pause)
        client = self._client
        number = client.connection_number
        for post in window:
            if client.connection is None or client.connection_number != number:
                self._window.discard(post.client_id)  # never sent on this socket
                continue
            client.journal.note(Attempt(time.monotonic(), number, post.room, post.client_id))
            command = {"type": "message.post", "room": post.room, "client_id": post.client_id, "body": post.body}
            if post.reply_to is not None:
                command["reply_to"] = post.reply_to
            await client.request(command, lambda answer, post=post: self._answered(post, answer))  # type: ignore[misc]
        self.pump()

    def _answered(self, post: Post, answer: Message | None) -> None:
        now, journal = time.monotonic(), self._client.journal
        self._window.discard(post.client_id)
        if answer is None:
            journal.note(Unknown(now, post.client_id))
        elif answer["type"] == "ok":
            message = answer["message"]
            journal.note(Ack(now, post.client_id, message["id"], message["seq"]))
            del self.posts[post.client_id]
        elif answer["code"] in TRANSIENT:
            journal.note(Deferred(now, post.client_id, answer["code"]))
            self._resume_at = now + max(PAUSE_SECONDS, answer.get("retry_after", 0))
        else:
            journal.note(Refusal(now, post.client_id, answer["code"]))
            del self.posts[post.client_id]
        journal.outbox = len(self.posts)
        self.pump()

    async def change(self, command: str, message: int, **fields: Any) -> None:
        """Edits, deletes or reacts, once: what isn't acknowledged is not tried again."""
        journal = self._client.journal

        def answered(answer: Message | None) -> None:
            if answer and answer["type"] == "ok":
                now_is = answer["message"]["changed_seq"]
                journal.note(Changed(time.monotonic(), command, message, now_is))

        await self._client.request({"type": command, "message": message, **fields}, answered)
