"""How rooms, memberships and messages are read; who may read them is part of the query."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Exists, F, OuterRef, Q

if TYPE_CHECKING:
    from accounts.models import User
    from chat.models import Membership, Message, Room  # noqa: F401


RANK = models.Case(models.When(role="owner", then=0), models.When(role="moderator", then=1), default=2)
MEMBERS_IN_ORDER = (RANK, F("user__display_name"), F("user__username"))


class RoomQuerySet(models.QuerySet["Room"]):
    def visible_to(self, user: User) -> RoomQuerySet:
        """Public rooms, and those that the person is in."""
        return self.filter(Q(kind="public") | Exists(user.memberships.filter(room=OuterRef("pk"))))

    def joined_by(self, user: User) -> RoomQuerySet:
        return self.filter(pk__in=user.memberships.values("room"))


class MembershipQuerySet(models.QuerySet["Membership"]):
    def in_order(self) -> MembershipQuerySet:
        """Owners first, then moderators, then members, by name."""
        return self.order_by(*MEMBERS_IN_ORDER)


class MessageQuerySet(models.QuerySet["Message"]):
    def visible_to(self, user: User) -> MessageQuerySet:
        membership = user.memberships.filter(room=OuterRef("room"))
        return self.filter(Q(room__kind="public") | Exists(membership))

    def whole(self) -> MessageQuerySet:
        """With all that the payload needs. Few messages have a job, so that is no join.

        Reactions come as a list, `given_reactions`, which costs less than a manager for each message.
        """
        reactions = models.Prefetch("reactions", to_attr="given_reactions")
        return self.select_related("author").prefetch_related(reactions, "job__owner")

    def changed_after(self, room_id: int, position: int) -> MessageQuerySet:
        """A room's stream from a position on: each message once, at its latest change."""
        return self.filter(room_id=room_id, changed_seq__gt=position).order_by("changed_seq")
