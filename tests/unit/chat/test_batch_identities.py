"""Whose identity holds when their batch is saved: read there by hand, judged as everywhere."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts import identities
from accounts.models import AccessToken, User
from chat.models import Message, Room
from chat.services.posting import Posted, post_messages
from chatsite.realtime.identity import IdentityLostError
from tests.unit.chat.conftest import by_session, by_token, post_of


def ends_session(user: User) -> None:
    Session.objects.all().delete()


def expires_session(user: User) -> None:
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))


def renews_session(user: User) -> None:
    Session.objects.update(expire_date=timezone.now() + timedelta(seconds=60))


def revokes(user: User) -> None:
    AccessToken.objects.update(revoked_at=timezone.now())


def expires_token(user: User) -> None:
    AccessToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))


def expires_token_later(user: User) -> None:
    AccessToken.objects.update(expires_at=timezone.now() + timedelta(seconds=60))


def deactivates(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def changes_password(user: User) -> None:
    User.objects.filter(pk=user.pk).update(password="!")


def deletes(user: User) -> None:
    User.objects.filter(pk=user.pk).delete()


def leaves_as_it_is(user: User) -> None:
    pass


CHANGES = [
    *(ends_session, expires_session, renews_session, revokes, expires_token, expires_token_later),
    *(deactivates, changes_password, deletes, leaves_as_it_is),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@pytest.mark.parametrize("identity_of", [by_session, by_token])
def test_a_batch_judges_identities_as_the_watch_does(
    alice: User, bob: User, room: Room, change: Any, identity_of: Any
) -> None:
    """Alice's post in the same batch is saved in any case."""
    post = replace(post_of(bob, room, "Bob's"), identity=identity_of(bob))
    assert post.identity is not None
    change(bob)
    result, hers = post_messages([post, post_of(alice, room, "Alice's")])
    assert isinstance(result, IdentityLostError) == bool(identities.lost([post.identity]))
    assert isinstance(hers, Posted)
    assert Message.objects.filter(body="Bob's").exists() == isinstance(result, Posted)
