"""How jobs and notifications are read; whose they are is part of the query."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils import timezone

if TYPE_CHECKING:
    from notifications.models import Job, Notification  # noqa: F401

MAX_ATTEMPTS = 3  # claims of one job: past them it is taken to kill its workers


class NotificationQuerySet(models.QuerySet["Notification"]):
    def of(self, user_id: int) -> NotificationQuerySet:
        return self.filter(user=user_id)

    def unread(self) -> NotificationQuerySet:
        return self.filter(read_at=None)

    def page(self, before: int | None = None) -> NotificationQuerySet:
        """Newest first, from the one before id `before` on, with what the payload needs."""
        found = self if before is None else self.filter(pk__lt=before)
        return found.select_related("actor", "job").order_by("-id")


class JobQuerySet(models.QuerySet["Job"]):
    def owned_by(self, user_id: int) -> JobQuerySet:
        return self.filter(owner=user_id)

    def open(self) -> JobQuerySet:
        return self.filter(status__in=["queued", "running", "stalled"])

    def finished(self) -> JobQuerySet:
        return self.filter(status__in=["succeeded", "failed", "cancelled"])

    def page(self, before: int | None = None) -> JobQuerySet:
        """Newest first, from the one before id `before` on, with what the payload needs."""
        found = self if before is None else self.filter(pk__lt=before)
        return found.select_related("owner").order_by("-id")

    def claimable(self) -> JobQuerySet:
        """What a worker may take, the oldest first."""
        return self.filter(is_claimable(timezone.now())).order_by("id")


# Conditions on the row itself, for reads and for compare-and-set alike.


def is_claimable(now: datetime) -> Q:
    """Queued, or left by a worker that died; not those that killed too many or that somebody wants cancelled."""
    left = is_abandoned(now) & Q(attempt__lt=MAX_ATTEMPTS, cancel_requested=False)
    return (~Q(kind="") & Q(status="queued")) | left


def is_abandoned(now: datetime) -> Q:
    """Of this site's jobs those at work whose worker has not renewed its lease."""
    return ~Q(kind="") & Q(status="running", lease_until__lt=now)


def is_silent(now: datetime) -> Q:
    """Of outside programs' jobs those that were not reported for too long."""
    return Q(kind="", status__in=["queued", "running"], lease_until__lt=now)
