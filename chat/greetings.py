"""What people are told of a room as they open its stream."""

from collections.abc import Collection
from typing import Any

from chat.models import Room
from chat.payloads import room_payload
from chat.queries import MEMBERS_SHOWN, members_of
from chat.seen import seen_by


def room_details(room_id: int, user_ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """The room with its first members as each of these sees it; those who may not are left out."""
    shown = members_of(room_id, MEMBERS_SHOWN)
    room = Room.objects.filter(pk=room_id).first()
    seen = seen_by(user_ids, room) if room else {}
    return {user_id: room_payload(mine) | {"members": shown} for user_id, mine in seen.items()}
