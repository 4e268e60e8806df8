"""Who is at the other end of a socket, and whether that still holds."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from chatsite.realtime.commands import CommandError

CLOSE_IDENTITY_LOST = 4401


@dataclass(frozen=True, slots=True)
class Identity:
    """A person as signed in: by a browser's session or by a program's token.

    `stamp` is the user's stored password hash at sign-in, so that a changed password
    is noticed; `scopes` is what the token may do, None for everything; `language` is the
    profile's, if it has one.
    """

    user_id: int
    session_key: str | None
    token_id: int | None
    stamp: str
    scopes: frozenset[str] | None = None
    language: str = ""

    def may(self, scope: str) -> bool:
        return self.scopes is None or scope in self.scopes


class IdentityLostError(CommandError):
    """Refuses a command of somebody who is signed out, or whose token or account is no more; their socket ends with it.

    To sockets the contract's code for it is `forbidden`.
    """

    def __init__(self) -> None:
        super().__init__("forbidden", _("You are signed out."))


Checker = Callable[[Collection[Identity]], set[Identity]]
_checkers: list[Checker] = []


def register_checker(check: Checker) -> None:
    """Adds a check that returns those of the given identities that hold no longer."""
    if check not in _checkers:
        _checkers.append(check)


def lost(identities: Collection[Identity]) -> set[Identity]:
    """Those that were signed out, deactivated or revoked. Reads the database."""
    return set().union(*(check(identities) for check in _checkers)) if identities else set()
