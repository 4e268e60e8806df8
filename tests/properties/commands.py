"""What people do. Each command is a value, so that a failing sequence can be read and shrunk."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from django.utils import timezone

from chatsite.realtime.threads import in_database
from notifications.jobs.execute import execute
from notifications.jobs.lease import claim
from notifications.jobs.sweep import sweep
from notifications.models import Job
from tests.properties.world import NAMES, World


@dataclass(frozen=True)
class Command:
    who: str

    async def run(self, world: World) -> None:
        raise NotImplementedError


# --- Messages ---------------------------------------------------------------


@dataclass(frozen=True)
class Post(Command):
    room: int
    text: str
    answers: int | None = None
    over_http: bool = False

    async def run(self, world: World) -> None:
        fields = {"body": written(world, self.text), "client_id": str(uuid4())}
        if self.answers is not None:
            fields["reply_to"] = world.message(self.answers) or None
        room = world.room(self.room)
        if self.over_http:
            message = await world.call(self.who, "POST", f"/api/rooms/{room}/messages", fields)
        else:
            message = (await world.ask(self.who, "message.post", room=room, **fields) or {}).get("message")
        if message:
            world.messages.append(message["id"])


def written(world: World, text: str) -> str:
    """With people's user names in the place of their first ones: `@alice`."""
    for name in NAMES:
        text = text.replace(f"@{name}", f"@{world.handle(name)}")
    return text


@dataclass(frozen=True)
class Edit(Command):
    message: int
    text: str

    async def run(self, world: World) -> None:
        body = written(world, self.text)
        await world.ask(self.who, "message.edit", message=world.message(self.message) or 1, body=body)


@dataclass(frozen=True)
class Delete(Command):
    message: int

    async def run(self, world: World) -> None:
        await world.ask(self.who, "message.delete", message=world.message(self.message) or 1)


@dataclass(frozen=True)
class React(Command):
    message: int
    emoji: str

    async def run(self, world: World) -> None:
        await world.ask(self.who, "reaction.add", message=world.message(self.message) or 1, emoji=self.emoji)


@dataclass(frozen=True)
class Unreact(Command):
    message: int
    emoji: str

    async def run(self, world: World) -> None:
        await world.ask(self.who, "reaction.remove", message=world.message(self.message) or 1, emoji=self.emoji)


# --- Reading ----------------------------------------------------------------


@dataclass(frozen=True)
class Read(Command):
    room: int
    seq: int

    async def run(self, world: World) -> None:
        await world.ask(self.who, "room.read", room=world.room(self.room), seq=self.seq)


@dataclass(frozen=True)
class ReadNotifications(Command):
    """The newest but `skip`: that one, or all up to it."""

    skip: int
    up_to: bool

    async def run(self, world: World) -> None:
        listed = await world.people[self.who].api.listed("notifications")
        if self.skip < len(listed):
            pk = listed[self.skip]["id"]
            await world.call(
                self.who, "POST", "/api/notifications/read", {"up_to": pk} if self.up_to else {"ids": [pk]}
            )


# --- Rooms ------------------------------------------------------------------


@dataclass(frozen=True)
class NewRoom(Command):
    kind: str
    invited: tuple[str, ...]

    async def run(self, world: World) -> None:
        members = [world.people[name].user.pk for name in self.invited]
        body = {"name": f"{self.kind} room", "kind": self.kind, "members": members}
        room = await world.call(self.who, "POST", "/api/rooms", body)
        if room and room["id"] not in world.rooms:
            world.rooms.append(room["id"])


@dataclass(frozen=True)
class Put(Command):
    """Joins, invites, or changes a role."""

    room: int
    whom: str
    role: str | None = None

    async def run(self, world: World) -> None:
        body = {"user": world.people[self.whom].user.pk, "role": self.role}
        await world.call(self.who, "POST", f"/api/rooms/{world.room(self.room)}/members", body)


@dataclass(frozen=True)
class TakeOut(Command):
    """Leaves or removes."""

    room: int
    whom: str

    async def run(self, world: World) -> None:
        user = world.people[self.whom].user.pk
        await world.call(self.who, "DELETE", f"/api/rooms/{world.room(self.room)}/members/{user}")


@dataclass(frozen=True)
class Change(Command):
    """One of `name`, `topic` and `archived`."""

    room: int
    what: str
    value: str | bool

    async def run(self, world: World) -> None:
        await world.call(self.who, "PATCH", f"/api/rooms/{world.room(self.room)}", {self.what: self.value})


# --- Jobs -------------------------------------------------------------------


@dataclass(frozen=True)
class StartJob(Command):
    """One that this site runs, with that chance to fail, or an outside program's."""

    fail_chance: float | None

    async def run(self, world: World) -> None:
        body = {"title": "Stitch", "total": 4}
        if self.fail_chance is not None:
            params = {"steps": 2, "seconds": 0, "fail_chance": self.fail_chance}
            body |= {"kind": "simulated", "params": params}
        if started := await world.call(self.who, "POST", "/api/jobs", body):
            world.jobs.append(await in_database(Job.objects.select_related("owner").get, pk=started["id"]))


@dataclass(frozen=True)
class OnJob:
    """Something that becomes of a job; its owner is who asks for it, where somebody has to."""

    job: int

    async def run(self, world: World) -> None:
        if job := world.job(self.job):
            await self.on(world, job, next(name for name in NAMES if world.people[name].user.pk == job.owner_id))

    async def on(self, world: World, job: Job, owner: str) -> None:
        raise NotImplementedError


@dataclass(frozen=True)
class Report(OnJob):
    done: int
    status: str | None = None

    async def on(self, world: World, job: Job, owner: str) -> None:
        body = {"done": self.done, "step": f"at {self.done}", "log": "a line", "status": self.status}
        await world.call(owner, "PATCH", f"/api/jobs/{job.pk}", body)


@dataclass(frozen=True)
class Work(OnJob):
    """A runner finds it and works on it to its end."""

    async def on(self, world: World, job: Job, owner: str) -> None:
        await in_database(execute, job.pk)


@dataclass(frozen=True)
class LoseWorker(OnJob):
    """A worker claims it and is never heard of again: its lease runs out, as an outside program's does."""

    async def on(self, world: World, job: Job, owner: str) -> None:
        await in_database(self._lose, job.pk)

    def _lose(self, pk: int) -> None:
        claim(pk)
        Job.objects.filter(pk=pk, finished_at=None).update(lease_until=timezone.now() - timedelta(seconds=1))
        sweep()


@dataclass(frozen=True)
class Cancel(OnJob):
    async def on(self, world: World, job: Job, owner: str) -> None:
        await world.call(owner, "POST", f"/api/jobs/{job.pk}/cancel")


@dataclass(frozen=True)
class Retry(OnJob):
    async def on(self, world: World, job: Job, owner: str) -> None:
        await world.call(owner, "POST", f"/api/jobs/{job.pk}/retry")


# --- Clients, and several at once -------------------------------------------


@dataclass(frozen=True)
class GoAway(Command):
    async def run(self, world: World) -> None:
        await world.people[self.who].wanderer.vanish()


@dataclass(frozen=True)
class ComeBack(Command):
    async def run(self, world: World) -> None:
        if world.people[self.who].wanderer.sockets is None:
            await world.people[self.who].wanderer.arrive()


@dataclass(frozen=True)
class AtOnce:
    commands: tuple[Command | OnJob, ...]

    async def run(self, world: World) -> None:
        await asyncio.gather(*(command.run(world) for command in self.commands))
