from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NotificationsConfig(AppConfig):
    name = "notifications"
    verbose_name = _("Jobs and notifications")

    def ready(self) -> None:
        from notifications import streams  # noqa: F401 - registers the inbox's kind of stream
        from notifications.jobs import simulated  # noqa: F401 - registers its kind of job
