"""Posting: many messages, one transaction; acknowledged after its commit."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from chat.markup import Rendered, names_in, render
from chat.models import Membership, Message, Room
from chat.payloads import message_payload, posted_payload
from chat.services.telling import tell_about
from chat.statements import LockedRoom, Row, Standing, insert_messages, lock_rooms, move_heads, read_background
from chat.streams import posted_frame
from chatsite.realtime.announce import announce_all
from chatsite.realtime.commands import CommandError, not_found
from chatsite.realtime.events import Frame, json_text, rfc3339
from chatsite.realtime.identity import Identity, IdentityLostError

Key = tuple[int, UUID]  # author and client_id


@dataclass(frozen=True, slots=True)
class Post:
    """A message to be saved, already rendered.

    `identity` is whose socket it came over, to be confirmed in the transaction that saves it. What comes over
    HTTP has none: there the identity was confirmed a moment before, when the request was complete, and the
    client cannot hold the request back after that. `ref` is what its sender calls the command, to be answered by.
    """

    author_id: int
    room_id: int
    client_id: UUID
    body: str
    rendered: Rendered
    reply_to: int | None = None
    identity: Identity | None = None
    ref: str | None = None


@dataclass(frozen=True, slots=True)
class Posted:
    """What became of a post; not `created` where its `client_id` was seen before.

    `json` is the message's text, encoded once for its event and for the sender's `ok`.
    """

    message: dict[str, Any]
    json: str
    created: bool


def rendered(room_id: int, body: str) -> Rendered:
    """A body's HTML, with the room's members mentioned where their user names are in it."""
    people: dict[str, tuple[int, str]] = {}
    if names := names_in(body):
        members = User.objects.filter(memberships__room=room_id, is_active=True)
        for user in members.annotate(handle=Lower("username")).filter(handle__in=names):
            people[user.username.lower()] = (user.pk, user.name)
    return render(body, people)


def post_message(post: Post) -> Posted:
    """Saves one message. Raises `CommandError`."""
    (result,) = post_messages([post])
    if isinstance(result, Exception):
        raise result
    return result


def post_messages(posts: Sequence[Post]) -> list[Posted | Exception]:
    """Saves what may be saved, in order, in one transaction; a refusal concerns its own post alone.

    Locks the rooms' rows in the order of their ids, gives out the next seqs and
    announces the messages on commit. The same author's `client_id` again gives the
    message saved the first time.
    """
    try:
        return _saved(posts)
    except IntegrityError:
        # A client_id went to another room at the same moment, under that room's lock: now it is seen.
        return _saved(posts)


def _saved(posts: Sequence[Post]) -> list[Posted | Exception]:
    with transaction.atomic():
        batch = _Batch(posts)
        results = [batch.take(post) for post in posts]
        batch.save()
        return [result if isinstance(result, Exception) else result() for result in results]


class _Batch:
    """What decides about a batch of posts, read at once, and the messages that come of it."""

    def __init__(self, posts: Sequence[Post]) -> None:
        self.rooms = lock_rooms({post.room_id for post in posts})
        self.heads = {room.id: room.head_seq for room in self.rooms.values()}
        identities = {post.identity for post in posts if post.identity is not None}
        self.background = found = read_background(
            writers={(post.room_id, post.author_id) for post in posts},
            identities=identities,
            sent=[(post.author_id, post.client_id) for post in posts],
        )
        self.seen = _as_they_are_now(found.seen) if found.seen else {}
        answered = {post.reply_to for post in posts if post.reply_to is not None}
        self.reply_targets = Message.objects.only("room_id", "author_id").in_bulk(answered) if answered else {}
        self.made: dict[Key, tuple[Post, int]] = {}  # with its seq
        self.posted: dict[Key, Posted] = {}
        self.now = timezone.now()

    def take(self, post: Post) -> Any:
        """The refusal, or a function that gives the `Posted` once the batch is saved."""
        if post.identity in self.background.lost:
            return IdentityLostError()
        key = (post.author_id, post.client_id)
        if (known := self.seen.get(key)) is not None:
            return self._seen_before(known)
        if key in self.made:
            return lambda: replace(self.posted[key], created=False)
        if refusal := self._refusal(post):
            return refusal
        self.heads[post.room_id] += 1
        self.made[key] = (post, self.heads[post.room_id])
        return lambda: self.posted[key]

    def _seen_before(self, message: Message) -> Any:
        """The same `ok`, but not for who was removed since: what became of the message is theirs to see no more."""
        if (message.room_id, message.author_id) not in self.background.memberships:
            assert message.author is not None
            if not Room.objects.visible_to(message.author).filter(pk=message.room_id).exists():
                return not_found()
        payload = message_payload(message)
        return lambda: Posted(payload, json_text(payload), created=False)

    def _refusal(self, post: Post) -> CommandError | None:
        room = self.rooms.get(post.room_id)
        membership = self.background.memberships.get((post.room_id, post.author_id))
        if refusal := write_refusal(room, membership):
            return refusal
        if post.reply_to is not None:
            target = self.reply_targets.get(post.reply_to)
            if target is None or target.room_id != post.room_id:
                return CommandError("invalid", _("There is no such message in this room."), field="reply_to")
        return None

    def save(self) -> None:
        if not self.made:
            return
        made = self.made.values()
        move_heads({post.room_id: self.heads[post.room_id] for post, _ in made})
        ids = insert_messages([_row(post, seq) for post, seq in made], self.now)
        if concerning := {ids[post.room_id, seq]: post for post, seq in made if self._concerns_somebody(post)}:
            tell_about(concerning, self.reply_targets)
        self._encode(ids)

    def _concerns_somebody(self, post: Post) -> bool:
        is_direct = self.rooms[post.room_id].kind == Room.Kind.DIRECT
        return is_direct or post.reply_to is not None or bool(post.rendered.mentioned)

    def _encode(self, ids: Mapping[tuple[int, int], int]) -> None:
        """The messages as JSON, and around it their events, which are announced on commit."""
        at = rfc3339(self.now)
        authors = {pk: author.payload() for pk, author in self.background.authors.items()}
        frames: dict[int, list[Frame]] = defaultdict(list)
        for key, (post, seq) in self.made.items():
            message = posted_payload(
                ids[post.room_id, seq],
                room_id=post.room_id,
                seq=seq,
                client_id=post.client_id,
                author=authors[post.author_id],
                body=post.body,
                html=post.rendered.html,
                created_at=at,
                reply_to_id=post.reply_to,
            )
            json = json_text(message)
            self.posted[key] = Posted(message, json, created=True)
            frames[post.room_id].append(posted_frame(post.room_id, seq, at, json))
        news = [(f"room:{pk}", posted, self.rooms[pk].access_version) for pk, posted in frames.items()]
        transaction.on_commit(partial(announce_all, news), robust=True)


def _as_they_are_now(seen: Collection[Key]) -> dict[Key, Message]:
    """The whole messages that were posted with these authors and client_ids."""
    authors, client_ids = zip(*seen, strict=True)
    messages = Message.objects.filter(author__in=authors, client_id__in=client_ids).whole()
    return {
        (author_id, client_id): message
        for message in messages
        if (author_id := message.author_id) and (client_id := message.client_id)
    }


def _row(post: Post, seq: int) -> Row:
    return Row(post.room_id, seq, post.author_id, post.client_id.hex, post.body, post.rendered.html, post.reply_to)


def write_refusal(room: Room | LockedRoom | None, membership: Membership | Standing | None) -> CommandError | None:
    """Why somebody may not write in a room, if so."""
    if room is None or (membership is None and room.kind != Room.Kind.PUBLIC):
        return not_found()
    if room.archived_at is not None:
        return CommandError("archived", _("This room is archived. It can be read, not written in."))
    if membership is None:
        return CommandError("forbidden", _("Join the room to write in it."))
    if membership.muted_at is not None:
        return CommandError("muted", _("A moderator has muted you in this room."))
    return None
