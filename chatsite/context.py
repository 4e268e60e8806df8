"""What every page's frame needs: the site's name, the reader's theme, the sidebar."""

from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from accounts.payloads import person
from chat import queries
from chatsite.realtime import streams
from notifications.models import Inbox, Job, Notification
from notifications.payloads import job_payload


def site(request: HttpRequest) -> dict[str, Any]:
    """Context processor. `shell` costs queries only where a template uses it."""
    user = getattr(request, "user", None)
    context: dict[str, Any] = {"SITE_NAME": settings.SITE_NAME}
    if user is not None and user.is_authenticated:
        context |= {
            "theme": "" if user.theme == "system" else user.theme,
            "time_zone": user.time_zone,
            "shell": cache(lambda: shell(user)),
        }
    return context


def shell(user: Any) -> dict[str, Any]:
    """The frame's data: who reads, what waits, which rooms and jobs there are.

    `{"me", "epoch", "inbox": {"head", "unread"}, "rooms", "people", "jobs"}`. Heads are read
    first, so that what comes meanwhile is told again rather than lost.
    """
    inbox = _inbox(user)
    sidebar = queries.sidebar(user)
    for room in (*sidebar["rooms"], *sidebar["people"]):
        room["url"] = f"/rooms/{room['slug']}/"
    return {
        "me": person(user) | {"username": user.username},
        "epoch": streams.epoch(),
        "inbox": inbox,
        "jobs": [job_payload(job) for job in Job.objects.owned_by(user.pk).open().select_related("owner")],
        **sidebar,
    }


def _inbox(user: Any) -> dict[str, int]:
    head = Inbox.objects.filter(pk=user.pk).values_list("head_seq", flat=True).first()
    return {"head": head or 0, "unread": Notification.objects.filter(user=user, read_at=None).count()}
