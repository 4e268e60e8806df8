"""Rooms, who is in them, and what was said."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from chat.querysets import MembershipQuerySet, MessageQuerySet, RoomQuerySet

if TYPE_CHECKING:
    from accounts.models import User


class Room(models.Model):
    """A place to talk, and the head of the stream `room:<id>`.

    `head_seq` is the seq given out last, under this row's lock, and `asides` how many of
    the seqs were no talk (see `Aside`). `access_version` rises with every change of who may
    read, so that each process notices.
    """

    class Kind(models.TextChoices):
        PUBLIC = "public", _("Public")
        PRIVATE = "private", _("Private")
        DIRECT = "direct", _("Direct")

    slug = models.SlugField(_("address"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=60, blank=True)
    topic = models.CharField(_("topic"), max_length=200, blank=True)
    kind = models.CharField(_("kind"), max_length=7, choices=Kind, default=Kind.PUBLIC)
    people_key = models.CharField(max_length=200, null=True, blank=True, unique=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("made by")
    )
    created_at = models.DateTimeField(_("created"))
    archived_at = models.DateTimeField(_("archived"), null=True, blank=True)
    head_seq = models.BigIntegerField(_("last event"), default=0, editable=False)
    asides = models.BigIntegerField(default=0, editable=False)
    access_version = models.BigIntegerField(default=0, editable=False)
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, through="Membership", related_name="rooms")

    objects = RoomQuerySet.as_manager()

    # What a read for one person adds: `chat.seen`
    role: str | None
    my_muted_at: datetime | None
    last_read_seq: int | None
    unread: int
    mentions: int
    member_count: int | None = None
    last_at: datetime | None
    others: list[str]
    other_people: list[User]

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind="direct", people_key__isnull=False)
                | (~models.Q(kind="direct") & models.Q(people_key__isnull=True)),
                name="room_people_key_if_direct",
            )
        ]
        verbose_name = _("room")
        verbose_name_plural = _("rooms")

    def __str__(self) -> str:
        return self.name or self.slug

    def get_absolute_url(self) -> str:
        return f"/rooms/{self.slug}/"


class Membership(models.Model):
    """Somebody in a room: their role and how far they have read."""

    class Role(models.TextChoices):
        OWNER = "owner", _("Owner")
        MODERATOR = "moderator", _("Moderator")
        MEMBER = "member", _("Member")

    # Members are counted in its index, which is smaller than the constraint's.
    room = models.ForeignKey(Room, models.CASCADE, related_name="memberships", verbose_name=_("room"))
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships", verbose_name=_("person")
    )
    role = models.CharField(_("role"), max_length=9, choices=Role, default=Role.MEMBER)
    last_read_seq = models.BigIntegerField(_("read up to"), default=0)
    muted_at = models.DateTimeField(_("muted"), null=True, blank=True)  # may read, may not write
    joined_at = models.DateTimeField(_("joined"))

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["room", "user"], name="membership_once")]
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")

    def __str__(self) -> str:
        return f"{self.user} · {self.room}"

    @property
    def moderates(self) -> bool:
        return self.role in (self.Role.OWNER, self.Role.MODERATOR)


class Message(models.Model):
    """What was said, as it now is.

    `seq` is its place in the room, `changed_seq` its last change's place in the
    room's stream; `change` names that change, so that a replay can tell it.
    """

    class Kind(models.TextChoices):
        TEXT = "text", _("Text")
        SYSTEM = "system", _("System")
        JOB = "job", _("Job")

    class Change(models.TextChoices):
        POSTED = "posted", _("Posted")
        EDITED = "edited", _("Edited")
        DELETED = "deleted", _("Deleted")
        REACTED = "reacted", _("Reacted")

    given_reactions: list[Reaction]  # where it was read as a `whole`

    room = models.ForeignKey(Room, models.CASCADE, related_name="messages", db_index=False, verbose_name=_("room"))
    seq = models.BigIntegerField(_("number"))
    changed_seq = models.BigIntegerField(_("number of the last change"))
    change = models.CharField(_("last change"), max_length=7, choices=Change, default=Change.POSTED)
    changed_at = models.DateTimeField(_("changed"))
    kind = models.CharField(_("kind"), max_length=6, choices=Kind, default=Kind.TEXT)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="messages",
        db_index=False,
        verbose_name=_("author"),
    )
    client_id = models.UUIDField(null=True)
    body = models.TextField(_("text"), blank=True)
    html = models.TextField(blank=True)
    reply_to = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="replies",
        db_index=False,
        verbose_name=_("reply to"),
    )
    job = models.ForeignKey(
        "notifications.Job",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="messages",
        db_index=False,
        verbose_name=_("job"),
    )
    created_at = models.DateTimeField(_("sent"))
    edited_at = models.DateTimeField(_("edited"), null=True, blank=True)
    deleted_at = models.DateTimeField(_("deleted"), null=True, blank=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        ordering = ["room", "seq"]
        constraints = [
            models.UniqueConstraint(fields=["room", "seq"], name="message_dense_seq"),
            models.UniqueConstraint(fields=["room", "changed_seq"], name="message_changed_seq"),
            models.UniqueConstraint(fields=["author", "client_id"], name="message_sent_once"),
        ]
        # Each costs a post something, so there are none that the constraints make superfluous, and none
        # with rows that nobody looks for. The first two have all that unread counts ask.
        indexes = [
            models.Index(fields=["room", "author", "seq", "kind", "deleted_at"], name="message_own"),
            models.Index(
                fields=["room", "seq", "kind", "changed_seq", "deleted_at"],
                condition=models.Q(deleted_at__isnull=False),
                name="message_gone",
            ),
            models.Index(fields=["reply_to"], condition=models.Q(reply_to__isnull=False), name="message_answers"),
            models.Index(fields=["job"], condition=models.Q(job__isnull=False), name="message_of_job"),
        ]
        verbose_name = _("message")
        verbose_name_plural = _("messages")

    def __str__(self) -> str:
        return self.body[:60]


class Aside(models.Model):
    """A seq of a room's stream at which nobody said anything: a message's change, or a word of the room itself.

    `number` counts them in their room: 1, 2, 3 … So what was said between two seqs is known without
    counting it, however much that is. Written under the room's lock, with the room's `asides`.
    """

    room = models.ForeignKey(Room, models.CASCADE, related_name="+", db_index=False)
    seq = models.BigIntegerField()
    number = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["room", "seq"], name="aside_once")]

    def __str__(self) -> str:
        return f"{self.room_id}/{self.seq}"


class Reaction(models.Model):
    """One person's emoji on one message."""

    message = models.ForeignKey(
        Message, models.CASCADE, related_name="reactions", db_index=False, verbose_name=_("message")
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("person"))
    emoji = models.CharField(max_length=32)
    created_at = models.DateTimeField(_("created"))

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["message", "user", "emoji"], name="reaction_once")]
        verbose_name = _("reaction")
        verbose_name_plural = _("reactions")

    def __str__(self) -> str:
        return self.emoji
