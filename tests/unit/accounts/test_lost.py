"""Which sockets' identities hold no longer."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts import identities, services, tokens
from accounts.models import AccessToken, User
from chatsite.realtime import identity as realtime
from chatsite.realtime.identity import Identity
from tests.support.cast import session_of


def of_session(user: User) -> Identity:
    (identity,) = identities.by_sessions([session_of(user)]).values()
    return identity


@pytest.fixture
def by_session(alice: User) -> Identity:
    return of_session(alice)


@pytest.fixture
def by_key(alice: User) -> Identity:
    (identity,) = identities.by_keys([tokens.create(alice, "gauge", ["read"])[1]]).values()
    return identity


@pytest.fixture
def bystander(bob: User) -> Identity:
    return of_session(bob)


def test_those_that_hold_stay(by_session: Identity, by_key: Identity) -> None:
    assert identities.lost([by_session, by_key]) == set()


def test_the_hub_asks_here(by_session: Identity, alice: User) -> None:
    alice.delete()
    assert realtime.lost([by_session]) == {by_session}


def test_signing_out_ends_that_session_only(by_session: Identity, alice: User, bystander: Identity) -> None:
    other = of_session(alice)
    Session.objects.filter(pk=by_session.session_key).delete()
    assert identities.lost([by_session, other, bystander]) == {by_session}


def test_an_expired_session_is_lost(by_session: Identity, bystander: Identity) -> None:
    Session.objects.filter(pk=by_session.session_key).update(expire_date=timezone.now())
    assert identities.lost([by_session, bystander]) == {by_session}


def test_deactivation_ends_all(by_session: Identity, by_key: Identity, bystander: Identity, alice: User) -> None:
    services.deactivate(User.objects.filter(pk=alice.pk))
    assert identities.lost([by_session, by_key, bystander]) == {by_session, by_key}


def test_a_changed_password_ends_all(by_session: Identity, by_key: Identity, bystander: Identity, alice: User) -> None:
    alice.set_password("another one entirely")
    alice.save()
    assert identities.lost([by_session, by_key, bystander]) == {by_session, by_key}


def test_a_revoked_token_is_lost(by_session: Identity, by_key: Identity) -> None:
    tokens.revoke(AccessToken.objects.get(pk=by_key.token_id))
    assert identities.lost([by_session, by_key]) == {by_key}


def test_an_expired_token_is_lost(by_session: Identity, by_key: Identity) -> None:
    AccessToken.objects.filter(pk=by_key.token_id).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert identities.lost([by_session, by_key]) == {by_key}


def test_many_are_asked_in_a_few_queries(alice: User, django_assert_max_num_queries) -> None:
    ghosts = [Identity(alice.pk, f"{number:032}", None, alice.password) for number in range(1_200)]
    with django_assert_max_num_queries(6):
        assert identities.lost(ghosts) == set(ghosts)
