"""What the database holds in the end: read by the `clerk` as JSON, made a `Truth` here."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

TERMINAL = {"job.succeeded", "job.failed", "job.cancelled"}


class Row(NamedTuple):
    """A message. `said` is a system message's text, which tells who came and went."""

    id: int
    seq: int
    changed_seq: int
    kind: str
    change: str
    author: int | None
    client_id: str | None
    deleted: bool
    said: str


class InboxRow(NamedTuple):
    seq: int
    type: str
    job: int


@dataclass
class RoomTruth:
    kind: str
    head: int
    members: set[int]
    messages: list[Row]


@dataclass
class InboxTruth:
    head: int
    events: list[InboxRow]


@dataclass
class Truth:
    epoch: str
    names: dict[str, int] = field(default_factory=dict)  # display name → person
    rooms: dict[str, RoomTruth] = field(default_factory=dict)  # by stream
    inboxes: dict[str, InboxTruth] = field(default_factory=dict)
    jobs: dict[int, tuple[int, str]] = field(default_factory=dict)  # owner, status

    @classmethod
    def of(cls, raw: dict[str, Any]) -> "Truth":
        rooms = {
            stream: RoomTruth(kind, head, set(members), [Row(*row) for row in rows])
            for stream, (kind, head, members, rows) in raw["rooms"].items()
        }
        inboxes = {
            stream: InboxTruth(head, [InboxRow(*row) for row in rows])
            for stream, (head, rows) in raw["inboxes"].items()
        }
        jobs = {int(pk): (owner, status) for pk, (owner, status) in raw["jobs"].items()}
        return cls(raw["epoch"], raw["names"], rooms, inboxes, jobs)

    def head_of(self, stream: str) -> int:
        found = self.rooms.get(stream) or self.inboxes.get(stream)
        return found.head if found else 0

    def may_read(self, person: int, stream: str) -> bool:
        if room := self.rooms.get(stream):
            return room.kind == "public" or person in room.members
        return stream == f"inbox:{person}"


def from_database() -> dict[str, Any]:
    from accounts.models import User
    from chat.models import Membership, Message, Room
    from chatsite.realtime.streams import epoch
    from notifications.models import Inbox, InboxEvent, Job

    columns = ("id", "seq", "changed_seq", "kind", "change", "author", "client_id", "deleted_at", "body")
    rooms: dict[str, Any] = {}
    for room in Room.objects.all():
        rows = [
            [*row[:6], row[6] and str(row[6]), row[7] is not None, row[8] if row[3] == "system" else ""]
            for row in Message.objects.filter(room=room).order_by("seq").values_list(*columns)
        ]
        members = list(Membership.objects.filter(room=room).values_list("user", flat=True))
        rooms[f"room:{room.pk}"] = [room.kind, room.head_seq, members, rows]
    inboxes: dict[str, Any] = {f"inbox:{inbox.pk}": [inbox.head_seq, []] for inbox in Inbox.objects.all()}
    for event in InboxEvent.objects.order_by("inbox", "seq"):
        job = event.payload.get("job") or {}
        inboxes[f"inbox:{event.inbox_id}"][1].append([event.seq, event.type, job.get("id", 0)])
    return {
        "epoch": epoch(),
        "names": {user.name: user.pk for user in User.objects.all()},
        "rooms": rooms,
        "inboxes": inboxes,
        "jobs": {job.pk: [job.owner_id, job.status] for job in Job.objects.all()},
    }
