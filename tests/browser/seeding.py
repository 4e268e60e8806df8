"""A long past, written straight into a site's database: thousands of messages in a moment."""

from collections.abc import Mapping

from tests.support.sites import Site

SEED = """
from datetime import timedelta
from django.utils import timezone
from chat.models import Message, Room
now = timezone.now()
for pk, number in {lengths}.items():
    room = Room.objects.get(pk=pk)
    first = room.head_seq + 1
    rows = [
        Message(
            room=room, seq=first + n, changed_seq=first + n, author_id={authors}[n // 3 % {count}],
            created_at=(at := now - timedelta(minutes=number - n)), changed_at=at,
            body=f"line {{n + 1}}.", html=f"<p>line {{n + 1}}.</p>",
        )
        for n in range(number)
    ]
    Message.objects.bulk_create(rows, 500)
    Room.objects.filter(pk=pk).update(head_seq=first + number - 1)
"""


def talk_of_the_past(site: Site, lengths: Mapping[int, int], *authors: str) -> None:
    """“line 1.”, “line 2.” …, a minute each, by the authors in turns of three; so many for each room's id."""
    ids = [site.people[name].id for name in authors]
    site.manage("shell", "-c", SEED.format(lengths=dict(lengths), authors=ids, count=len(ids)))
