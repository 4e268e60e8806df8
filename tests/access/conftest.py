"""Ways in which access is taken away, each as it is really done, and sockets of this process."""

from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from accounts import services, tokens
from accounts.models import AccessToken, User
from tests.consumers.conftest import here
from tests.support import cast
from tests.support.local import LocalClient

__all__ = ["here"]

HOUR = timedelta(hours=1)


class SignIn(NamedTuple):
    """Somebody's session or token, over which several sockets may be open."""

    user: User
    headers: dict[str, str]

    @property
    def session(self) -> str:
        return self.headers["Cookie"].removeprefix("sessionid=")

    def socket(self, path: str = "/ws/chat/") -> LocalClient:
        return LocalClient(self.user, path, headers=self.headers)


Loss = Callable[[SignIn], None]


def sign_out(of: SignIn) -> None:
    browser = Client()
    browser.cookies["sessionid"] = of.session
    assert browser.post("/accounts/logout/").status_code == 302


def session_expires(of: SignIn) -> None:
    Session.objects.filter(pk=of.session).update(expire_date=timezone.now() - HOUR)


def change_password(of: SignIn) -> None:
    of.user.set_password("another quiet lake")
    of.user.save()


def deactivate(of: SignIn) -> None:
    services.deactivate(User.objects.filter(pk=of.user.pk))


def delete_account(of: SignIn) -> None:
    User.objects.get(pk=of.user.pk).delete()


def revoke_token(of: SignIn) -> None:
    tokens.revoke(AccessToken.objects.get(user=of.user))


def token_expires(of: SignIn) -> None:
    AccessToken.objects.filter(user=of.user).update(expires_at=timezone.now() - HOUR)


LOSSES: list[Loss] = [
    sign_out, session_expires, change_password, deactivate, delete_account, revoke_token, token_expires,
]  # fmt: skip


def sign_in(user: User, loss: Loss) -> SignIn:
    """In the way that the loss will end: by a token where tokens are lost, else by a session."""
    if loss in (revoke_token, token_expires):
        return SignIn(user, {"Authorization": f"Bearer {tokens.create(user, 'tests', ['read', 'write'])[1]}"})
    return SignIn(user, {"Cookie": f"sessionid={cast.session_of(user)}"})
