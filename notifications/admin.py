"""Jobs and notifications in the admin: to look at, to cancel and to retry. Changes go through the services."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from chatsite.realtime.commands import CommandError
from notifications.models import Job, Notification
from notifications.payloads import percent
from notifications.services.jobs import cancel, retry

if TYPE_CHECKING:
    AnyAdmin = admin.ModelAdmin[Any]
else:
    AnyAdmin = admin.ModelAdmin


class LookedAt(AnyAdmin):
    """Rows that the site writes by itself; nothing is added or edited here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Job)
class JobAdmin(LookedAt):
    list_display = ["title", "owner", "kind", "status", "percent", "attempt", "created_at", "finished_at"]
    list_filter = ["status", "kind", "created_at"]
    list_select_related = ["owner"]
    search_fields = ["title", "key", "owner__username"]
    date_hierarchy = "created_at"
    actions = ["cancel_jobs", "retry_jobs"]
    exclude = ["room_ref"]

    def has_manage_permission(self, request: HttpRequest) -> bool:
        """Whoever may change jobs may cancel and retry them, though not edit their rows."""
        return request.user.has_perm("notifications.change_job")

    @admin.display(description=_("percent"))
    def percent(self, job: Job) -> str:
        share = percent(job)
        return "–" if share is None else f"{share} %"

    @admin.action(description=_("Cancel the chosen jobs"), permissions=["manage"])
    def cancel_jobs(self, request: HttpRequest, chosen: QuerySet[Job]) -> None:
        self._each(request, chosen, lambda job: cancel(job, request.user))  # type: ignore[arg-type]

    @admin.action(description=_("Retry the chosen jobs"), permissions=["manage"])
    def retry_jobs(self, request: HttpRequest, chosen: QuerySet[Job]) -> None:
        self._each(request, chosen, retry)

    def _each(self, request: HttpRequest, chosen: QuerySet[Job], service: Callable[[Job], Job]) -> None:
        """Says of each refusal why, and how many went through."""
        done = 0
        for job in chosen:
            try:
                service(job)
            except CommandError as error:
                self.message_user(request, f"{job.title}: {error.message}", messages.WARNING)
            else:
                done += 1
        if done:
            told = ngettext("%(count)s job was told.", "%(count)s jobs were told.", done) % {"count": done}
            self.message_user(request, told, messages.SUCCESS)


@admin.register(Notification)
class NotificationAdmin(LookedAt):
    list_display = ["user", "kind", "text", "actor", "created_at", "read_at"]
    list_filter = ["kind", ("read_at", admin.EmptyFieldListFilter), "created_at"]
    list_select_related = ["user", "actor"]
    search_fields = ["text", "user__username"]
    date_hierarchy = "created_at"
