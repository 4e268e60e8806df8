"""Posting: many messages, one transaction; acknowledged after its commit."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.identities import lost_among
from accounts.models import User
from chat.markup import Rendered, names_in, render
from chat.models import Membership, Message, Room
from chat.payloads import message_payload
from chat.services.telling import tell_about
from chat.streams import message_frame
from chatsite.realtime.announce import announce
from chatsite.realtime.commands import CommandError, not_found
from chatsite.realtime.identity import Identity, IdentityLostError


@dataclass(frozen=True, slots=True)
class Post:
    """A message to be saved, already rendered.

    `identity` is whose socket it came over, to be confirmed in the transaction that saves it. What comes over
    HTTP has none: there the identity was confirmed a moment before, when the request was complete, and the
    client cannot hold the request back after that.
    """

    author_id: int
    room_id: int
    client_id: UUID
    body: str
    rendered: Rendered
    reply_to: int | None = None
    identity: Identity | None = None


@dataclass(frozen=True, slots=True)
class Posted:
    """What became of a post; not `created` where its `client_id` was seen before."""

    message: dict[str, Any]
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
    """The rows that a batch of posts needs, read once, and those it makes."""

    def __init__(self, posts: Sequence[Post]) -> None:
        rooms = {post.room_id for post in posts}
        authors = {post.author_id for post in posts}
        locked = Room.objects.select_for_update(no_key=True).filter(pk__in=rooms).order_by("pk")
        self.rooms = {room.pk: room for room in locked}
        memberships = Membership.objects.filter(room__in=rooms, user__in=authors)
        self.memberships = {(m.room_id, m.user_id): m for m in memberships}
        self.authors = User.objects.in_bulk(authors)
        self.lost = lost_among({post.identity for post in posts if post.identity is not None}, self.authors)
        seen = Message.objects.filter(author__in=authors, client_id__in=[post.client_id for post in posts]).whole()
        self.seen = {(message.author_id, message.client_id): message for message in seen}
        replies = Message.objects.filter(pk__in=[post.reply_to for post in posts if post.reply_to])
        self.reply_targets = {message.pk: message for message in replies.only("room_id", "author_id")}
        self.made: dict[tuple[int | None, UUID | None], tuple[Message, Post]] = {}
        self.now = timezone.now()

    def take(self, post: Post) -> Any:
        """The refusal, or a function that gives the `Posted` once the batch is saved."""
        if post.identity in self.lost:
            return IdentityLostError()
        key = (post.author_id, post.client_id)
        if (known := self.seen.get(key)) is not None:
            return self._seen_before(known)
        if key in self.made:
            twin = self.made[key][0]
            return lambda: Posted(message_payload(twin, []), created=False)
        if refusal := self._refusal(post):
            return refusal
        message = self._message(post)
        self.made[key] = (message, post)
        return lambda: Posted(message_payload(message, []), created=True)

    def _seen_before(self, message: Message) -> Any:
        """The same `ok`, but not for who was removed since: what became of the message is theirs to see no more."""
        author_id = message.author_id
        if (message.room_id, author_id) not in self.memberships:
            visible = Room.objects.visible_to(self.authors[author_id])
            if not visible.filter(pk=message.room_id).exists():
                return not_found()
        return lambda: Posted(message_payload(message), created=False)

    def _refusal(self, post: Post) -> CommandError | None:
        room = self.rooms.get(post.room_id)
        membership = self.memberships.get((post.room_id, post.author_id))
        if refusal := write_refusal(room, membership):
            return refusal
        if post.reply_to is not None:
            target = self.reply_targets.get(post.reply_to)
            if target is None or target.room_id != post.room_id:
                return CommandError("invalid", _("There is no such message in this room."), field="reply_to")
        return None

    def _message(self, post: Post) -> Message:
        room = self.rooms[post.room_id]
        room.head_seq += 1
        return Message(
            room=room,
            seq=room.head_seq,
            changed_seq=room.head_seq,
            changed_at=self.now,
            author=self.authors[post.author_id],
            client_id=post.client_id,
            body=post.body,
            html=post.rendered.html,
            reply_to_id=post.reply_to,
            created_at=self.now,
        )

    def save(self) -> None:
        if not self.made:
            return
        messages = [message for message, _ in self.made.values()]
        touched = {message.room_id: self.rooms[message.room_id] for message in messages}
        Room.objects.bulk_update(touched.values(), ["head_seq"])
        Message.objects.bulk_create(messages)
        by_room: dict[int, list[Message]] = defaultdict(list)
        for message in messages:
            message._prefetched_objects_cache = {"reactions": []}  # type: ignore[attr-defined] # newly made: it has none
            by_room[message.room_id].append(message)
        tell_about(list(self.made.values()), self.reply_targets)
        for room_id, posted in by_room.items():
            frames = [message_frame(message) for message in posted]
            access = self.rooms[room_id].access_version
            transaction.on_commit(partial(announce, f"room:{room_id}", frames, access), robust=True)


def write_refusal(room: Room | None, membership: Membership | None) -> CommandError | None:
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
