"""What people are told of rooms as they open their streams."""

from collections.abc import Collection, Mapping
from typing import Any

from chat.models import Room
from chat.payloads import room_payload
from chat.queries import first_members
from chat.seen import seen_by


def room_details(readers: Mapping[int, Collection[int]]) -> dict[tuple[int, int], dict[str, Any]]:
    """Rooms with their first members as people see them, by room and person; those who may not see it are left out."""
    members = first_members(readers.keys())
    rooms = Room.objects.filter(pk__in=readers)
    seen = seen_by({room: readers[room.pk] for room in rooms})
    return {pair: room_payload(room) | {"members": members[room.pk]} for pair, room in seen.items()}
