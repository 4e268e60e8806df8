"""Who is let in by what they show, many at a time."""

from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import tokens
from accounts.identities import Credential, identify
from accounts.models import AccessToken, User
from tests.support.cast import session_of


def session(user: User) -> Credential:
    return Credential("session", session_of(user))


def token(user: User) -> Credential:
    return Credential("token", tokens.create(user, "gauge", ["read"])[1])


def change(credential: Credential, **content: Any) -> None:
    """Puts something into a session, or takes it out where it is None."""
    store = import_module(settings.SESSION_ENGINE).SessionStore(credential.key)
    for name, value in content.items():
        store[name] = value
        if value is None:
            del store[name]
    store.save()


def people(*credentials: Credential) -> list[int | None]:
    return [identity and identity.user_id for identity in identify(credentials)]


def test_each_is_who_they_are(alice: User, bob: User) -> None:
    shown = [session(alice), token(bob), session(bob), token(alice), session(alice)]
    assert people(*shown, shown[0]) == [alice.pk, bob.pk, bob.pk, alice.pk, alice.pk, alice.pk]
    found = identify(shown)
    assert [identity.session_key for identity in found if identity] == [
        shown[0].key, None, shown[2].key, None, shown[4].key,
    ]  # fmt: skip
    assert [identity.scopes for identity in found if identity] == [
        None, frozenset({"read"}), None, frozenset({"read"}), None,
    ]  # fmt: skip


def test_a_key_of_one_kind_is_none_of_the_other(alice: User) -> None:
    assert people(Credential("token", session(alice).key), Credential("session", token(alice).key)) == [None, None]


@pytest.mark.parametrize("key", ["", "x", "a" * 32, "nul\0nul", "ü" * 32, "'; --", "1" * 500])
def test_what_is_no_key_lets_nobody_in_and_keeps_nobody_out(alice: User, key: str) -> None:
    assert people(Credential("session", key), session(alice), Credential("token", key)) == [None, alice.pk, None]


def test_an_expired_session_is_nobody_s(alice: User) -> None:
    gone, there = session(alice), session(alice)
    Session.objects.filter(pk=gone.key).update(expire_date=timezone.now())
    assert people(gone, there) == [None, alice.pk]


def test_a_session_in_which_nobody_signed_in_is_nobody_s(alice: User) -> None:
    there = session(alice)
    change(there, **{SESSION_KEY: None})
    assert people(there) == [None]


@pytest.mark.parametrize("field", [HASH_SESSION_KEY, BACKEND_SESSION_KEY])
@pytest.mark.parametrize("value", [None, "", "another"])
def test_a_session_that_does_not_prove_the_sign_in_is_nobody_s(alice: User, field: str, value: str | None) -> None:
    there = session(alice)
    assert people(there) == [alice.pk]
    change(there, **{field: value})
    assert people(there) == [None]


def test_a_session_with_a_forged_content_is_nobody_s(alice: User, bob: User) -> None:
    mine, theirs = session(alice), session(bob)
    content = Session.objects.get(pk=theirs.key).session_data
    Session.objects.filter(pk=mine.key).update(session_data=content[:-2] + ("aa" if content[-2:] != "aa" else "bb"))
    assert people(mine, theirs) == [None, bob.pk]


def test_a_key_that_the_site_had_before_still_counts(alice: User, settings: Any) -> None:
    there = session(alice)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "n" * 50
    assert people(there) == [alice.pk]
    settings.SECRET_KEY_FALLBACKS = []
    assert people(there) == [None]


def test_who_is_deactivated_is_nobody(alice: User, bob: User) -> None:
    shown = [session(alice), token(alice), session(bob)]
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert people(*shown) == [None, None, bob.pk]


def test_a_new_password_ends_sessions(alice: User) -> None:
    there = session(alice)
    alice.set_password("another quiet lake")
    alice.save()
    assert people(there) == [None]


def test_a_token_s_use_is_noted_once_a_minute_for_all_together(alice: User, bob: User) -> None:
    shown = [token(alice), token(bob), token(bob)]
    used = timezone.now() - timedelta(seconds=30)
    AccessToken.objects.filter(digest=tokens.digest_of(shown[0].key)).update(last_used_at=used)
    with CaptureQueriesContext(connection) as queries:
        identify(shown)
        identify(shown)
    assert len([query for query in queries if query["sql"].startswith("UPDATE")]) == 1
    noted = [AccessToken.objects.get(digest=tokens.digest_of(one.key)).last_used_at for one in shown]
    assert noted[0] == used
    assert all(at is not None and at > used for at in noted[1:])


def test_many_cost_no_more_statements_than_few(alice: User, bob: User, django_assert_num_queries: Any) -> None:
    shown = [kind(user) for user in (alice, bob) for kind in (session, token) for _ in range(10)]
    identify(shown)  # notes the tokens' use
    with django_assert_num_queries(3):
        assert None not in identify(shown)
