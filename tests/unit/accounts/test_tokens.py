"""Access tokens: made, found, used, ended."""

from datetime import timedelta

import pytest
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.utils import timezone

from accounts import auth, identities, tokens
from accounts.models import AccessToken, User
from chatsite.realtime.commands import CommandError


def test_the_key_is_kept_nowhere(alice: User) -> None:
    token, key = tokens.create(alice, "gauge", ["jobs", "read", "jobs"])
    row = AccessToken.objects.filter(pk=token.pk).values().get()
    assert key not in str(row)
    assert key.startswith(row["hint"])
    assert len(key) > 40
    assert row["scopes"] == ["jobs", "read"]


def test_an_unknown_scope_is_refused(alice: User) -> None:
    with pytest.raises(ValueError):
        tokens.create(alice, "gauge", ["everything"])


def test_a_key_finds_its_token_and_person(alice: User) -> None:
    token, key = tokens.create(alice, "gauge", ["read"])
    found = tokens.find(key)
    assert found == token
    assert found.user == alice


@pytest.mark.parametrize("key", ["", "chat_wrong", "ключ", "\ud800", "x" * 100_000])
def test_a_wrong_key_finds_nothing(alice: User, key: str) -> None:
    tokens.create(alice, "gauge", ["read"])
    assert tokens.find(key) is None


def test_a_revoked_token_is_not_found(alice: User) -> None:
    token, key = tokens.create(alice, "gauge", ["read"])
    tokens.revoke(token)
    assert tokens.find(key) is None
    revoked_at = AccessToken.objects.get(pk=token.pk).revoked_at
    tokens.revoke(token)
    assert AccessToken.objects.get(pk=token.pk).revoked_at == revoked_at


def test_an_expired_token_is_not_found(alice: User) -> None:
    _, key = tokens.create(alice, "gauge", ["read"], timezone.now() - timedelta(seconds=1))
    assert tokens.find(key) is None


def test_a_token_of_a_closed_account_is_not_found(alice: User) -> None:
    _, key = tokens.create(alice, "gauge", ["read"])
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert tokens.find(key) is None


def test_use_is_noted_at_most_once_a_minute(alice: User, django_assert_num_queries) -> None:
    token, key = tokens.create(alice, "gauge", ["read"])
    assert tokens.find(key).last_used_at is not None
    with django_assert_num_queries(1):
        tokens.find(key)
    long_ago = timezone.now() - timedelta(minutes=2)
    AccessToken.objects.filter(pk=token.pk).update(last_used_at=long_ago)
    tokens.find(key)
    assert AccessToken.objects.get(pk=token.pk).last_used_at > long_ago


def with_identity(request: HttpRequest, key: str) -> HttpRequest:
    request.META["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    assert auth.BearerAuth()(request)
    return request


def test_the_api_knows_who_holds_a_key(alice: User, rf: RequestFactory) -> None:
    token, key = tokens.create(alice, "gauge", ["jobs"])
    request = with_identity(rf.get("/api/me"), key)
    assert request.user == alice
    assert request.identity == identities.of_token(token)


def test_a_token_does_only_what_its_scopes_say(alice: User, rf: RequestFactory) -> None:
    _, key = tokens.create(alice, "gauge", ["jobs"])
    request = with_identity(rf.get("/api/me"), key)
    auth.require_scope(request, "jobs")
    with pytest.raises(CommandError) as refused:
        auth.require_scope(request, "write")
    assert refused.value.code == "forbidden"


def test_the_api_takes_a_session_only_with_its_csrf_token(alice: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    assert browser.get("/api/me").status_code == 200
    answer = browser.post("/api/notifications/read", {"ids": []}, content_type="application/json")
    assert answer.status_code == 403


def test_a_wrong_key_is_not_made_good_by_a_cookie(alice: User, client: Client) -> None:
    client.force_login(alice)
    assert client.get("/api/me", headers={"Authorization": "Bearer chat_wrong"}).status_code == 401


def test_the_api_refuses_nobody(db: None, alice: User, client: Client) -> None:
    assert client.get("/api/me").status_code == 401
