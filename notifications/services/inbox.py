"""Writing to inboxes: events with a dense seq, and notifications that wait until read.

All of it happens in the caller's transaction where there is one. Locks are taken in the
order room, inboxes by user id, job: whoever wants a job's row locks its owner's inbox first.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import User
from chatsite.realtime.announce import announce
from chatsite.realtime.events import DurableEvent, encode
from notifications.events import NotificationCreated, NotificationRead
from notifications.models import Inbox, InboxEvent, Job, Notification
from notifications.payloads import notification_payload

KEPT_EVENTS = 5_000
PRUNE_EVERY = 250
TEXT_CHARACTERS = 200


def lock_inboxes(user_ids: Iterable[int]) -> dict[int, Inbox]:
    """The inboxes, made where missing and locked in the order of their ids until the transaction ends."""
    wanted = sorted(set(user_ids))
    locked = _locked(wanted)
    if missing := [pk for pk in wanted if pk not in locked]:
        Inbox.objects.bulk_create([Inbox(pk=pk) for pk in missing], ignore_conflicts=True)
        locked = _locked(wanted)
    return locked


def _locked(user_ids: list[int]) -> dict[int, Inbox]:
    rows = Inbox.objects.select_for_update(no_key=True).filter(pk__in=user_ids).order_by("pk")
    return {row.pk: row for row in rows}


def append_to_inbox(user_id: int, event: DurableEvent) -> int:
    """Gives the event the inbox's next seq, which is returned, and announces it on commit."""
    return append_to_inboxes({user_id: [event]})[user_id]


def append_to_inboxes(events: Mapping[int, Sequence[DurableEvent]]) -> dict[int, int]:
    """As `append_to_inbox`, many at once; returns each inbox's new head."""
    now = timezone.now()
    with transaction.atomic():
        inboxes = lock_inboxes(pk for pk, told in events.items() if told)
        InboxEvent.objects.bulk_create(
            [
                InboxEvent(inbox=inbox, seq=seq, type=event.type, payload=event.payload(), at=now)
                for pk, inbox in inboxes.items()
                for seq, event in enumerate(events[pk], inbox.head_seq + 1)
            ]
        )
        for pk, inbox in inboxes.items():
            _tell_on_commit(inbox, events[pk], now)
        _move_heads(inboxes, events)
    return {pk: inbox.head_seq for pk, inbox in inboxes.items()}


def _tell_on_commit(inbox: Inbox, events: Sequence[DurableEvent], now: datetime) -> None:
    stream = f"inbox:{inbox.pk}"
    frames = [encode(event, stream, seq, now) for seq, event in enumerate(events, inbox.head_seq + 1)]
    transaction.on_commit(partial(announce, stream, frames), robust=True)


def _move_heads(inboxes: Mapping[int, Inbox], events: Mapping[int, Sequence[DurableEvent]]) -> None:
    """One statement for all inboxes that move as far."""
    by_distance: dict[int, list[int]] = {}
    for pk, inbox in inboxes.items():
        distance = len(events[pk])
        by_distance.setdefault(distance, []).append(pk)
        inbox.head_seq += distance
        if inbox.head_seq // PRUNE_EVERY != (inbox.head_seq - distance) // PRUNE_EVERY:
            InboxEvent.objects.filter(inbox=inbox, seq__lte=inbox.head_seq - KEPT_EVENTS).delete()
    for distance, pks in by_distance.items():
        Inbox.objects.filter(pk__in=pks).update(head_seq=F("head_seq") + distance)


def notify(
    *,
    users: Iterable[int],
    kind: str,
    actor: User | None = None,
    text: str = "",
    url: str,
    data: dict[str, Any] | None = None,
    job: Job | None = None,
) -> None:
    """A notification for each of these people, and `notification.created` in each one's inbox."""
    now = timezone.now()
    rows = [
        Notification(
            user_id=user_id,
            kind=kind,
            actor=actor,
            text=text[:TEXT_CHARACTERS],
            url=url,
            data=data or {},
            job=job,
            created_at=now,
        )
        for user_id in sorted(set(users))
    ]
    with transaction.atomic():
        Notification.objects.bulk_create(rows)
        append_to_inboxes({row.user_id: [NotificationCreated(notification_payload(row))] for row in rows})


def mark_read(user_id: int, *, ids: Sequence[int] = (), up_to: int | None = None) -> int:
    """Marks these, and all up to the id `up_to`, as read; returns how many still wait.

    The person's other tabs are told which were read just now; nothing is told when none was.
    """
    with transaction.atomic():
        lock_inboxes([user_id])
        unread = Notification.objects.of(user_id).unread()
        chosen = unread.filter(Q(pk__in=ids) | (Q(pk__lte=up_to) if up_to is not None else Q(pk__in=[])))
        read = sorted(chosen.values_list("pk", flat=True))
        chosen.update(read_at=timezone.now())
        waiting = unread.count()
        if read:
            append_to_inbox(user_id, NotificationRead(ids=read, up_to=up_to, unread=waiting))
    return waiting
