"""What somebody is told of a room as they open its stream."""

from collections.abc import Collection
from typing import Any

from accounts.models import User
from chat.payloads import room_payload
from chat.queries import MEMBERS_SHOWN, members_of
from chat.seen import seen_room


def room_details(room_id: int, user_ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """The room with its first members as each of these sees it; those who may not are left out."""
    shown = members_of(room_id, MEMBERS_SHOWN)
    people = User.objects.in_bulk(user_ids)
    rooms = {user.pk: seen_room(user, pk=room_id) for user in people.values()}
    return {pk: room_payload(room) | {"members": shown} for pk, room in rooms.items() if room is not None}
