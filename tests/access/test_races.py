"""Rights are read under the lock that their loss takes: what waits for it is judged by what it finds then."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, connections, transaction
from django.test import Client
from django.utils import timezone

from accounts.models import User
from chat import queries
from chat.models import Membership, Message, Room
from chat.services.changing import add_reaction, delete_message, edit_message, remove_reaction
from chat.services.members import change_kind, change_standing, expel, put_member, remove_member
from chat.services.posting import Post, post_message
from chat.services.reading import read_room
from chat.services.rooms import apply_changes, change_room
from chatsite.realtime.commands import CommandError
from notifications.models import Notification
from tests.support import cast
from tests.unit.chat.conftest import post_of, said, speak

WAIT_SECONDS = 20


class Table:
    """Bob moderates Alice's private room; one message there is his, with a reaction of his, one is hers."""

    def __init__(self) -> None:
        self.alice, self.bob, self.charlie, self.dina = map(cast.make_user, ("alice", "bob", "charlie", "dina"))
        self.room = cast.make_room("green-room", self.alice, [self.dina])
        cast.add_member(self.room, self.bob, Membership.Role.MODERATOR)
        self.his, self.hers = speak(self.bob, self.room)["id"], speak(self.alice, self.room)["id"]
        add_reaction(self.bob, self.his, "👍")
        self.post: Post = post_of(self.bob, self.room)

    # How Bob's rights end; each wants the room locked.

    def removed(self, room: Room) -> None:
        expel(room, Membership.objects.get(room=room, user=self.bob), actor=self.alice)

    def muted(self, room: Room) -> None:
        membership = Membership.objects.get(room=room, user=self.bob)
        membership.muted_at = timezone.now()
        change_standing(membership)

    def demoted(self, room: Room) -> None:
        put_member(self.alice, room.pk, self.bob.pk, "member")

    def archived(self, room: Room) -> None:
        apply_changes(self.alice, room, name=None, topic=None, archived=True)

    # What Bob tries meanwhile.

    def posts(self) -> Any:
        return post_message(self.post)

    def edits(self) -> Any:
        return edit_message(self.bob, self.his, "Changed")

    def deletes_his(self) -> Any:
        return delete_message(self.bob, self.his)

    def deletes_hers(self) -> Any:
        return delete_message(self.bob, self.hers)

    def reacts(self) -> Any:
        return add_reaction(self.bob, self.hers, "🎉")

    def takes_back(self) -> Any:
        return remove_reaction(self.bob, self.his, "👍")

    def reads(self) -> Any:
        return read_room(self.bob, self.room.pk, 1)

    def invites(self) -> Any:
        return put_member(self.bob, self.room.pk, self.charlie.pk)

    def removes(self) -> Any:
        return remove_member(self.bob, self.room.pk, self.dina.pk)

    def renames(self) -> Any:
        return change_room(self.bob, self.room.pk, name="Bob's")


WRITES = ["posts", "edits", "deletes_his", "deletes_hers", "reacts", "takes_back"]
RULES = ["invites", "removes", "renames"]
RACES = [
    *(("removed", attempt, "not_found") for attempt in [*WRITES, "reads", *RULES]),
    *(("muted", attempt, "muted") for attempt in WRITES),
    *(("archived", attempt, "archived") for attempt in [*WRITES, "invites"]),
    *(("demoted", attempt, "forbidden") for attempt in ["deletes_hers", *RULES]),
]


@pytest.fixture
def table(transactional_db: None) -> Table:
    return Table()


@contextmanager
def while_it_waits(attempt: Callable[[], Any]) -> Iterator[list[Any]]:
    """Makes the attempt in a thread while the block's transaction holds its locks; then has what came of it."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(attempt())
        except CommandError as error:
            outcome.append(error.code)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    with transaction.atomic():
        yield outcome
        thread.start()
        until_it_waits(thread)
    thread.join(WAIT_SECONDS)


def until_it_waits(thread: threading.Thread) -> None:
    """Until PostgreSQL says that a lock is waited for. SQLite lets nobody begin meanwhile, so nothing can be read."""
    if connection.vendor == "sqlite":
        return
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with connection.cursor() as cursor:
        for _ in range(WAIT_SECONDS * 1_000):
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(waiting)
            if cursor.fetchone() != (0,):
                return
            thread.join(0.001)
            assert thread.is_alive(), "it waited for nothing"
    raise TimeoutError("nobody waits for the lock")


@pytest.mark.parametrize(("loss", "attempt", "code"), RACES, ids=lambda value: value)
def test_who_waits_at_the_lock_has_lost_the_right_when_it_opens(
    table: Table, loss: str, attempt: str, code: str
) -> None:
    with while_it_waits(getattr(table, attempt)) as outcome:
        room = Room.objects.select_for_update(no_key=True).get(pk=table.room.pk)
        getattr(table, loss)(room)
    assert outcome == [code]


def test_a_room_made_private_is_joined_by_nobody_who_waits(table: Table) -> None:
    Room.objects.filter(pk=table.room.pk).update(kind=Room.Kind.PUBLIC)
    with while_it_waits(lambda: put_member(table.charlie, table.room.pk, table.charlie.pk)) as outcome:
        change_kind(Room.objects.select_for_update(no_key=True).get(pk=table.room.pk), kind=Room.Kind.PRIVATE)
    assert outcome == ["not_found"]
    assert not Membership.objects.filter(user=table.charlie).exists()


@pytest.mark.skipif(connection.vendor == "sqlite", reason="there any two writers wait for each other")
@pytest.mark.parametrize("page", ["membership", "room"])
def test_a_mute_at_the_admin_site_waits_for_the_room(table: Table, page: str) -> None:
    """So what is written after it was answered has seen it."""
    admin = Client()
    admin.force_login(cast.make_user("admin", is_staff=True, is_superuser=True))
    membership = Membership.objects.get(user=table.bob)
    muted = {"role": "member", "muted_at_0": "2026-01-01", "muted_at_1": "00:00:00"}
    if page == "room":
        rows = {"TOTAL_FORMS": 1, "INITIAL_FORMS": 1, "0-id": membership.pk, "0-room": table.room.pk}
        rows |= {"0-user": table.bob.pk} | {f"0-{name}": value for name, value in muted.items()}
        form = {"name": "Green room", "kind": "private"} | {f"memberships-{name}": row for name, row in rows.items()}
        path = f"/admin/chat/room/{table.room.pk}/change/"
    else:
        form, path = muted, f"/admin/chat/membership/{membership.pk}/change/"
    with while_it_waits(lambda: admin.post(path, form).status_code) as outcome:
        Room.objects.select_for_update(no_key=True).get(pk=table.room.pk)
    assert outcome == [302]
    membership.refresh_from_db()
    assert (membership.role, membership.muted_at is None) == ("member", False)


def test_who_is_removed_twice_at_once_is_removed_once(table: Table) -> None:
    """By the administration, say, whose form was filled in before."""
    stale = Membership.objects.get(room=table.room, user=table.bob)
    remove_member(table.alice, table.room.pk, table.bob.pk)
    head = Room.objects.get().head_seq
    with transaction.atomic():
        expel(Room.objects.select_for_update(no_key=True).get(), stale, actor=table.alice)
    assert Room.objects.get().head_seq == head


# --- What a removed one is told or shown nothing of ---------------------------


def test_who_was_removed_between_rendering_and_saving_is_not_told_of_a_mention(
    alice: User, bob: User, room: Room
) -> None:
    post = post_of(alice, room, "@bob, this is between us")
    assert set(post.rendered.mentioned) == {bob.pk}
    remove_member(alice, room.pk, bob.pk)
    post_message(post)
    assert not Notification.objects.filter(kind=Notification.Kind.MENTION).exists()


@pytest.mark.parametrize("how", ["removed", "made private"])
def test_what_was_said_once_is_not_shown_again_to_who_may_not_read_it(
    alice: User, bob: User, room: Room, public_room: Room, how: str
) -> None:
    """The same `client_id` again would tell what became of the message."""
    place = room if how == "removed" else public_room
    client_id = uuid4()
    first = said(bob, place, "Once", client_id)
    remove_member(alice, place.pk, bob.pk)
    with transaction.atomic():
        change_kind(Room.objects.select_for_update(no_key=True).get(pk=place.pk), kind=Room.Kind.PRIVATE)
    for room_id in (room.pk, public_room.pk):
        with pytest.raises(CommandError) as refused:
            post_message(Post(bob.pk, room_id, client_id, "Once", post_of(bob, place).rendered))
        assert refused.value.code == "not_found"
    assert Message.objects.filter(client_id=client_id).count() == 1
    assert first.created


@pytest.mark.parametrize("how", ["archived", "muted", "left"])
def test_who_may_still_read_gets_the_same_ok_again(alice: User, bob: User, public_room: Room, how: str) -> None:
    client_id = uuid4()
    first = said(bob, public_room, "Once", client_id)
    if how == "archived":
        change_room(alice, public_room.pk, archived=True)
    elif how == "muted":
        Membership.objects.filter(user=bob).update(muted_at=timezone.now())
    else:
        remove_member(bob, public_room.pk, bob.pk)
    again = said(bob, public_room, "Once", client_id)
    assert (again.created, again.message) == (False, first.message)


@pytest.mark.parametrize("page", [{"before": None, "after": None}, {"before": None, "after": 0}])
def test_a_page_of_history_is_not_given_to_who_was_removed_while_it_was_read(
    alice: User, bob: User, room: Room, page: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    speak(alice, room, "Before")
    honest = queries.message_payload

    def meanwhile(message: Message) -> dict[str, Any]:
        if Membership.objects.filter(room=room, user=bob).exists():
            remove_member(alice, room.pk, bob.pk)
        return honest(message)

    monkeypatch.setattr(queries, "message_payload", meanwhile)
    with pytest.raises(CommandError) as refused:
        queries.history(bob, room.pk, limit=10, **page)
    assert refused.value.code == "not_found"


@pytest.mark.parametrize("read", ["members", "room_detail"])
def test_who_is_in_a_room_is_not_told_to_who_was_removed_while_it_was_read(
    alice: User, bob: User, room: Room, read: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = queries.member_from

    def meanwhile(columns: Any) -> dict[str, Any]:
        if Membership.objects.filter(room=room, user=bob).exists():
            remove_member(alice, room.pk, bob.pk)
        return honest(columns)

    monkeypatch.setattr(queries, "member_from", meanwhile)
    with pytest.raises(CommandError) as refused:
        getattr(queries, read)(bob, room.pk)
    assert refused.value.code == "not_found"


def test_found_messages_of_a_room_that_was_lost_meanwhile_are_left_out(
    alice: User, bob: User, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    speak(alice, room, "A secret apple")
    honest = queries.search

    def meanwhile(*args: Any, **kwargs: Any) -> dict[str, Any]:
        found = honest(*args, **kwargs)
        remove_member(alice, room.pk, bob.pk)
        return found

    monkeypatch.setattr(queries, "search", meanwhile)
    browser = Client()
    browser.force_login(bob)
    answer = browser.get("/search?q=apple")
    assert answer.status_code == 200
    assert "secret" not in answer.content.decode()
