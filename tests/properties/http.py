"""The HTTP API in this very process, as one person with a token."""

import json
from typing import Any

from django.test import Client

from accounts import tokens
from accounts.models import User
from chatsite.realtime.threads import in_database
from tests.properties.store import Payload, as_entry, as_member, without_progress
from tests.support.cast import ALL_SCOPES

PAGE = 100


class Api:
    def __init__(self, user: User) -> None:
        self.user = user
        self.headers = {"Authorization": f"Bearer {tokens.create(user, 'tests', ALL_SCOPES)[1]}"}
        self._client = Client(headers=self.headers)

    async def call(self, method: str, path: str, body: Payload | None = None) -> tuple[int, Any]:
        """The status and the JSON of the answer, which is never our fault."""
        status, answer = await in_database(self._call, method, path, body)
        assert status < 500, (method, path, body, answer)
        return status, answer

    async def get(self, path: str) -> Any:
        """Raises LookupError for what is not there (any more)."""
        status, answer = await self.call("GET", path)
        if status == 404:
            raise LookupError(path)
        assert status == 200, answer
        return answer

    def _call(self, method: str, path: str, body: Payload | None) -> tuple[int, Any]:
        data = "" if body is None else json.dumps(body)
        response = self._client.generic(method, path, data, content_type="application/json")
        return response.status_code, response.json() if response.content else None

    # --- What a client loads ------------------------------------------------

    async def my_rooms(self) -> dict[int, Payload]:
        return {room["id"]: room for room in (await self.get("/api/rooms"))["rooms"] if room["role"] is not None}

    async def messages(self, room: int) -> list[Payload]:
        found: list[Payload] = []
        while True:
            after = found[-1]["seq"] if found else 0
            page = await self.get(f"/api/rooms/{room}/messages?after={after}&limit={PAGE}")
            found += page["messages"]
            if not page["has_more"]:
                return found

    async def listed(self, name: str) -> list[Payload]:
        """All of my "notifications" or "jobs"."""
        page = await self.get(f"/api/{name}?limit={PAGE}")
        found: list[Payload] = page[name]
        while page["has_more"]:
            page = await self.get(f"/api/{name}?limit={PAGE}&after={found[-1]['id']}")
            found += page[name]
        return found

    async def everything(self, *, progress: bool) -> Payload:
        """The state as `Store.knows` shows it, all of it fetched now."""
        rooms = await self.my_rooms()
        details = {pk: await self.get(f"/api/rooms/{pk}") for pk in rooms}
        assert details == {pk: room | {"members": details[pk]["members"]} for pk, room in rooms.items()}
        notifications, jobs = await self.listed("notifications"), await self.listed("jobs")
        return {
            "rooms": {pk: as_room(detail) for pk, detail in details.items()},
            "messages": {pk: {each["id"]: each for each in await self.messages(pk)} for pk in rooms},
            "notifications": {each["id"]: as_entry(each) for each in notifications},
            "unread notifications": (await self.get("/api/me"))["notifications"],
            "jobs": {each["id"]: each if progress else without_progress(each) for each in jobs},
        }


def as_room(detail: Payload) -> Payload:
    room = {key: value for key, value in detail.items() if key != "archived_at"}
    return room | {
        "archived": detail["archived_at"] is not None,
        "members": {member["id"]: as_member(member) for member in detail["members"]},
    }
