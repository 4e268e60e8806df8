"""People as JSON."""

from typing import TypedDict

from accounts.models import User


class Person(TypedDict):
    id: int
    name: str
    avatar: str | None


def person(user: User) -> Person:
    """`{"id": 3, "name": "Alice Moreno", "avatar": "/avatars/3-1f0c….webp"}`, or avatar null."""
    return {"id": user.pk, "name": user.name, "avatar": avatar_url(user)}


def avatar_url(user: User) -> str | None:
    return user.avatar.url if user.avatar else None
