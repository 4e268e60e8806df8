"""The events of an inbox."""

from dataclasses import dataclass
from typing import Any, ClassVar

from chatsite.realtime.events import DurableEvent, EphemeralEvent


@dataclass(frozen=True, slots=True)
class NotificationCreated(DurableEvent):
    type: ClassVar[str] = "notification.created"
    notification: dict[str, Any]


@dataclass(frozen=True, slots=True)
class NotificationRead(DurableEvent):
    """These were read, by their ids or as all up to an id; `unread` is how many still wait."""

    type: ClassVar[str] = "notification.read"
    ids: list[int]
    up_to: int | None
    unread: int


@dataclass(frozen=True, slots=True)
class JobEvent(DurableEvent):
    """A job's transition, with the whole job as it then was."""

    job: dict[str, Any]


@dataclass(frozen=True, slots=True)
class JobQueued(JobEvent):
    type: ClassVar[str] = "job.queued"


@dataclass(frozen=True, slots=True)
class JobStarted(JobEvent):
    type: ClassVar[str] = "job.started"


@dataclass(frozen=True, slots=True)
class JobResumed(JobEvent):
    """Somebody else went on with it, or its program was heard of again."""

    type: ClassVar[str] = "job.resumed"


@dataclass(frozen=True, slots=True)
class JobStalled(JobEvent):
    """Its outside program has fallen silent."""

    type: ClassVar[str] = "job.stalled"


@dataclass(frozen=True, slots=True)
class JobSucceeded(JobEvent):
    type: ClassVar[str] = "job.succeeded"


@dataclass(frozen=True, slots=True)
class JobFailed(JobEvent):
    type: ClassVar[str] = "job.failed"


@dataclass(frozen=True, slots=True)
class JobCancelled(JobEvent):
    type: ClassVar[str] = "job.cancelled"


@dataclass(frozen=True, slots=True)
class JobProgressed(EphemeralEvent):
    """How far it is; the job's keys and `rate`, units per second or null."""

    type: ClassVar[str] = "job.progressed"
    job: dict[str, Any]
