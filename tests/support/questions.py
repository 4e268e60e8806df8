"""What is asked of the database all the time, in the worst case on the site of `crowd.fill`.

Person 1 asks, who is in every room, has read nothing and has an overflowing inbox; of the largest room.
"""

from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID

from accounts.identities import lost
from accounts.models import User
from chat import queries, seen
from chat.markup import render
from chat.models import Room
from chat.services.posting import Post, post_messages
from chat.services.reading import read_room
from chat.streams import RoomKind
from chatsite import context
from chatsite.realtime.commands import Subscribe
from chatsite.realtime.identity import Identity
from chatsite.realtime.opening import MAX_REPLAY, Request, open_all
from chatsite.realtime.streams import states_of
from notifications import views as inbox
from notifications.models import Notification
from notifications.services import mark_read
from notifications.streams import InboxKind
from tests.support.crowd import BUSIEST, COMMON_WORD, LARGEST, PASSWORD, RARE_WORD, Size

IDENTITIES = 1_000
POSTS = 64
UNREAD = {"aside_once", "message_own", "message_gone"}
ROOM_LIST = UNREAD | {"notification_of_room"}


class Site(NamedTuple):
    size: Size
    reader: User
    head: int  # of the largest room

    @property
    def replay(self) -> int:
        """What somebody was away for: 1,000 events, and on a smaller site a smaller part of them."""
        return min(MAX_REPLAY, self.size.messages // 600)

    @property
    def middle(self) -> int:
        return self.head // 2


class Question(NamedTuple):
    name: str
    ask: Callable[[Site], Any]
    statements: int = 0  # at most; where it has a goal
    indexes: set[str] = set()  # that answer it
    has_goal: bool = True  # on time, see `tests/load/large.py`, and on how it is answered


def site_of(size: Size) -> Site:
    reader = User.objects.get(pk=BUSIEST)
    return Site(size, reader, Room.objects.get(pk=LARGEST).head_seq)


def _history(site: Site, before: int | None = None, after: int | None = None) -> Any:
    return queries.history(site.reader, LARGEST, before=before, after=after, limit=queries.MAX_PAGE_MESSAGES)


def _first_view(site: Site) -> Any:
    """What the page of a room reads before it is shown; see `chat.views.room` and `chatsite.context`."""
    queries.first_view(site.reader, f"room-{LARGEST}")
    return context.shell(site.reader)


def _replay(site: Site, after: int) -> Any:
    return RoomKind().read(LARGEST, after, site.replay)


def _subscribe(site: Site, behind: int) -> Any:
    command = Subscribe(type="stream.subscribe", stream=f"room:{LARGEST}", after=site.head - behind)
    (answer,) = open_all([Request(_identity(BUSIEST), command)])
    assert not isinstance(answer, Exception), answer
    return answer


def _identity(number: int) -> Identity:
    """Half of the people are signed in by a session, half by a token."""
    if number % 2:
        return Identity(number, f"session-{number}", None, PASSWORD)
    return Identity(number, None, number, PASSWORD)


def _lost(site: Site) -> Any:
    gone = lost([_identity(number) for number in range(1, min(IDENTITIES, site.size.people) + 1)])
    assert not gone
    return gone


def _post(site: Site) -> Any:
    html = render("Good morning", {})
    rooms = [1 + number % min(10, site.size.rooms) for number in range(POSTS)]
    return post_messages(
        [Post(BUSIEST, room, UUID(int=2**100 + n), "Good morning", html) for n, room in enumerate(rooms)]
    )


QUESTIONS = [
    Question("history: the newest page", _history, 5, {"message_dense_seq"}),
    Question("history: before the middle", lambda site: _history(site, before=site.middle), 5, {"message_dense_seq"}),
    Question("history: after the middle", lambda site: _history(site, after=site.middle), 5, {"message_dense_seq"}),
    Question("history: the oldest page", lambda site: _history(site, after=0), 5, {"message_dense_seq"}),
    Question("a room's page, first view", _first_view, 40, ROOM_LIST | {"message_dense_seq"}),
    Question("room list", lambda site: seen.visible_rooms(site.reader), 3, ROOM_LIST),
    Question("sidebar", lambda site: queries.sidebar(site.reader), 3, ROOM_LIST),
    Question("home", lambda site: seen.rooms_with_last_talk(site.reader), 3, ROOM_LIST | {"message_dense_seq"}),
    Question("catch-up of 1,000, old ones", lambda site: _replay(site, site.middle), 2,
             {"message_changed_seq", "reaction_once"}),
    Question("catch-up of 1,000, the newest", lambda site: _replay(site, site.head - site.replay), 2,
             {"message_changed_seq", "reaction_once"}),
    Question("mark as read, half-way", lambda site: read_room(site.reader, LARGEST, site.middle), 30,
             UNREAD | {"notification_of_room"}),
    Question("mark as read, to the head", lambda site: read_room(site.reader, LARGEST, site.head), 30,
             {"notification_of_room"}),
    Question("inbox: a page", lambda site: inbox.notifications_of(BUSIEST, "everything"), 1, {"notification_of_user"}),
    Question("inbox: an unread page", lambda site: inbox.notifications_of(BUSIEST, "waiting"), 1,
             {"notification_unread"}),
    Question("inbox: what waits", lambda site: inbox.waiting_for(BUSIEST), 2),
    Question("inbox: unread count", lambda site: Notification.objects.of(BUSIEST).unread().count(), 1),
    Question("inbox: catch-up of 1,000", lambda site: InboxKind().read(BUSIEST, 500, site.replay), 1,
             {"inboxevent_dense_seq"}),
    Question("heads of all rooms",
             lambda site: states_of([f"room:{n + 1}" for n in range(site.size.rooms)]), 1),
    Question("1,000 identities", _lost, 8),
    Question("subscribe, at the head", lambda site: _subscribe(site, 0), 20, UNREAD),
    Question("subscribe, 1,000 behind", lambda site: _subscribe(site, site.replay), 22, {"message_changed_seq"}),
    Question("post 64 in 10 rooms", _post, has_goal=False),
    Question("inbox: read 2,000", lambda site: mark_read(BUSIEST, up_to=10**9), has_goal=False),
    Question("search: a common word", lambda site: queries.search(site.reader, COMMON_WORD), 2, has_goal=False),
    Question("search: a rare word", lambda site: queries.search(site.reader, RARE_WORD), 2, has_goal=False),
    Question("search: a rare word in a room", lambda site: queries.search(site.reader, RARE_WORD, room_id=LARGEST), 2,
             has_goal=False),
]  # fmt: skip
