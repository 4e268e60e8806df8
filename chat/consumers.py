"""`/ws/chat/`: all of a person's rooms over one socket. Translates; the services do."""

import asyncio
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from accounts.identities import confirmed
from accounts.models import User
from accounts.payloads import person
from chat import commands
from chat.events import TypingStarted
from chat.markup import plain
from chat.models import Membership, Room
from chat.presence import attendance
from chat.services import changing
from chat.services.posting import Post, Posted, post_messages, rendered, write_refusal
from chat.services.reading import Mark, move_marks
from chatsite.realtime.announce import whisper
from chatsite.realtime.batches import Batcher
from chatsite.realtime.consumers import StreamConsumer, command
from chatsite.realtime.events import json_text
from chatsite.realtime.ratelimits import limit
from chatsite.realtime.threads import in_database, in_writing

POSTS_PER_SECOND = 5
POSTS_BURST = 30
READS_PER_SECOND = 5
READS_BURST = 40
TYPING_PER_SECOND = 1
TYPING_BURST = 5


def answers(posts: Sequence[Post]) -> list[str | Exception | None]:
    """Posts a batch; gives what each sender is told, which is nothing where they did not say how they call it.

    Put together here, in the writer's thread, so that the event loop has but to send it.
    """
    return [
        result if isinstance(result, Exception) else ok(post.ref, result)
        for post, result in zip(posts, post_messages(posts), strict=True)
    ]


def ok(ref: str | None, posted: Posted) -> str | None:
    return None if ref is None else f'{{"type":"ok","ref":{json_text(ref)},"message":{posted.json}}}'


writer: Batcher[Post, str | None] = Batcher(answers)
marker: Batcher[Mark, dict[str, Any]] = Batcher(move_marks)


class ChatConsumer(StreamConsumer):
    stream_kinds = frozenset({"room"})

    async def opened(self) -> None:
        attendance.enter(self.identity.user_id)

    async def closed(self) -> None:
        attendance.leave(self.identity.user_id)

    @command(commands.PostMessage, scope="write", pipelined=True)
    async def post(self, cmd: commands.PostMessage) -> asyncio.Future[str | None]:
        """Queued for the next commit; the reply follows it."""
        limit("post", self.identity.user_id, POSTS_PER_SECOND, POSTS_BURST)
        if (html := plain(cmd.body)) is None:
            html = await in_database(rendered, cmd.room, cmd.body)
        me = self.identity
        return writer.submit(
            Post(me.user_id, cmd.room, cmd.client_id, cmd.body, html, cmd.reply_to, identity=me, ref=cmd.ref)
        )

    @command(commands.EditMessage, scope="write")
    async def edit(self, cmd: commands.EditMessage) -> dict[str, Any]:
        return await self._change(changing.edit_message, cmd.message, cmd.body)

    @command(commands.DeleteMessage, scope="write")
    async def delete(self, cmd: commands.DeleteMessage) -> dict[str, Any]:
        return await self._change(changing.delete_message, cmd.message)

    @command(commands.AddReaction, scope="write")
    async def react(self, cmd: commands.AddReaction) -> dict[str, Any]:
        return await self._change(changing.add_reaction, cmd.message, cmd.emoji)

    @command(commands.RemoveReaction, scope="write")
    async def unreact(self, cmd: commands.RemoveReaction) -> dict[str, Any]:
        return await self._change(changing.remove_reaction, cmd.message, cmd.emoji)

    @command(commands.ReadRoom, scope="write", pipelined=True)
    async def read(self, cmd: commands.ReadRoom) -> asyncio.Future[dict[str, Any]]:
        """With those of others: each by itself would make who posts wait for its transaction."""
        limit("read", self.identity.user_id, READS_PER_SECOND, READS_BURST)
        return marker.submit(Mark(self.identity.user_id, cmd.room, cmd.seq, self.identity))

    @command(commands.StartTyping, scope="write")
    async def type(self, cmd: commands.StartTyping) -> None:
        limit("typing", self.identity.user_id, TYPING_PER_SECOND, TYPING_BURST)
        await in_database(self._start_typing, cmd.room)

    async def _change(self, service: Any, *args: Any) -> dict[str, Any]:
        limit("post", self.identity.user_id, POSTS_PER_SECOND, POSTS_BURST)
        return {"message": await in_writing(self._as_me, service, *args)}

    def _as_me(self, service: Any, *args: Any) -> Any:
        """Calls a service as the socket's person, who is confirmed in the transaction that writes."""
        with transaction.atomic():
            return service(confirmed(self.identity), *args)

    def _start_typing(self, room_id: int) -> None:
        """Writes nothing, so it takes no transaction: SQLite would give it the one place of a writer."""
        start_typing(confirmed(self.identity), room_id)


def start_typing(user: User, room_id: int) -> None:
    """Tells the others in a room that somebody writes. Raises what forbids writing there."""
    room = Room.objects.filter(pk=room_id).first()
    membership = Membership.objects.filter(room=room_id, user=user).first()
    if refusal := write_refusal(room, membership):
        raise refusal
    assert room is not None
    event = TypingStarted(room_id, dict(person(user)))
    whisper(f"room:{room_id}", event, skip_user=user.pk, access=room.access_version)
