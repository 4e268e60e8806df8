"""The kinds of jobs that this site runs, and what each is told."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _
from pydantic import BaseModel, ValidationError

from chatsite.realtime.commands import CommandError, refusal

if TYPE_CHECKING:
    from notifications.jobs.context import JobContext

Run = Callable[["JobContext", Any], None]


class JobError(Exception):
    """A job's end that its owner is told in these words."""


@dataclass(frozen=True)
class Kind:
    name: str
    params: type[BaseModel]
    run: Run


_kinds: dict[str, Kind] = {}


def handler(name: str, params: type[BaseModel]) -> Callable[[Run], Run]:
    """Makes a function the handler of a kind of job.

    It is called as `run(context, params)` in a thread of its own and may be called again,
    in another process, after the last checkpoint that it gave to `context.progress`.
    """

    def register(run: Run) -> Run:
        _kinds[name] = Kind(name, params, run)
        return run

    return register


def kind_named(name: str) -> Kind:
    """Raises `invalid` for a kind that nobody handles."""
    try:
        return _kinds[name]
    except KeyError:
        raise CommandError("invalid", _("There is no such kind of job."), field="kind") from None


def checked_params(name: str, params: dict[str, Any]) -> dict[str, Any]:
    """The parameters as the kind's schema has them, defaults filled in. Raises `invalid`."""
    schema = kind_named(name).params
    try:
        return schema.model_validate(params).model_dump(mode="json")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise refusal(first, ".".join(["params", *map(str, first["loc"])])) from None
