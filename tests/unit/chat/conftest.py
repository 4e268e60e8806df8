"""What rooms told, as their followers would hear it, and how people speak in tests."""

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID, uuid4

import pytest

from accounts import identities, tokens
from accounts.models import User
from chat.models import Room
from chat.services.posting import Post, Posted, post_message, rendered
from chatsite.realtime import hub as hubs
from chatsite.realtime.events import Frame
from chatsite.realtime.identity import Identity
from tests.support import cast


class FakeHub:
    """Stands where the process's hub does, and keeps what it is told."""

    def __init__(self, committing: Callable[..., AbstractContextManager[Any]]) -> None:
        self.loop = self
        self.frames: list[tuple[str, Frame, int]] = []
        self.hints: list[tuple[str | None, dict[str, Any], int | None]] = []
        self._committing = committing

    def commit(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Calls a service as if its transaction were the outermost one."""
        with self._committing(execute=True):
            return function(*args, **kwargs)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(frame.text) for _, frame, _ in self.frames]

    def of(self, room: Room) -> list[dict[str, Any]]:
        return [event for event in self.events if event["stream"] == f"room:{room.pk}"]

    def call_soon_threadsafe(self, function: Callable[..., None], *args: Any) -> None:
        function(*args)

    def announce(self, stream: str, frames: Sequence[Frame], access: int) -> None:
        self.frames += [(stream, frame, access) for frame in frames]

    def whisper(self, stream: str | None, text: str, skip_user: int | None, access: int) -> None:
        self.hints.append((stream, json.loads(text), skip_user))


@pytest.fixture
def told(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Callable[..., AbstractContextManager[Any]]
) -> FakeHub:
    hub = FakeHub(django_capture_on_commit_callbacks)
    monkeypatch.setattr(hubs, "current", lambda: hub)
    return hub


def post_of(
    user: User, room: Room, body: str = "Hello", client_id: UUID | None = None, reply_to: int | None = None
) -> Post:
    return Post(user.pk, room.pk, client_id or uuid4(), body, rendered(room.pk, body), reply_to)


def speak(user: User, room: Room, body: str = "Hello", reply_to: int | None = None) -> dict[str, Any]:
    """Posts and returns the message."""
    return said(user, room, body, reply_to=reply_to).message


def said(
    user: User, room: Room, body: str = "Hello", client_id: UUID | None = None, reply_to: int | None = None
) -> Posted:
    return post_message(post_of(user, room, body, client_id, reply_to))


def by_session(user: User) -> Identity:
    return identities.of_session(user, cast.session_of(user))


def by_token(user: User) -> Identity:
    return identities.of_token(tokens.create(user, "tests", ["write"])[0])
