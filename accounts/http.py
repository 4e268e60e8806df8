"""Requests as views know them once somebody has signed in."""

from django.http import HttpRequest

from accounts.models import User


class SignedInRequest(HttpRequest):
    """What `login_required` lets through."""

    user: User
