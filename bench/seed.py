"""People, rooms, memberships and keys for the load generator.

`python -m bench.seed FOLDER 100x1 500x50 …`, in the site's environment with ALLOW_SEED_LOAD=1: for each
layout of MEMBERSxROOMS so many new rooms, person n being a member of room n modulo ROOMS alone; and a
file FOLDER/MEMBERSxROOMS for `load --keys`. The same people in all of them.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from accounts.models import User
    from chat.models import Room

BATCH = 1_000


def main(folder: Path, layouts: list[str]) -> None:
    from django.core.management import call_command
    from django.db import transaction

    from accounts.models import User

    shapes = {layout: tuple(map(int, layout.split("x"))) for layout in layouts}
    count = max(members for members, _ in shapes.values())
    everybody = folder / "everybody"
    call_command("seed_load", users=count, rooms=1, out=everybody)
    lines = everybody.read_text().splitlines()[1:]
    people = list(User.objects.filter(pk__in=[int(line.split()[0]) for line in lines]).order_by("pk"))
    with transaction.atomic():
        for layout, (members, rooms) in shapes.items():
            ids = [str(room.pk) for room in make_rooms(layout, people[:members], rooms)]
            (folder / layout).write_text("\n".join([f"# rooms {' '.join(ids)}", *lines[:members]]) + "\n")


def make_rooms(layout: str, people: "list[User]", count: int) -> "list[Room]":
    from django.utils import timezone

    from chat.models import Membership, Room

    now = timezone.now()
    rows = [
        Room(slug=f"bench-{layout}-{n}", name=f"Bench {layout} {n}", created_by=people[0], created_at=now)
        for n in range(count)
    ]
    rooms = Room.objects.bulk_create(rows, BATCH)
    memberships = [Membership(room=rooms[n % count], user=person, joined_at=now) for n, person in enumerate(people)]
    Membership.objects.bulk_create(memberships, BATCH)
    return rooms


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatsite.settings")
    django.setup()
    main(Path(sys.argv[1]), sys.argv[2:])
