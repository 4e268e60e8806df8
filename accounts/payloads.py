"""People as JSON."""

from typing import TypedDict

from accounts.models import User, avatar_storage


class Person(TypedDict):
    id: int
    name: str
    avatar: str | None


def person(user: User) -> Person:
    """`{"id": 3, "name": "Alice Moreno", "avatar": "/avatars/3-1f0c….webp"}`, or avatar null."""
    return person_from(user.pk, user.username, user.display_name, user.avatar_name)


def person_from(pk: int, username: str, display_name: str, avatar: str | None) -> Person:
    """As `person`, from its columns."""
    return {"id": pk, "name": display_name or username, "avatar": avatar_url(avatar)}


def avatar_url(name: str | None) -> str | None:
    """The address of a picture by its stored name; null for none."""
    return avatar_storage().url(name) if name else None
