"""Who calls the HTTP API: a program by its key, or a page by its session.

Both set `request.user` and `request.identity`. Routers take `auth=api_auth`.
"""

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja.security import APIKeyCookie, HttpBearer
from ninja.utils import check_csrf

from accounts import identities, tokens
from accounts.models import User
from chatsite.realtime.commands import CommandError
from chatsite.realtime.identity import Identity


class ApiRequest(HttpRequest):
    """A request that has passed `api_auth`."""

    user: User
    identity: Identity


class BearerAuth(HttpBearer):
    """`Authorization: Bearer chat_…`"""

    def authenticate(self, request: HttpRequest, token: str) -> User | None:
        found = tokens.find(token)
        if found is None:
            return None
        request.user = found.user
        request.identity = identities.of_token(found)  # type: ignore[attr-defined]
        return found.user


class SessionAuth(APIKeyCookie):
    """The session of the site's own pages, which show their CSRF token with every change."""

    param_name = settings.SESSION_COOKIE_NAME

    def __call__(self, request: HttpRequest) -> User | None:
        return self.authenticate(request, request.COOKIES.get(self.param_name))

    def authenticate(self, request: HttpRequest, key: str | None) -> User | None:
        """Who comes with a key is judged by that alone, not by a cookie that came along."""
        user = request.user
        if request.headers.get("Authorization", "").lower().startswith("bearer ") or not isinstance(user, User):
            return None
        if check_csrf(request) is not None:
            raise CommandError("forbidden", _("This page is too old to do that. Load it again."))
        request.identity = identities.of_session(user, request.session.session_key)  # type: ignore[attr-defined]
        return user


api_auth = [BearerAuth(), SessionAuth()]


def require_scope(request: HttpRequest, scope: str) -> None:
    """Refuses a token that was not given this scope. A session may everything that its person may."""
    identity: Identity = request.identity  # type: ignore[attr-defined]
    if not identity.may(scope):
        raise CommandError("forbidden", _("This access token lacks the scope “%(scope)s”.") % {"scope": scope})
