"""What browsers are told about every page."""

import re

import pytest
from django.test import Client

from accounts.models import User


def directives(client: Client, page: str) -> dict[str, str]:
    policy = client.get(page)["Content-Security-Policy"]
    return {name: value for name, _, value in (part.partition(" ") for part in policy.split("; "))}


@pytest.mark.parametrize("page", ["/accounts/login/", "/nowhere/", "/healthz", "/admin/", "/api/docs"])
def test_only_our_own_files_run(alice: User, client: Client, page: str) -> None:
    found = directives(client, page)
    assert "unsafe" not in str(found)
    assert re.fullmatch(r"'self' 'nonce-[\w-]{22}'", found["script-src"])
    assert found["default-src"] == "'none'"
    assert found["frame-ancestors"] == "'none'"
    assert found["form-action"] == "'self'"
    assert found["base-uri"] == "'none'"


def test_the_nonce_is_new_each_time(alice: User, client: Client) -> None:
    assert directives(client, "/healthz")["script-src"] != directives(client, "/healthz")["script-src"]


def test_trusted_types_are_asked_for_except_in_the_administration(alice: User, client: Client) -> None:
    assert directives(client, "/accounts/login/")["trusted-types"] == "app"
    assert directives(client, "/accounts/login/")["require-trusted-types-for"] == "'script'"
    assert "trusted-types" not in directives(client, "/admin/")


def test_what_we_do_not_use_is_off(alice: User, client: Client) -> None:
    answer = client.get("/healthz")
    assert "camera=()" in answer["Permissions-Policy"]
    assert "publickey-credentials-get=(self)" in answer["Permissions-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
