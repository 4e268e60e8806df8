"""The stream `inbox:<user id>`."""

from collections.abc import Collection, Mapping
from typing import Any

from chatsite.realtime.events import Frame, frame_from
from chatsite.realtime.streams import State, StreamKind, register
from notifications.models import Inbox, InboxEvent


class InboxKind(StreamKind):
    """One person's notifications and job transitions.

    Old events are pruned: a run that no longer reaches back to `after` starts with a
    frame that says so, and its reader starts afresh.
    """

    name = "inbox"

    def states(self, pks: Collection[int]) -> dict[int, State]:
        """Everybody has an inbox; its row is made with its first event."""
        heads = dict(Inbox.objects.filter(pk__in=pks).values_list("pk", "head_seq"))
        return {pk: State(heads.get(pk, 0), access=0) for pk in pks}

    def read(self, pk: int, after: int, limit: int) -> list[Frame]:
        rows = InboxEvent.objects.filter(inbox=pk, seq__gt=after).order_by("seq")[:limit]
        return [frame_from(row.type, row.payload, f"inbox:{pk}", row.seq, row.at) for row in rows]

    def readers(self, pk: int, user_ids: Collection[int]) -> set[int]:
        return {pk} & set(user_ids)

    def greetings(self, readers: Mapping[int, Collection[int]]) -> dict[tuple[int, int], dict[str, Any]]:
        return {(pk, pk): {} for pk, user_ids in readers.items() if pk in user_ids}


register(InboxKind())
