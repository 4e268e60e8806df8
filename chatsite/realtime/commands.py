"""Commands: what a client may ask, checked by schema before anything else sees it."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from pydantic import BaseModel, ConfigDict, Field, ValidationError

MAX_ID = 2**63 - 1
MAX_REF_CHARACTERS = 64

Id = Annotated[int, Field(strict=True, ge=1, le=MAX_ID)]
Seq = Annotated[int, Field(strict=True, ge=0, le=MAX_ID)]
Ref = Annotated[str, Field(max_length=MAX_REF_CHARACTERS)]


class CommandError(Exception):
    """A refusal: a code of the contract, and words for the person.

    Lazy words are put into a language where they are sent, not where they were raised.
    """

    def __init__(
        self, code: str, message: str | Promise, field: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.field = field
        self.retry_after = retry_after

    def payload(self) -> dict[str, Any]:
        found: dict[str, Any] = {"code": self.code, "message": str(self.message)}
        if self.field is not None:
            found["field"] = self.field
        if self.retry_after is not None:
            found["retry_after"] = math.ceil(self.retry_after * 10) / 10
        return found


def not_found() -> CommandError:
    """Also the answer about what somebody may not know of."""
    return CommandError("not_found", _("There is nothing here by that name, or not for you."))


class Command(BaseModel):
    """The base of all commands. A subclass declares `type` and its fields; no others are let in."""

    model_config = ConfigDict(extra="forbid")

    type: str
    ref: Ref | None = None


class Subscribe(Command):
    type: Literal["stream.subscribe"]
    stream: Annotated[str, Field(max_length=40)]
    after: Seq | None = None
    epoch: Annotated[str, Field(max_length=64)] | None = None


class Unsubscribe(Command):
    type: Literal["stream.unsubscribe"]
    stream: Annotated[str, Field(max_length=40)]


class Ping(Command):
    type: Literal["ping"]


PROBLEMS = {
    "missing": _("is missing"),
    "empty": _("has nothing in it"),
    "extra_forbidden": _("is no field of this"),
    "nul_character": _("has a NUL character"),
    "half_character": _("has half a character (a lone surrogate)"),
    "string_type": _("must be text"),
    "string_too_short": _("has fewer than {min_length} characters"),
    "string_too_long": _("has more than {max_length} characters"),
    "too_short": _("has fewer than {min_length} characters"),
    "too_long": _("has more than {max_length} characters"),
    "int_type": _("must be a whole number"),
    "int_parsing": _("must be a whole number"),
    "greater_than_equal": _("must be {ge} or more"),
    "less_than_equal": _("must be {le} or less"),
    "moment": _("is beyond the calendar"),
    "uuid_type": _("must be a UUID"),
    "uuid_parsing": _("must be a UUID"),
}


def refusal(problem: Mapping[str, Any], field: str | None) -> CommandError:
    """The refusal that one of pydantic's error dicts (`type`, `ctx`, `msg`) amounts to, in words."""
    words = PROBLEMS.get(problem["type"])
    text = words.format(**problem.get("ctx", {})) if words else problem["msg"]
    return CommandError("invalid", f"{field}: {text}" if field else text, field=field)


def command_refusal(error: ValidationError) -> CommandError:
    """The first problem that a command's schema found."""
    first = error.errors(include_url=False, include_input=False)[0]
    return refusal(first, ".".join(str(part) for part in first["loc"][1:]) or None)  # loc begins with the type
