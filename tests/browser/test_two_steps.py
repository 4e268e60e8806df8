"""Signing in with more than a password, or without one."""

import time
from urllib.parse import urlsplit

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import expect

from tests.browser.conftest import Enter
from tests.browser.people import Someone

PERIOD_SECONDS = 30
MARGIN_SECONDS = 4
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def test_an_authenticator_app_is_asked_from_then_on(person: Enter) -> None:
    dina = person()
    dina.signs_in("dina")
    dina.goes_to("/settings/security/")
    dina.page.get_by_role("link", name="Switch on two-step sign-in").click()
    dina.shows_that_it_is_them("dina")
    secret = dina.page.locator("#secret").input_value()
    dina.fills_in(code="000000")
    dina.clicks("Switch on")
    expect(dina.page.locator(".error").first).to_be_visible()
    assert dina.page.locator("#secret").input_value() == secret
    dina.fills_in(code=code_of(dina, secret))
    dina.clicks("Switch on")
    codes = dina.page.locator("#recovery-codes li")
    expect(codes).to_have_count(10)
    recovery = codes.first.inner_text()

    later = person()
    later.signs_in("dina")
    later.reads("Second step")
    later.fills_in(code=code_of(later, secret))
    later.presses("Enter")
    later.arrives_at("/")

    without_phone = person()
    without_phone.signs_in("dina")
    without_phone.fills_in(code=recovery)
    without_phone.presses("Enter")
    without_phone.arrives_at("/")


def test_a_passkey_signs_in_without_a_password(person: Enter) -> None:
    charlie = person(alone=True)
    origin = charlie.site.origin.replace("127.0.0.1", "localhost")  # passkeys belong to names, not to numbers
    devtools = charlie.context.new_cdp_session(charlie.page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    charlie.goes_to(f"{origin}/accounts/login/")
    charlie.fills_in(login="charlie", password=charlie.site.people["charlie"].password)
    charlie.presses("Enter")
    charlie.arrives_at("/")

    charlie.goes_to(f"{origin}/settings/security/")
    charlie.page.get_by_role("link", name="Add a passkey").click()
    charlie.shows_that_it_is_them("charlie")
    charlie.fills_in(name="Laptop")
    charlie.page.locator("[name=passwordless]").check()
    charlie.clicks("Add")
    charlie.page.wait_for_url(lambda url: not url.endswith("/add/"))
    charlie.goes_to(f"{origin}/settings/security/")
    charlie.reads("Laptop")

    charlie.page.locator(".me-text").click()
    charlie.clicks("Sign out")
    charlie.arrives_at("/accounts/login/")
    charlie.clicks("Use a passkey")
    charlie.page.wait_for_url(lambda url: urlsplit(url).path == "/")
    expect(charlie.page.locator("#side .me")).to_contain_text("Charlie")


def code_of(someone: Someone, secret: str) -> str:
    """What an authenticator app shows; one that is about to end is not used."""
    left = PERIOD_SECONDS - time.time() % PERIOD_SECONDS
    if left < MARGIN_SECONDS:
        someone.page.wait_for_timeout(left * 1000)
    return format_hotp_value(hotp_value(secret, int(time.time()) // PERIOD_SECONDS))
