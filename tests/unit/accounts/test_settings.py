"""Settings: the profile, the theme, tokens, and who may see them."""

import re

import pytest
from django.test import Client

from accounts import tokens
from accounts.models import AccessToken, User


def test_the_profile_is_saved(alice: User, browser: Client) -> None:
    form = {"display_name": "Alice Moreno", "language": "pt-br", "time_zone": "America/Sao_Paulo"}
    assert browser.post("/settings/", form)["Location"] == "/settings/"
    alice.refresh_from_db()
    assert (alice.name, alice.language, alice.time_zone) == ("Alice Moreno", "pt-br", "America/Sao_Paulo")


@pytest.mark.parametrize("field", ["language", "time_zone"])
def test_what_does_not_exist_is_refused(alice: User, browser: Client, field: str) -> None:
    answer = browser.post("/settings/", {"display_name": "Alice", field: "xx"})
    assert "data-invalid" in answer.content.decode()
    alice.refresh_from_db()
    assert getattr(alice, field) == ""


def test_rights_and_user_name_are_not_for_oneself(alice: User, browser: Client) -> None:
    browser.post("/settings/", {"display_name": "A", "username": "root", "is_superuser": "on", "is_staff": "on"})
    alice.refresh_from_db()
    assert (alice.username, alice.is_superuser, alice.is_staff) == ("alice", False, False)


def test_time_zones_tell_the_time_there(browser: Client) -> None:
    page = browser.get("/settings/").content.decode()
    assert re.search(r'<option value="Asia/Tokyo">Asia/Tokyo, \d\d:\d\d now</option>', page)
    assert "US/Pacific" not in page


def test_an_old_name_of_a_zone_stays_chosen(alice: User, browser: Client) -> None:
    User.objects.filter(pk=alice.pk).update(time_zone="US/Pacific")
    assert '<option value="US/Pacific" selected>' in browser.get("/settings/").content.decode()


@pytest.mark.parametrize("theme", ["dark", "light", "system"])
def test_the_theme_is_kept(alice: User, browser: Client, theme: str) -> None:
    browser.post("/settings/appearance/", {"theme": theme})
    alice.refresh_from_db()
    assert alice.theme == theme


def test_the_page_speaks_the_profiles_language(alice: User, browser: Client) -> None:
    User.objects.filter(pk=alice.pk).update(language="es")
    answer = browser.get("/settings/", headers={"Accept-Language": "pt-BR"})
    assert answer["Content-Language"] == "es"
    assert '<html lang="es"' in answer.content.decode()


class TestTokens:
    def test_the_key_is_shown_once(self, alice: User, browser: Client) -> None:
        answer = browser.post("/settings/tokens/new/", {"name": "gauge", "scopes": ["jobs", "read"], "lifetime": "30"})
        key = re.search(r"chat_[\w-]{43}", answer.content.decode()).group()
        token = tokens.find(key)
        assert (token.user, token.scopes) == (alice, ["jobs", "read"])
        assert 29 <= (token.expires_at - token.created_at).days <= 30
        assert "no-store" in answer["Cache-Control"]
        assert key not in browser.get("/settings/tokens/").content.decode()

    @pytest.mark.parametrize(
        "form",
        [
            {"name": "", "scopes": ["read"]},
            {"name": "gauge", "scopes": []},
            {"name": "gauge", "scopes": ["all"]},
            {"name": "gauge", "scopes": ["read"], "lifetime": "100000"},
        ],
    )
    def test_what_is_wrong_makes_none(self, browser: Client, form: dict) -> None:
        assert browser.post("/settings/tokens/new/", form).status_code == 200
        assert not AccessToken.objects.exists()

    def test_making_one_asks_again_who_it_is(self, alice: User, client: Client) -> None:
        client.force_login(alice)
        assert client.get("/settings/tokens/new/")["Location"].startswith("/accounts/reauthenticate/")
        assert client.post("/settings/tokens/new/", {"name": "x", "scopes": ["read"]}).status_code == 302
        assert not AccessToken.objects.exists()

    def test_one_is_revoked_after_a_question(self, alice: User, browser: Client) -> None:
        token, key = tokens.create(alice, "gauge", ["read"])
        page = f"/settings/tokens/{token.pk}/revoke/"
        assert "Revoke gauge?" in browser.get(page).content.decode()
        assert tokens.find(key)
        assert browser.post(page)["Location"] == "/settings/tokens/"
        assert tokens.find(key) is None

    def test_others_tokens_are_not_there(self, bob: User, browser: Client) -> None:
        token, key = tokens.create(bob, "bobs", ["read"])
        assert "bobs" not in browser.get("/settings/tokens/").content.decode()
        assert browser.post(f"/settings/tokens/{token.pk}/revoke/").status_code == 404
        assert tokens.find(key)


@pytest.mark.parametrize(
    "page", ["", "appearance/", "security/", "tokens/", "tokens/new/", "tokens/1/revoke/", "picture/remove/"]
)
def test_settings_are_for_who_is_signed_in(alice: User, client: Client, page: str) -> None:
    assert "/accounts/" in client.get(f"/settings/{page}")["Location"]
    assert "/accounts/" in client.post(f"/settings/{page}")["Location"]
