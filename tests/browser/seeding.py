"""A long past, written straight into a site's database: thousands of messages in a moment."""

from typing import Any

from tests.support.sites import Site

SEED = """
from datetime import timedelta
from django.utils import timezone
from chat.models import Message, Room
room, first = Room.objects.get(pk={room}), Room.objects.get(pk={room}).head_seq + 1
now = timezone.now()
rows = [
    Message(
        room=room, seq=first + n, changed_seq=first + n, author_id={authors}[n // 3 % {count}],
        created_at=(at := now - timedelta(minutes={number} - n)), changed_at=at,
        body=f"line {{n + 1}}.", html=f"<p>line {{n + 1}}.</p>",
    )
    for n in range({number})
]
Message.objects.bulk_create(rows, 500)
Room.objects.filter(pk=room.pk).update(head_seq=first + {number} - 1)
"""


def talk_of_the_past(site: Site, room: dict[str, Any], number: int, *authors: str) -> None:
    """“line 1.”, “line 2.” …, a minute each, by the authors in turns of three."""
    ids = [site.people[name].id for name in authors]
    site.manage("shell", "-c", SEED.format(room=room["id"], number=number, authors=ids, count=len(ids)))
