"""The checker finds each kind of violation in journals made by hand, and none where there is none."""

import pytest

from tests.faults.checker import Evidence, check
from tests.faults.journal import (
    Absence,
    Ack,
    Attempt,
    Changed,
    Journal,
    Page,
    Receipt,
    Refusal,
    SignedOut,
    Subscribed,
    Unknown,
)
from tests.faults.truth import InboxRow, InboxTruth, RoomTruth, Row, Truth
from tests.faults.verdict import Verdict

FAY, GUS = 1, 2
ROOM, INBOX = "room:7", "inbox:1"
POSTS = ("post-1", "post-2", "post-3")


def row(seq: int, client_id: str | None = None, author: int = FAY, said: str = "", changed_seq: int = 0) -> Row:
    kind = "system" if said else "text"
    return Row(seq, seq, changed_seq or seq, kind, "posted", author, client_id, False, said)


def receipt(seq: int, at: float = 10, message: int = 0, after: int | None = None, stream: str = ROOM) -> Receipt:
    follows = seq - 1 if after is None else after
    return Receipt(at, stream, seq, follows, "message.posted", message or seq, "", "applied")


def subscribed(after: int = 0, head: int = 0, reset: bool = False, at: float = 1) -> Subscribed:
    return Subscribed(at, at - 0.1, ROOM, after, head, "epoch", reset)


@pytest.fixture
def good() -> Evidence:
    """Fay posted three messages, each acknowledged, the second at the second attempt; Gus read them."""
    fay, gus = Journal("Fay", FAY, positions={ROOM: 3}), Journal("Gus", GUS, positions={ROOM: 3})
    for number, client_id in enumerate(POSTS, start=1):
        fay.note(Attempt(number, 1, 7, client_id))
        if number == 2:
            fay.note(Unknown(number + 0.1, client_id))
            fay.note(Attempt(number + 0.2, 2, 7, client_id))
        fay.note(Ack(number + 0.5, client_id, number, number))
    for journal in (fay, gus):
        journal.note(subscribed())
        for seq in (1, 2, 3):
            journal.note(receipt(seq))
    rows = [row(number, client_id) for number, client_id in enumerate(POSTS, start=1)]
    truth = Truth("epoch", {"Fay": FAY, "Gus": GUS}, {ROOM: RoomTruth("private", 3, {FAY, GUS}, rows)})
    return Evidence([fay, gus], truth)


def append(evidence: Evidence, *rows: Row) -> None:
    """More messages, which everybody who stands at the head has received."""
    room = evidence.truth.rooms[ROOM]
    room.messages += rows
    for journal in evidence.journals:
        for new in rows:
            journal.note(receipt(new.changed_seq, message=new.id))
        journal.positions[ROOM] = room.head + len(rows)
    room.head += len(rows)


def test_it_finds_nothing_where_nothing_is_wrong(good: Evidence) -> None:
    verdict = check(good)
    assert verdict.is_good, verdict.lines
    expected = {"attempted": 3, "acknowledged": 3, "unknown": 1}
    assert {name: verdict.counts[name] for name in expected} == expected


def test_an_acknowledged_message_that_the_database_lacks(good: Evidence) -> None:
    fay = good.journals[0]
    fay.note(Attempt(5, 2, 7, "post-4"))
    fay.note(Ack(5.5, "post-4", 4, 4))
    assert wrong(good) == {"lost": 1}


def test_a_message_saved_twice(good: Evidence) -> None:
    append(good, row(4, "post-1"))
    assert "duplicated" in wrong(good)


def test_an_unacknowledged_message_may_stand_once_or_never(good: Evidence) -> None:
    good.journals[0].note(Attempt(5, 2, 7, "post-4"))
    assert wrong(good) == {}
    append(good, row(4, "post-4"))
    assert wrong(good) == {}
    append(good, row(5, "post-4"))
    assert wrong(good) == {"duplicated": 1}


def test_a_refused_message_that_was_saved_all_the_same(good: Evidence) -> None:
    good.journals[0].note(Attempt(5, 2, 7, "post-4"))
    good.journals[0].note(Refusal(5.5, "post-4", "forbidden"))
    append(good, row(4, "post-4"))
    assert wrong(good) == {"duplicated": 1}


def test_an_acknowledged_edit_that_is_gone(good: Evidence) -> None:
    good.journals[0].note(Changed(5, "message.edit", 2, 4))
    assert wrong(good) == {"lost": 1}


def test_an_acknowledged_deletion_that_was_undone(good: Evidence) -> None:
    good.journals[0].note(Changed(5, "message.delete", 2, 2))
    assert wrong(good) == {"lost": 1}


def test_an_event_that_a_member_never_received(good: Evidence) -> None:
    without(good, 2)
    assert wrong(good) == {"lost": 1, "reordered": 1}  # the client that applied 3 at 1 is told, too


def test_an_event_hidden_by_a_compaction_that_was_none(good: Evidence) -> None:
    """The server claimed that 3 follows 1, but 2 was not changed since."""
    without(good, 2)
    replace(good, receipt(3), receipt(3, after=1))
    assert wrong(good) == {"lost": 1}


def test_what_was_changed_meanwhile_comes_once(good: Evidence) -> None:
    rows = good.truth.rooms[ROOM].messages
    rows[1] = row(2, "post-2", changed_seq=4)
    good.truth.rooms[ROOM].head = 4
    for journal in good.journals:
        journal.entries = [entry for entry in journal.entries if entry != receipt(2)]
        journal.note(receipt(4, message=2))
        journal.positions[ROOM] = 4
    for journal in good.journals:
        place = journal.entries.index(receipt(3))
        journal.entries[place] = receipt(3, after=1)
    assert wrong(good) == {}


def test_a_member_who_never_gets_to_the_head(good: Evidence) -> None:
    gus = good.journals[1]
    gus.entries.remove(receipt(3))
    gus.positions[ROOM] = 2
    assert wrong(good) == {"lost": 1}


def test_an_event_told_twice_on_one_subscription(good: Evidence) -> None:
    good.journals[1].note(receipt(3)._replace(fate="dropped"))
    assert wrong(good) == {"duplicated": 1}


def test_after_another_subscription_it_may_come_again(good: Evidence) -> None:
    gus = good.journals[1]
    gus.note(subscribed(after=2, head=3))
    gus.note(receipt(3)._replace(fate="dropped"))
    assert wrong(good) == {}


def test_events_out_of_order_on_one_subscription(good: Evidence) -> None:
    gus = good.journals[1]
    second, third = (gus.entries.index(receipt(seq)) for seq in (2, 3))
    gus.entries[second], gus.entries[third] = gus.entries[third], gus.entries[second]
    assert "reordered" in wrong(good)


def test_members_who_were_told_different_messages_at_one_place(good: Evidence) -> None:
    replace(good, receipt(2), receipt(2, message=9))
    assert wrong(good) == {"reordered": 1}


def test_two_messages_at_one_place(good: Evidence) -> None:
    good.truth.rooms[ROOM].messages.append(row(3, "post-9")._replace(id=9))
    assert "reordered" in wrong(good)


def test_an_author_whose_messages_changed_places(good: Evidence) -> None:
    rows = good.truth.rooms[ROOM].messages
    rows[0], rows[2] = rows[0]._replace(client_id="post-3"), rows[2]._replace(client_id="post-1")
    good.journals[0].entries = [
        entry._replace(message={"post-1": 3, "post-3": 1}.get(entry.client_id, 2)) if isinstance(entry, Ack) else entry
        for entry in good.journals[0].entries
    ]
    assert wrong(good) == {"reordered": 2}


def test_a_page_of_history_that_differs(good: Evidence) -> None:
    good.journals[1].note(Page(20, 19, ROOM, ((2, 3), (3, 3))))
    assert wrong(good) == {"reordered": 1}


def test_after_a_reset_it_goes_on_from_the_head(good: Evidence) -> None:
    gus = good.journals[1]
    gus.entries = [subscribed(after=1, head=2, reset=True), Page(3, 2, ROOM, ((1, 1), (2, 2))), receipt(3)]
    assert wrong(good) == {}


# --- Access -----------------------------------------------------------------


def with_gus_removed(good: Evidence, back_at: float | None = None) -> Absence:
    """At 4 Fay removed Gus, who had left the stream by then; at 6, if at all, he is back."""
    room = good.truth.rooms[ROOM]
    room.messages += [row(4, said="removed Gus"), row(5, "post-5", author=FAY)]
    room.head = 5
    good.journals[0].entries += [receipt(4), receipt(5)]
    good.journals[0].positions[ROOM] = 5
    absence = Absence(GUS, ROOM, began=20, confirmed=21, ended=back_at)
    good.absences = [absence]
    if back_at is None:
        room.members.discard(GUS)
    else:
        append_to_room_alone(good, row(6, said="added Gus"))
        good.journals[1].entries += [receipt(seq, at=back_at + 1) for seq in (4, 5, 6)]
        good.journals[1].positions[ROOM] = 6
    return absence


def append_to_room_alone(good: Evidence, new: Row) -> None:
    good.truth.rooms[ROOM].messages.append(new)
    good.truth.rooms[ROOM].head = new.seq
    good.journals[0].note(receipt(new.seq))
    good.journals[0].positions[ROOM] = new.seq


def test_who_was_removed_reads_no_more(good: Evidence) -> None:
    with_gus_removed(good)
    assert wrong(good) == {}
    good.journals[1].note(receipt(5, at=22, after=3))
    assert "outside" in wrong(good)


def test_who_is_back_reads_what_was_said_meanwhile_but_not_before(good: Evidence) -> None:
    with_gus_removed(good, back_at=30)
    assert wrong(good) == {}
    replace(good, receipt(5, at=31), receipt(5, at=25))
    assert wrong(good) == {"outside": 1}


@pytest.mark.parametrize("entry", [subscribed(after=3, head=5, at=25), Page(25, 24, ROOM, ())])
def test_who_was_removed_is_given_nothing(good: Evidence, entry: Subscribed | Page) -> None:
    with_gus_removed(good)
    good.journals[1].note(entry)
    assert wrong(good) == {"outside": 1}


def test_who_was_removed_writes_no_more(good: Evidence) -> None:
    with_gus_removed(good)
    append_to_room_alone(good, row(6, "post-6", author=GUS))
    assert wrong(good) == {"outside": 1}


def test_an_outsider_gets_nothing(good: Evidence) -> None:
    stranger = Journal("Stranger", 3, [subscribed(), receipt(1)], {ROOM: 1})
    good.truth.names["Stranger"] = 3
    good.journals = [*good.journals, stranger]
    assert wrong(good) == {"outside": 2}


def test_who_was_signed_out_reads_no_more_after_two_seconds(good: Evidence) -> None:
    gus = good.journals[1]
    gus.entries.insert(-1, SignedOut(8.5, "signed out"))
    assert wrong(good) == {}
    gus.entries[-2] = SignedOut(6.5, "signed out")
    assert wrong(good) == {"outside": 1}


def test_who_was_signed_out_writes_no_more_at_once(good: Evidence) -> None:
    fay = good.journals[0]
    fay.entries += [SignedOut(20, "signed out"), Attempt(20.1, 2, 7, "post-4"), Ack(20.2, "post-4", 4, 4)]
    append(good, row(4, "post-4"))
    assert wrong(good) == {"outside": 1}


# --- Backups and jobs -------------------------------------------------------


def test_what_was_acknowledged_before_the_backup_is_in_it(good: Evidence) -> None:
    good.before = {"post-1", "post-0"}
    good.exempt = {"post-2", "post-00"}
    assert wrong(good) == {"lost": 1}
    assert check(good).counts["rolled_back"] == 1


@pytest.mark.parametrize(
    ("status", "told", "expected"),
    [
        ("succeeded", ["job.queued", "job.succeeded"], {}),
        ("running", ["job.started"], {"stuck": 1}),
        ("failed", ["job.started"], {"lost": 1}),
        ("failed", ["job.failed", "job.failed"], {"duplicated": 1}),
    ],
)
def test_a_job_ends_once(good: Evidence, status: str, told: list[str], expected: dict[str, int]) -> None:
    good.truth.jobs = {5: (FAY, status)}
    events = [InboxRow(seq, type_, 5) for seq, type_ in enumerate(told, start=1)]
    good.truth.inboxes[INBOX] = InboxTruth(len(events), events)
    good.jobs = {5}
    assert wrong(good) == expected


def test_a_job_that_was_started_and_is_not_there(good: Evidence) -> None:
    good.jobs = {6}
    assert wrong(good) == {"lost": 1}


def test_an_inbox_with_a_hole(good: Evidence) -> None:
    good.truth.inboxes[INBOX] = InboxTruth(2, [InboxRow(1, "job.queued", 5), InboxRow(2, "job.started", 5)])
    opened = subscribed()._replace(stream=INBOX)
    events = [receipt(2, message=5, after=0, stream=INBOX)]
    good.journals = [*good.journals, Journal("Fay/inbox", FAY, [opened, *events], {INBOX: 2})]
    assert wrong(good) == {"lost": 1}


# --- Help -------------------------------------------------------------------


def wrong(evidence: Evidence) -> dict[str, int]:
    found: Verdict = check(evidence)
    return {str(kind): times for kind, times in found.wrong.items()}


def without(good: Evidence, seq: int) -> None:
    """Gus never got that event."""
    good.journals[1].entries.remove(receipt(seq))


def replace(good: Evidence, old: Receipt, new: Receipt) -> None:
    """In Gus's journal."""
    entries = good.journals[1].entries
    entries[entries.index(old)] = new
