"""Alice at her settings."""

import pytest
from django.test import Client

from accounts.models import User
from tests.support.cast import PASSWORD


@pytest.fixture
def browser(alice: User) -> Client:
    """Alice's, signed in, and just asked again, so that no page asks once more."""
    client = Client()
    client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return client
