"""People as JSON."""

from typing import TypedDict

from accounts.models import User, avatar_storage


class Person(TypedDict):
    id: int
    name: str
    avatar: str | None


def person(user: User) -> Person:
    """`{"id": 3, "name": "Alice Moreno", "avatar": "/avatars/3-1f0c….webp"}`, or avatar null."""
    return {"id": user.pk, "name": user.name, "avatar": avatar_url(user.avatar.name)}


def avatar_url(name: str | None) -> str | None:
    """The address of a picture by its stored name; null for none."""
    return avatar_storage().url(name) if name else None
