"""Inboxes: dense seqs, notifications, and being read."""

import threading

import pytest
from django.db import connections, transaction

from accounts.models import User
from notifications.events import JobQueued
from notifications.models import Inbox, InboxEvent, Notification
from notifications.services import append_to_inbox, append_to_inboxes, inbox, mark_read, notify
from notifications.streams import InboxKind


def add(user: User, *, count: int = 1) -> list[int]:
    for number in range(count):
        notify(users=[user.pk], kind="mention", actor=None, text=f"Hello {number}", url="/rooms/x/", data={})
    return list(Notification.objects.of(user.pk).order_by("pk").values_list("pk", flat=True))


def last_event(user: User) -> InboxEvent:
    return InboxEvent.objects.filter(inbox=user.pk).latest("seq")


def test_it_gives_out_one_seq_after_the_other(alice: User) -> None:
    assert [append_to_inbox(alice.pk, JobQueued({})) for _ in range(3)] == [1, 2, 3]
    assert Inbox.objects.get(pk=alice.pk).head_seq == 3


def test_it_appends_to_many_inboxes_at_once(alice: User, bob: User) -> None:
    append_to_inbox(bob.pk, JobQueued({}))
    heads = append_to_inboxes({alice.pk: [JobQueued({}), JobQueued({})], bob.pk: [JobQueued({})]})
    assert heads == {alice.pk: 2, bob.pk: 2}
    assert set(Inbox.objects.values_list("pk", "head_seq")) == {(alice.pk, 2), (bob.pk, 2)}


@pytest.mark.django_db(transaction=True)
def test_seqs_stay_dense_when_many_write_at_once(alice: User) -> None:
    def write() -> None:
        for _ in range(5):
            append_to_inbox(alice.pk, JobQueued({}))
        connections.close_all()

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(InboxEvent.objects.order_by("seq").values_list("seq", flat=True)) == list(range(1, 21))


def test_a_transaction_that_fails_leaves_no_hole(alice: User) -> None:
    append_to_inbox(alice.pk, JobQueued({}))
    with transaction.atomic():
        append_to_inbox(alice.pk, JobQueued({}))
        transaction.set_rollback(True)
    assert append_to_inbox(alice.pk, JobQueued({})) == 2


def test_it_announces_on_commit(
    alice: User, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks
) -> None:
    announced: list[tuple[str, list[int]]] = []
    monkeypatch.setattr(inbox, "announce", lambda stream, frames: announced.append((stream, [f.seq for f in frames])))
    with django_capture_on_commit_callbacks(execute=True):
        append_to_inboxes({alice.pk: [JobQueued({}), JobQueued({})]})
        assert announced == []
    assert announced == [(f"inbox:{alice.pk}", [1, 2])]


def test_it_keeps_only_the_newest_events(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "KEPT_EVENTS", 10)
    monkeypatch.setattr(inbox, "PRUNE_EVERY", 5)
    for _ in range(20):
        append_to_inbox(alice.pk, JobQueued({}))
    assert list(InboxEvent.objects.order_by("seq").values_list("seq", flat=True)) == list(range(11, 21))


def test_a_run_that_does_not_reach_back_says_so(alice: User) -> None:
    for _ in range(4):
        append_to_inbox(alice.pk, JobQueued({}))
    InboxEvent.objects.filter(seq__lte=2).delete()
    frames = InboxKind().read(alice.pk, after=0, limit=10)
    assert [(frame.after, frame.seq) for frame in frames] == [(2, 3), (3, 4)]


def test_an_inbox_is_its_owners_alone(alice: User, bob: User) -> None:
    kind = InboxKind()
    assert kind.readers(alice.pk, [alice.pk, bob.pk]) == {alice.pk}
    assert kind.states([alice.pk])[alice.pk].head == 0


def test_a_notification_waits_and_is_told(alice: User, bob: User) -> None:
    notify(users=[alice.pk], kind="mention", actor=bob, text="x" * 300, url="/rooms/x/", data={"message": 7})
    row = Notification.objects.get()
    told = last_event(alice).payload["notification"]
    assert (row.user, row.actor, len(row.text), row.read_at) == (alice, bob, 200, None)
    assert (told["id"], told["actor"]["name"], told["data"], told["job"]) == (row.pk, "Bob", {"message": 7}, None)


def test_marking_some_as_read_tells_the_other_tabs(alice: User) -> None:
    first, second, third = add(alice, count=3)
    assert mark_read(alice.pk, ids=[first, third]) == 1
    assert list(Notification.objects.unread().values_list("pk", flat=True)) == [second]
    event = last_event(alice)
    assert (event.type, event.payload["ids"], event.payload["unread"]) == ("notification.read", [first, third], 1)


def test_marking_all_up_to_one_as_read(alice: User) -> None:
    first, second, third = add(alice, count=3)
    assert mark_read(alice.pk, up_to=second) == 1
    assert last_event(alice).payload == {"ids": [first, second], "up_to": second, "unread": 1}
    assert list(Notification.objects.unread().values_list("pk", flat=True)) == [third]


def test_reading_twice_tells_once(alice: User) -> None:
    ids = add(alice)
    mark_read(alice.pk, ids=ids)
    mark_read(alice.pk, ids=ids)
    assert last_event(alice).seq == 2


def test_nobody_reads_for_somebody_else(alice: User, bob: User) -> None:
    ids = add(alice)
    mark_read(bob.pk, ids=ids, up_to=ids[-1])
    assert Notification.objects.of(alice.pk).unread().count() == 1
    assert not InboxEvent.objects.filter(inbox=bob.pk).exists()
