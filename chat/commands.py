"""What a client may ask on `/ws/chat/`, beside the streams' own commands."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from chatsite.realtime.commands import Command, Id, Seq
from chatsite.realtime.text import CleanText

MAX_BODY_CHARACTERS = 4_000


def _said(body: str) -> str:
    if not body.strip():
        raise PydanticCustomError("empty", "has nothing in it")
    return body


Body = Annotated[CleanText, Field(min_length=1, max_length=MAX_BODY_CHARACTERS), AfterValidator(_said)]
Emoji = Annotated[CleanText, Field(min_length=1, max_length=32)]


class PostMessage(Command):
    type: Literal["message.post"]
    room: Id
    client_id: UUID
    body: Body
    reply_to: Id | None = None


class EditMessage(Command):
    type: Literal["message.edit"]
    message: Id
    body: Body


class DeleteMessage(Command):
    type: Literal["message.delete"]
    message: Id


class AddReaction(Command):
    type: Literal["reaction.add"]
    message: Id
    emoji: Emoji


class RemoveReaction(Command):
    type: Literal["reaction.remove"]
    message: Id
    emoji: Emoji


class ReadRoom(Command):
    type: Literal["room.read"]
    room: Id
    seq: Seq


class StartTyping(Command):
    type: Literal["typing.start"]
    room: Id
