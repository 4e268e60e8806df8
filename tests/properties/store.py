"""What a client knows, kept by the rules of docs/protocol.md and nothing else.

A `Store` holds one person's rooms with their messages, notifications and jobs. `knows`
gives them in the shape in which `fresh.fetched` gets them over HTTP, so that the two can
be compared. What only ephemeral events tell (presence, how far a job is) is left out
where they may have been missed.
"""

from typing import Any

Payload = dict[str, Any]

PROGRESS = ("done", "total", "percent", "step", "eta_seconds", "log_tail", "cancel_requested")
ROOM_KEYS = ("id", "slug", "name", "topic", "kind", "created_at")
CALLING = ("mention", "reply")


class Store:
    def __init__(self, me: int) -> None:
        self.me = me
        self.positions: dict[str, int] = {}
        self.rooms: dict[int, Payload] = {}
        self.messages: dict[int, dict[int, Payload]] = {}
        self.notifications: dict[int, Payload] = {}
        self.jobs: dict[int, Payload] = {}
        self.saw_all = True  # no event came from before the state that was loaded

    # --- What is loaded -----------------------------------------------------

    def load_inbox(self, notifications: list[Payload], jobs: list[Payload]) -> None:
        self.notifications = {each["id"]: as_entry(each) for each in notifications}
        self.jobs = {each["id"]: each for each in jobs}

    def take_room(self, room: Payload) -> None:
        """A room as it now is: of `stream.subscribe`'s `ok`, or over HTTP. Read marks never move back."""
        known = self.rooms.get(room["id"], {"last_read_seq": 0})
        self.rooms[room["id"]] = {key: room[key] for key in ROOM_KEYS} | {
            "archived": room["archived_at"] is not None,
            "last_read_seq": max(room["last_read_seq"], known["last_read_seq"]),
            "members": {member["id"]: as_member(member) for member in room["members"]},
        }
        self.messages.setdefault(room["id"], {})

    def load_messages(self, room: int, messages: list[Payload]) -> None:
        self.messages[room] = {message["id"]: message for message in messages}

    def forget_room(self, room: int) -> None:
        self.rooms.pop(room, None)
        self.messages.pop(room, None)
        self.positions.pop(f"room:{room}", None)

    # --- What is told -------------------------------------------------------

    def fits(self, event: Payload) -> bool:
        """False where something before it is missing. Nothing may come twice."""
        position = self.positions[event["stream"]]
        assert position < event["seq"], f"twice: at {position} there came {event}"
        return bool(event.get("after", event["seq"] - 1) <= position)

    def apply(self, event: Payload) -> None:
        """A durable event that fits."""
        self.positions[event["stream"]] = event["seq"]
        noun = event["type"].partition(".")[0]
        if noun == "message":
            message = event["message"]
            assert message["changed_seq"] == event["seq"], event
            self.messages[message["room"]][message["id"]] = message
        elif noun == "job":
            self._take_job(event["job"])
        elif event["type"] == "notification.created":
            self.notifications[event["notification"]["id"]] = as_entry(event["notification"])
        elif event["type"] == "notification.read":
            self._take_read(event)
        elif event["type"] == "room.read" and event["room"] in self.rooms:
            room = self.rooms[event["room"]]
            room["last_read_seq"] = max(room["last_read_seq"], event["last_read_seq"])

    def _take_job(self, job: Payload) -> None:
        self.jobs[job["id"]] = job
        for entry in self.notifications.values():
            if entry["job"] and entry["job"]["id"] == job["id"]:
                entry["job"] = {key: job[key] for key in ("id", "title", "status")}

    def _take_read(self, event: Payload) -> None:
        for pk, entry in self.notifications.items():
            if pk in event["ids"] or (event["up_to"] is not None and pk <= event["up_to"]):
                entry["read"] = True
        if self.saw_all:
            assert event["unread"] == self.unread_notifications, event

    def take_hint(self, event: Payload) -> None:
        """An ephemeral event."""
        if event["type"] == "room.changed" and (room := self.rooms.get(event["room"]["id"])):
            room |= {key: event["room"][key] for key in ("slug", "name", "kind", "topic", "archived")}
        elif event["type"] == "member.joined" and (room := self.rooms.get(event["room"])):
            room["members"][event["member"]["id"]] = as_member(event["member"])
        elif event["type"] == "member.left" and (room := self.rooms.get(event["room"])):
            room["members"].pop(event["user"], None)
        elif event["type"] == "job.progressed":
            known = self.jobs.get(event["job"]["id"])
            if known and known["finished_at"] is None:
                self._take_job({key: value for key, value in event["job"].items() if key != "rate"})

    # --- What comes of it ---------------------------------------------------

    @property
    def unread_notifications(self) -> int:
        return sum(not entry["read"] for entry in self.notifications.values())

    def knows(self, *, progress: bool) -> Payload:
        """All of it, with what a client counts by itself; how far open jobs are only where `progress`."""
        return {
            "rooms": {pk: self._room(room) for pk, room in self.rooms.items()},
            "messages": self.messages,
            "notifications": self.notifications,
            "unread notifications": self.unread_notifications,
            "jobs": {pk: job if progress else without_progress(job) for pk, job in self.jobs.items()},
        }

    def _room(self, room: Payload) -> Payload:
        waiting = [entry for entry in self.notifications.values() if not entry["read"] and entry["kind"] in CALLING]
        mine = room["members"].get(self.me, {})
        return room | {
            "head": self.positions.get(f"room:{room['id']}"),
            "unread": sum(self._is_unread(message, room) for message in self.messages[room["id"]].values()),
            "mentions": sum(entry["data"]["room"]["id"] == room["id"] for entry in waiting),
            "role": mine.get("role"),
            "muted": mine.get("muted"),
            "member_count": len(room["members"]),
        }

    def _is_unread(self, message: Payload, room: Payload) -> bool:
        by_others = message["kind"] != "system" and message["author"]["id"] != self.me
        return by_others and message["deleted_at"] is None and message["seq"] > room["last_read_seq"]


def as_entry(notification: Payload) -> Payload:
    """When it was read is told nobody, only that."""
    entry = {key: value for key, value in notification.items() if key != "read_at"}
    return entry | {"read": notification["read_at"] is not None}


def as_member(member: Payload) -> Payload:
    return {key: value for key, value in member.items() if key != "presence"}


def without_progress(job: Payload) -> Payload:
    open_ = job["finished_at"] is None
    return {key: value for key, value in job.items() if not (open_ and key in PROGRESS)}


def differences(known: Any, fresh: Any, path: str = "") -> list[str]:
    """Where two states differ, one line each."""
    if isinstance(known, dict) and isinstance(fresh, dict):
        keys = sorted(known.keys() | fresh.keys(), key=str)
        return [line for key in keys for line in differences(known.get(key), fresh.get(key), f"{path}/{key}")]
    return [] if known == fresh else [f"{path}: the client has {known!r}, it is {fresh!r}"]
