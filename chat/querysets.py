"""How rooms, memberships and messages are read; who may read them is part of the query."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from accounts.models import User
    from chat.models import Membership, Message, Room  # noqa: F401


class RoomQuerySet(models.QuerySet["Room"]):
    def visible_to(self, user: User) -> RoomQuerySet:
        """Public rooms, and those that the person is in."""
        return self.filter(Q(kind="public") | Q(memberships__user=user)).distinct()

    def joined_by(self, user: User) -> RoomQuerySet:
        return self.filter(memberships__user=user)


class MembershipQuerySet(models.QuerySet["Membership"]):
    pass


class MessageQuerySet(models.QuerySet["Message"]):
    def visible_to(self, user: User) -> MessageQuerySet:
        return self.filter(Q(room__kind="public") | Q(room__memberships__user=user)).distinct()
