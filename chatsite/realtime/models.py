"""The deployment's identity, as far as streams need it."""

import secrets

from django.db import models
from django.utils.translation import gettext_lazy as _


def new_epoch() -> str:
    return secrets.token_hex(8)


class Deployment(models.Model):
    """One row: the epoch that cursors belong to.

    A restored backup gets a new epoch, so that clients whose cursors come from the
    future of that backup start afresh instead of missing messages silently.
    """

    epoch = models.CharField(max_length=32, default=new_epoch)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="deployment_is_one_row")]
        verbose_name = _("deployment")
        verbose_name_plural = _("deployments")

    def __str__(self) -> str:
        return self.epoch
