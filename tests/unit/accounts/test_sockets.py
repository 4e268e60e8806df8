"""The door of the sockets: who gets in, and from where."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts import tokens
from accounts.models import User
from accounts.sockets import Headers, IdentityMiddleware, origin_allowed, preferred_language
from chatsite.realtime.threads import in_database
from tests.support.cast import make_user, session_of

HOST = ("host", "localhost:8000")


async def knock(*headers: tuple[str, str]) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    """The scope that came through the door, None where it stayed shut, and what was sent."""
    inside: list[dict[str, Any]] = []
    sent: list[dict[str, Any]] = []

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        inside.append(scope)

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    pairs = [(name.encode(), value.encode("latin-1")) for name, value in (HOST, *headers)]
    scope = {"type": "websocket", "path": "/ws/chat/", "headers": pairs}
    await IdentityMiddleware(app)(scope, receive, send)
    return (inside[0] if inside else None), sent


def cookie(key: str) -> tuple[str, str]:
    return "cookie", f"theme=dark; {settings.SESSION_COOKIE_NAME}={key}"


@pytest.mark.django_db(transaction=True)
class TestIdentity:
    async def test_it_lets_in_who_has_a_session(self) -> None:
        alice = await in_database(make_user, "alice")
        key = await in_database(session_of, alice)
        scope, sent = await knock(cookie(key))
        assert scope["identity"].user_id == alice.pk
        assert scope["identity"].session_key == key
        assert scope["identity"].scopes is None
        assert sent == []

    async def test_it_lets_in_who_has_a_key_with_its_scopes(self) -> None:
        alice = await in_database(make_user, "alice")
        token, key = await in_database(tokens.create, alice, "gauge", ["jobs"])
        scope, _ = await knock(("authorization", f"bearer {key}"))
        assert scope["identity"].token_id == token.pk
        assert scope["identity"].scopes == {"jobs"}

    async def test_it_refuses_nobody_before_accepting(self) -> None:
        scope, sent = await knock()
        assert scope is None
        assert sent == [{"type": "websocket.close"}]

    async def test_a_wrong_key_is_not_made_good_by_a_cookie(self) -> None:
        alice = await in_database(make_user, "alice")
        key = await in_database(session_of, alice)
        assert (await knock(cookie(key), ("authorization", "Bearer chat_wrong")))[0] is None

    async def test_it_refuses_a_session_that_is_unknown_expired_or_of_an_old_password(self) -> None:
        alice = await in_database(make_user, "alice")
        assert (await knock(cookie("a" * 32)))[0] is None
        expired = await in_database(session_of, alice)
        past = timezone.now() - timedelta(seconds=1)
        await in_database(lambda: Session.objects.filter(pk=expired).update(expire_date=past))
        assert (await knock(cookie(expired)))[0] is None
        old = await in_database(session_of, alice)
        alice.set_password("another one entirely")
        await in_database(alice.save)
        assert (await knock(cookie(old)))[0] is None

    async def test_it_refuses_who_was_deactivated(self) -> None:
        alice = await in_database(make_user, "alice")
        key = await in_database(session_of, alice)
        await in_database(lambda: User.objects.filter(pk=alice.pk).update(is_active=False))
        assert (await knock(cookie(key)))[0] is None

    async def test_it_refuses_a_page_of_another_site(self) -> None:
        alice = await in_database(make_user, "alice")
        key = await in_database(session_of, alice)
        assert (await knock(cookie(key), ("origin", "http://localhost:8000")))[0] is not None
        assert (await knock(cookie(key), ("origin", "http://evil.example")))[0] is None


def allowed(*origins: str, host: str = "chat.example.org") -> bool:
    pairs = [(b"host", host.encode()), *((b"origin", origin.encode("latin-1")) for origin in origins)]
    return origin_allowed(Headers({"headers": pairs}))


class TestOrigin:
    @pytest.fixture(autouse=True)
    def production(self, settings: Any) -> None:
        settings.ALLOWED_HOSTS = ["chat.example.org", "[::1]", "localhost"]
        settings.IS_PRODUCTION = True

    def test_programs_send_none(self) -> None:
        assert allowed()

    def test_the_sites_own_pages_may(self) -> None:
        assert allowed("https://chat.example.org")
        assert allowed("https://chat.example.org:8443", host="chat.example.org:8443")

    @pytest.mark.parametrize(
        "origin",
        [
            "null",
            "",
            "http://chat.example.org",
            "https://evil.example",
            "https://chat.example.org.evil.example",
            "https://evil-chat.example.org",
            "https://chat.example.org:8443",
            "https://chat.example.org/",
            "https://user@chat.example.org",
            "https://chat.example.org#x",
            "HTTPS://chat.example.org",
            "https://[::1",
            "https://",
            "wss://chat.example.org",
            "file://",
            "https://chat.example.org, https://evil.example",
            "https://chät.example.org",
        ],
    )
    def test_no_other_may(self, origin: str) -> None:
        assert not allowed(origin)

    def test_two_are_one_too_many(self) -> None:
        assert not allowed("https://chat.example.org", "https://chat.example.org")

    def test_plain_http_does_for_this_machine(self, settings: Any) -> None:
        settings.IS_PRODUCTION = False
        assert allowed("http://localhost:8000", host="localhost:8000")
        assert allowed("http://[::1]:8000", host="[::1]:8000")
        assert not allowed("http://localhost:8001", host="localhost:8000")


@pytest.mark.parametrize(
    ("accepted", "spoken"), [("pt-PT,en;q=0.5", "pt-br"), ("de,es;q=0.8", "es"), ("de", "en"), ("", "en")]
)
def test_it_speaks_the_browsers_language_where_the_profile_has_none(accepted: str, spoken: str) -> None:
    headers = Headers({"headers": [(b"accept-language", accepted.encode())]})
    assert preferred_language(headers) == spoken
