"""The HTTP API: the apps' routers under one roof, with one form for refusals."""

import logging
import math
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import NinjaAPI, Router
from ninja.errors import AuthenticationError, HttpError, ValidationError

from accounts.auth import api_auth
from chat.api import router as chat_router
from chatsite.realtime.commands import CommandError, not_found, refusal
from chatsite.realtime.outages import RETRY_AFTER_SECONDS, UnavailableError, is_outage
from notifications.api import router as notifications_router

logger = logging.getLogger(__name__)

STATUS_OF = {
    "bad_json": 400,
    "invalid": 422,
    "unauthenticated": 401,
    "forbidden": 403,
    "muted": 403,
    "not_found": 404,
    "archived": 409,
    "conflict": 409,
    "too_large": 413,
    "rate_limited": 429,
    "internal": 500,
}
CODE_OF = {400: "bad_json", 401: "unauthenticated", 403: "forbidden", 404: "not_found", 413: "too_large"}

nowhere = Router()


@nowhere.api_operation(["GET", "POST", "PUT", "PATCH", "DELETE"], "/{path:rest}", auth=None, include_in_schema=False)
def nothing(request: HttpRequest, rest: str) -> None:
    """Whatever is the address of no call."""
    raise not_found()


api = NinjaAPI(title="Chat", version="1", auth=api_auth, urls_namespace="api")
api.add_router("", chat_router)
api.add_router("", notifications_router)
api.add_router("", nowhere)  # last: its address fits all


def answer(request: HttpRequest, error: CommandError) -> HttpResponse:
    response = api.create_response(request, error.payload(), status=STATUS_OF[error.code])
    if error.retry_after is not None:
        response["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    return response


def unavailable(request: HttpRequest) -> HttpResponse:
    """The database is away or can't save. Nothing is the matter with the call, and later it will do."""
    response = api.create_response(request, UnavailableError().payload(), status=503)
    response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


@api.exception_handler(CommandError)
def refused(request: HttpRequest, error: CommandError) -> HttpResponse:
    return answer(request, error)


@api.exception_handler(AuthenticationError)
def unauthenticated(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    return answer(request, CommandError("unauthenticated", _("Sign in, or show an access token.")))


@api.exception_handler(ValidationError)
def invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """`loc` is (where, parameter, field…); a body's parameter name is ours alone."""
    first: dict[str, Any] = error.errors[0]
    where, *rest = [str(part) for part in first["loc"]]
    path = rest[1:] if where == "body" and len(rest) > 1 else rest
    return answer(request, refusal(first, ".".join(path) or None))


@api.exception_handler(HttpError)
def http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    """What ninja itself refuses: above all a body that isn't JSON."""
    return answer(request, CommandError(CODE_OF.get(error.status_code, "invalid"), error.message))


@api.exception_handler(RequestDataTooBig)
def too_large(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
    return answer(request, CommandError("too_large", _("That is more than 1 MiB at once.")))


@api.exception_handler(Exception)
def failed(request: HttpRequest, error: Exception) -> HttpResponse:
    if is_outage(error):
        logger.warning("call not done: %s %s: %r", request.method, request.path, error)
        return unavailable(request)
    logger.exception("call failed: %s %s", request.method, request.path, exc_info=error)
    return answer(request, CommandError("internal", _("Something went wrong here. Try again.")))
