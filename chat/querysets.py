"""How rooms, memberships and messages are read; who may read them is part of the query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Count, Exists, F, OuterRef, Q, Subquery
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce

if TYPE_CHECKING:
    from accounts.models import User
    from chat.models import Membership, Message, Room  # noqa: F401


class RoomQuerySet(models.QuerySet["Room"]):
    def visible_to(self, user: User) -> RoomQuerySet:
        """Public rooms, and those that the person is in."""
        return self.filter(Q(kind="public") | Exists(self._membership_of(user)))

    def joined_by(self, user: User) -> RoomQuerySet:
        return self.filter(Exists(self._membership_of(user)))

    def as_seen_by(self, user: User) -> RoomQuerySet:
        """Adds what is the person's own: `role`, `my_muted_at`, `last_read_seq`, `unread`, `mentions`; and
        `member_count`. A direct room gets `others`, the names of the others in it (`name_direct_rooms`)."""
        mine = self._membership_of(user)
        return self.annotate(  # type: ignore[no-redef] # the model declares what comes with this read
            role=Subquery(mine.values("role")),
            my_muted_at=Subquery(mine.values("muted_at")),
            last_read_seq=Subquery(mine.values("last_read_seq")),
            unread=_count(self._unread_of(user)),
            mentions=_count(self._mentions_of(user)),
            member_count=_count(self._memberships()),
        )

    def _memberships(self) -> models.QuerySet[Any]:
        return (
            self.model._meta.get_field("memberships")
            .related_model._default_manager.filter(room=OuterRef("pk"))
            .order_by()
        )

    def _membership_of(self, user: User) -> models.QuerySet[Any]:
        return self._memberships().filter(user=user)

    def _unread_of(self, user: User) -> models.QuerySet[Any]:
        messages = self.model._meta.get_field("messages").related_model._default_manager
        return (
            messages.filter(room=OuterRef("pk"), seq__gt=OuterRef("last_read_seq"), deleted_at=None)
            .exclude(kind="system")
            .exclude(author=user)
            .order_by()
        )

    def _mentions_of(self, user: User) -> models.QuerySet[Any]:
        waiting = user.notifications.filter(read_at=None, kind__in=["mention", "reply"])
        about = waiting.annotate(_about=Cast(KT("data__room__id"), models.BigIntegerField()))
        return about.filter(_about=OuterRef("pk")).order_by()


def _count(rows: models.QuerySet[Any]) -> Any:
    counted = rows.annotate(_all=models.Value(1)).values("_all").annotate(_n=Count("pk")).values("_n")
    return Coalesce(Subquery(counted), 0)


class MembershipQuerySet(models.QuerySet["Membership"]):
    def in_order(self) -> MembershipQuerySet:
        """Owners first, then moderators, then members, by name."""
        rank = models.Case(models.When(role="owner", then=0), models.When(role="moderator", then=1), default=2)
        return self.select_related("user").order_by(rank, F("user__display_name"), "user__username")


class MessageQuerySet(models.QuerySet["Message"]):
    def visible_to(self, user: User) -> MessageQuerySet:
        membership = user.memberships.filter(room=OuterRef("room"))
        return self.filter(Q(room__kind="public") | Exists(membership))

    def whole(self) -> MessageQuerySet:
        """With all that the payload needs."""
        return self.select_related("author", "job", "job__owner").prefetch_related("reactions")

    def changed_after(self, room_id: int, position: int) -> MessageQuerySet:
        """A room's stream from a position on: each message once, at its latest change."""
        return self.filter(room_id=room_id, changed_seq__gt=position).order_by("changed_seq")
