"""People and tokens in the administration."""

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.test import Client

from accounts import tokens
from accounts.models import AccessToken, User
from tests.support.cast import PASSWORD


@pytest.fixture
def office(admin: User) -> Client:
    client = Client()
    client.force_login(admin)
    return client


def act(office: Client, model: str, action: str, *pks: int) -> str:
    form = {"action": action, "_selected_action": pks}
    return office.post(f"/admin/accounts/{model}/", form, follow=True).content.decode()


def test_every_page_opens(office: Client, alice: User) -> None:
    token, _ = tokens.create(alice, "gauge", ["read"])
    pages = ("user/", "user/add/", f"user/{alice.pk}/change/", "accesstoken/", f"accesstoken/{token.pk}/change/")
    for page in pages:
        assert office.get(f"/admin/accounts/{page}").status_code == 200, page


def test_somebody_is_added(office: Client) -> None:
    form = {"username": "dina", "display_name": "Dina", "email": "dina@example.org", "usable_password": "true"}
    office.post("/admin/accounts/user/add/", {**form, "password1": PASSWORD, "password2": PASSWORD})
    assert User.objects.get(username="dina").check_password(PASSWORD)


def test_accounts_are_closed_but_not_ones_own(office: Client, admin: User, alice: User, bob: User) -> None:
    page = act(office, "user", "deactivate", admin.pk, alice.pk)
    assert "1 account closed" in page
    assert "Your own account stays open." in page
    active = User.objects.filter(is_active=True)
    assert set(active) == {admin, bob}


def test_tokens_are_revoked_and_never_shown(office: Client, alice: User) -> None:
    token, key = tokens.create(alice, "gauge", ["read"])
    page = office.get(f"/admin/accounts/accesstoken/{token.pk}/change/").content.decode()
    assert key not in page
    assert token.digest not in page
    assert "1 token revoked" in act(office, "accesstoken", "revoke", token.pk)
    assert tokens.find(key) is None


def test_tokens_are_neither_made_nor_changed_there(office: Client, alice: User) -> None:
    token, _ = tokens.create(alice, "gauge", ["read"])
    assert office.get("/admin/accounts/accesstoken/add/").status_code == 403
    office.post(f"/admin/accounts/accesstoken/{token.pk}/change/", {"scopes": '["write"]', "user": 1})
    assert AccessToken.objects.get().scopes == ["read"]


def test_it_is_for_staff_only(alice: User, client: Client) -> None:
    client.force_login(alice)
    assert client.get("/admin/accounts/user/").status_code in (302, 403)
    assert client.get("/admin/login/").status_code == 403


def test_the_secret_of_a_second_step_is_not_shown(office: Client, alice: User) -> None:
    step = TOTP.activate(alice, "JBSWY3DPEHPK3PXP").instance
    page = f"/admin/mfa/authenticator/{step.pk}/change/"
    assert "JBSWY3DPEHPK3PXP" not in office.get(page).content.decode()
    assert office.get("/admin/mfa/authenticator/add/").status_code == 403
