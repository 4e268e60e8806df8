"""Reads that several places share."""

from django.db import models
from django.utils import timezone


class AccessTokenQuerySet(models.QuerySet):
    def valid(self) -> "AccessTokenQuerySet":
        """Neither revoked nor expired, and of somebody who may still sign in."""
        unexpired = models.Q(expires_at=None) | models.Q(expires_at__gt=timezone.now())
        return self.filter(unexpired, revoked_at=None, user__is_active=True)
