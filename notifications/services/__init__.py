"""What changes inboxes and jobs: `inbox` for the former, `jobs` and `reports` for the latter."""

from notifications.services.inbox import append_to_inbox, append_to_inboxes, mark_read, notify

__all__ = ["append_to_inbox", "append_to_inboxes", "mark_read", "notify"]
