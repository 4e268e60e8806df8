"""Every page of allauth's stands in our frame, and can be used."""

import base64
import re
import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from allauth.usersessions.models import UserSession
from django.contrib.auth import get_user
from django.core import mail
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import User
from tests.support.cast import PASSWORD

DOOR = 'class="door"'
DESK = 'class="page-body with-nav"'
OUTSIDE = [
    "login/",
    "signup/",
    "password/reset/",
    "password/reset/done/",
    "password/reset/key/1-bad/",
    "password/reset/key/done/",
    "confirm-email/",
    "confirm-email/bad/",
    "inactive/",
]
INSIDE = [
    "email/",
    "password/change/",
    "2fa/totp/activate/",
    "2fa/webauthn/",
    "2fa/webauthn/add/",
    "2fa/webauthn/keys/{passkey}/edit/",
    "2fa/webauthn/keys/{passkey}/remove/",
    "2fa/recovery-codes/",
    "2fa/recovery-codes/generate/",
    "sessions/",
]
AGAIN = ["logout/", "reauthenticate/", "2fa/reauthenticate/", "2fa/webauthn/reauthenticate/"]
# Stages that pass on where there is nothing to do, data, and files
ELSEWHERE = [
    "2fa/",
    "2fa/authenticate/",
    "2fa/totp/deactivate/",
    "2fa/webauthn/login/",
    "2fa/recovery-codes/download/",
    "login/code/confirm/",
    "password/set/",
]


# As Chromium's virtual authenticator made it
CREDENTIAL = {
    "type": "public-key",
    "id": "hFeDi7tdUyU2egF8Ya3MHHGcarS2JNfk3nC4EiJYEuA",
    "rawId": "hFeDi7tdUyU2egF8Ya3MHHGcarS2JNfk3nC4EiJYEuA",
    "authenticatorAttachment": "platform",
    "response": {
        "clientDataJSON": (
            "eyJ0eXBlIjoid2ViYXV0aG4uY3JlYXRlIiwiY2hhbGxlbmdlIjoiMXc2S3NMVVZIWWpqazJxdzc5aUpQd2NhOE5uZUVoMFhlb04w"
            "RldaNFFIMCIsIm9yaWdpbiI6Imh0dHA6Ly9sb2NhbGhvc3Q6ODEyMCIsImNyb3NzT3JpZ2luIjpmYWxzZX0"
        ),
        "attestationObject": (
            "o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YVikSZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2NFAAAAAQECAwQFBgcI"
            "AQIDBAUGBwgAIIRXg4u7XVMlNnoBfGGtzBxxnGq0tiTX5N5wuBIiWBLgpQECAyYgASFYIPcew-00FM_O7wD22U2kHDam8Db6cb8v"
            "3ClbeCjSNSBQIlggJ9jwi0xkpyIJEfI8vmupCMZksY50jDbA-1bKm2cSKEs"
        ),
        "transports": ["internal"],
    },
    "clientExtensionResults": {"credProps": {"rk": True}},
}


@pytest.fixture
def passkey(alice: User) -> Authenticator:
    data = {"name": "Laptop", "credential": CREDENTIAL}
    codes = {"seed": "0" * 40, "used_mask": 0}
    Authenticator.objects.create(user=alice, type=Authenticator.Type.RECOVERY_CODES, data=codes)
    return Authenticator.objects.create(user=alice, type=Authenticator.Type.WEBAUTHN, data=data)


def addresses(patterns: list, prefix: str = "") -> set[str]:
    found = set()
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            found |= addresses(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern):
            found.add(path)
    return found


def test_none_is_left_out() -> None:
    known = {f"accounts/{page}" for page in [*OUTSIDE, *INSIDE, *AGAIN, *ELSEWHERE]}
    shapes = {re.sub(r"\{passkey\}", "<int:pk>", page) for page in known}
    everything = addresses(get_resolver("allauth.urls").url_patterns, "accounts/")
    unknown = {
        page for page in everything if page not in shapes and "(?P<" not in page and not page.startswith("accounts/^")
    }
    assert unknown == set()


@pytest.mark.parametrize("page", OUTSIDE)
def test_pages_outside_stand_in_the_door(alice: User, client: Client, page: str) -> None:
    answer = client.get(f"/accounts/{page}", follow=True)
    assert answer.status_code == 200
    assert_ours(answer.content.decode(), DOOR)


@pytest.mark.parametrize("page", AGAIN)
def test_questions_stand_in_the_door(browser: Client, passkey: Authenticator, page: str) -> None:
    answer = browser.get(f"/accounts/{page}")
    assert answer.status_code == 200
    assert_ours(answer.content.decode(), DOOR)


@pytest.mark.parametrize("page", INSIDE)
def test_pages_inside_stand_on_the_desk(browser: Client, passkey: Authenticator, page: str) -> None:
    answer = browser.get(f"/accounts/{page}".format(passkey=passkey.pk))
    assert answer.status_code == 200
    assert_ours(answer.content.decode(), DESK)


def assert_ours(html: str, frame: str) -> None:
    """Our frame, and none of allauth's own page: its menu, its scripts, placeholders, a second title."""
    assert frame in html
    assert "allauth" not in html
    assert "<strong>Menu:" not in html
    assert html.count("<h1") == 1
    assert "placeholder=" not in html.split("<main", 1)[1].split("</main>", 1)[0]
    assert "<script>" not in html
    assert " style=" not in html
    assert not re.search(r"\son\w+=", html)


@pytest.mark.django_db(transaction=True)
def test_two_step_sign_in_is_switched_on_and_off(alice: User, browser: Client) -> None:
    page = browser.get("/accounts/2fa/totp/activate/").content.decode()
    assert 'src="data:image/svg+xml;base64,' in page
    secret = re.search(r'id="secret" value="(\w+)"', page).group(1)
    assert base64.b32decode(secret + "=" * (-len(secret) % 8))
    answer = browser.post("/accounts/2fa/totp/activate/", {"code": "000000"})
    assert "That is not the code." in answer.content.decode()
    code = format_hotp_value(hotp_value(secret, int(time.time()) // 30))
    answer = browser.post("/accounts/2fa/totp/activate/", {"code": code}, follow=True)
    page = answer.content.decode()
    assert len(re.findall(r"<li><code>\d{8}</code></li>", page)) == 10
    assert "Two-step sign-in is on." in page
    assert "Two-step sign-in was switched on" in mail.outbox[0].subject
    assert "Switch off two-step sign-in?" in browser.get("/accounts/2fa/totp/deactivate/").content.decode()
    answer = browser.post("/accounts/2fa/totp/deactivate/", follow=True)
    assert answer.redirect_chain[-1][0] == "/settings/security/"
    assert "Off: a stolen password is enough" in answer.content.decode()


def test_dangerous_pages_ask_again_who_it_is(alice: User, client: Client) -> None:
    client.force_login(alice)
    for page in ("2fa/totp/activate/", "2fa/webauthn/add/"):
        answer = client.get(f"/accounts/{page}")
        assert answer["Location"].startswith("/accounts/reauthenticate/")
    answer = client.post("/accounts/reauthenticate/", {"password": "wrong"})
    assert "That is not your password." in answer.content.decode()
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert client.get("/accounts/2fa/totp/activate/").status_code == 200


def test_a_changed_password_keeps_this_session_and_ends_the_others(alice: User, browser: Client) -> None:
    elsewhere = Client()
    elsewhere.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    new = "lanterns over water"
    form = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    assert (
        "That is not your current password."
        in browser.post("/accounts/password/change/", {**form, "oldpassword": "wrong"}).content.decode()
    )
    browser.post("/accounts/password/change/", form)
    assert get_user(browser) == alice
    assert not get_user(elsewhere).is_authenticated


def test_signing_out_elsewhere_ends_the_other_sessions(alice: User, browser: Client) -> None:
    elsewhere = Client(headers={"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0"})
    elsewhere.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    page = browser.get("/accounts/sessions/").content.decode()
    assert "Firefox, Linux" in page
    assert page.count("this one") == 1
    browser.post("/accounts/sessions/")
    assert UserSession.objects.count() == 1
    assert not get_user(elsewhere).is_authenticated
    assert get_user(browser) == alice


def test_addresses_are_added_verified_made_main_and_removed(alice: User, browser: Client) -> None:
    page = "/accounts/email/"
    browser.post(page, {"action_add": "", "email": "new@example.org"})
    assert "new@example.org" in browser.get(page).content.decode()
    link = re.search(r"/accounts/confirm-email/\S+", mail.outbox[0].body).group()
    browser.post(link)
    browser.post(page, {"action_primary": "", "email": "new@example.org"})
    alice.refresh_from_db()
    assert alice.email == "new@example.org"
    answer = browser.post(page, {"action_remove": "", "email": "new@example.org"}, follow=True)
    assert "Choose another main address before removing new@example.org." in answer.content.decode()
    browser.post(page, {"action_remove": "", "email": "alice@example.org"})
    assert alice.emailaddress_set.get().email == "new@example.org"
