"""Coming in: sign-up, sign-in, the second step, a lost password."""

import re
import time

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.contrib.auth import get_user
from django.core import mail
from django.test import Client

from accounts.models import User
from tests.support.cast import PASSWORD

NEW = {"display_name": "Dina Haddad", "username": "dina", "email": "dina@example.org", "password1": PASSWORD}


def text(answer) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


def code_of(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


class TestSignUp:
    def test_somebody_new_comes_in(self, alice: User, client: Client) -> None:
        answer = client.post("/accounts/signup/", {**NEW, "time_zone": "America/Sao_Paulo"})
        assert answer["Location"] == "/"
        dina = User.objects.get(username="dina")
        assert get_user(client) == dina
        assert (dina.name, dina.time_zone, dina.is_staff) == ("Dina Haddad", "America/Sao_Paulo", False)

    def test_the_address_is_verified_by_mail(self, alice: User, client: Client) -> None:
        client.post("/accounts/signup/", NEW)
        [message] = mail.outbox
        assert message.subject == "[Chat] Verify your address"
        link = re.search(r"/accounts/confirm-email/\S+", message.body).group()
        assert "dina@example.org" in text(client.get(link))
        client.post(link)
        assert EmailAddress.objects.get(email="dina@example.org").verified

    @pytest.mark.parametrize(
        ("field", "value", "words"),
        [
            ("username", "Alice", "Somebody already has that user name."),
            ("username", "@dina", "A user name is made of letters"),
            ("email", "alice@example.org", "Somebody already has an account with this address."),
            ("password1", "password12", "too common"),
            ("email", "", "Fill this in."),
        ],
    )
    def test_what_is_wrong_is_said(self, alice: User, client: Client, field: str, value: str, words: str) -> None:
        assert words in text(client.post("/accounts/signup/", {**NEW, field: value}))
        assert User.objects.count() == 1

    def test_where_addresses_must_be_verified_it_hides_who_has_an_account(
        self, alice: User, client: Client, settings
    ) -> None:
        settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
        known = client.post("/accounts/signup/", {**NEW, "email": "alice@example.org"})
        fresh = Client().post("/accounts/signup/", NEW)
        assert known["Location"] == fresh["Location"] == "/accounts/confirm-email/"
        assert [message.subject for message in mail.outbox] == [
            "[Chat] You already have an account",
            "[Chat] Verify your address",
        ]


class TestSignIn:
    @pytest.mark.parametrize("name", ["alice", "ALICE", "alice@example.org"])
    def test_by_user_name_or_address(self, alice: User, client: Client, name: str) -> None:
        answer = client.post("/accounts/login/?next=/settings/", {"login": name, "password": PASSWORD})
        assert answer["Location"] == "/settings/"
        assert get_user(client) == alice

    @pytest.mark.parametrize("login", ["alice", "nobody", "alice@example.org", "nobody@example.org"])
    def test_it_does_not_say_which_was_wrong(self, alice: User, client: Client, login: str) -> None:
        answer = client.post("/accounts/login/", {"login": login, "password": "wrong"})
        assert "That name and password do not go together." in text(answer)

    def test_it_leads_to_no_other_site(self, alice: User, client: Client) -> None:
        answer = client.post("/accounts/login/?next=https://evil.example/", {"login": "alice", "password": PASSWORD})
        assert answer["Location"] == "/"

    def test_unticked_the_session_ends_with_the_browser(self, alice: User, client: Client) -> None:
        client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
        assert client.session.get_expire_at_browser_close()
        client.logout()
        client.post("/accounts/login/", {"login": "alice", "password": PASSWORD, "remember": "on"})
        assert not client.session.get_expire_at_browser_close()

    def test_a_closed_account_stays_out(self, alice: User, client: Client) -> None:
        User.objects.filter(pk=alice.pk).update(is_active=False)
        client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
        assert not get_user(client).is_authenticated

    def test_guessing_is_slowed_down(self, alice: User, client: Client) -> None:
        for _ in range(6):
            answer = client.post("/accounts/login/", {"login": "alice", "password": "wrong"})
        assert "Too many wrong attempts." in text(answer)
        answer = client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
        assert not get_user(client).is_authenticated

    def test_too_many_calls_are_answered_in_words(self, alice: User, client: Client) -> None:
        for _ in range(21):
            answer = client.post("/accounts/signup/", {})
        assert answer.status_code == 429
        assert "That was too often" in text(answer)

    def test_rate_limits_can_be_off_for_measurements(self, alice: User, client: Client, settings) -> None:
        settings.ACCOUNT_RATE_LIMITS = False
        for _ in range(25):
            answer = client.post("/accounts/signup/", {})
        assert answer.status_code == 200

    def test_the_administration_has_the_same_door(self, admin: User, client: Client) -> None:
        assert client.get("/admin/login/?next=/admin/")["Location"].startswith("/accounts/login/")
        client.force_login(admin)
        assert client.get("/admin/").status_code == 200

    def test_signing_out_needs_a_post(self, alice: User, client: Client) -> None:
        client.force_login(alice)
        assert "Sign out?" in text(client.get("/accounts/logout/"))
        assert get_user(client).is_authenticated
        assert client.post("/accounts/logout/")["Location"] == "/accounts/login/"
        assert not get_user(client).is_authenticated


class TestSecondStep:
    @pytest.fixture
    def secret(self, alice: User) -> str:
        secret = generate_totp_secret()
        TOTP.activate(alice, secret)
        return secret

    def test_the_password_alone_does_not_do(self, alice: User, secret: str, client: Client) -> None:
        answer = client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
        assert answer["Location"] == "/accounts/2fa/authenticate/"
        assert "From your authenticator app" in text(client.get("/accounts/2fa/authenticate/"))
        assert not get_user(client).is_authenticated

    def test_the_code_does(self, alice: User, secret: str, client: Client) -> None:
        client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
        answer = client.post("/accounts/2fa/authenticate/", {"code": "000000"})
        assert "That is not the code." in text(answer)
        client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
        assert get_user(client) == alice

    def test_a_recovery_code_does_once(self, alice: User, secret: str, client: Client) -> None:
        code = RecoveryCodes.activate(alice).get_unused_codes()[0]
        for expected in (True, False):
            client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
            client.post("/accounts/2fa/authenticate/", {"code": code})
            assert get_user(client).is_authenticated is expected
            client.logout()


class TestLostPassword:
    def test_a_link_by_mail_sets_a_new_one(self, alice: User, client: Client) -> None:
        client.post("/accounts/password/reset/", {"email": "alice@example.org"})
        [message] = mail.outbox
        assert message.subject == "[Chat] Choose a new password"
        link = re.search(r"/accounts/password/reset/key/\S+", message.body).group()
        form = client.get(link)["Location"]
        assert "Choose a new password" in text(client.get(form))
        answer = client.post(form, {"password1": "lanterns over water", "password2": "other lanterns"})
        assert "You must type the same password each time." in text(answer)
        client.post(form, {"password1": "lanterns over water", "password2": "lanterns over water"})
        alice.refresh_from_db()
        assert alice.check_password("lanterns over water")
        assert "This link no longer works" in text(Client().get(link, follow=True))

    def test_it_does_not_say_who_has_an_account(self, alice: User, client: Client) -> None:
        known = client.post("/accounts/password/reset/", {"email": "alice@example.org"}, follow=True)
        unknown = Client().post("/accounts/password/reset/", {"email": "nobody@example.org"}, follow=True)
        assert "If that address belongs to an account" in text(known)
        assert "If that address belongs to an account" in text(unknown)
        assert mail.outbox[1].subject == "[Chat] No account with this address"
