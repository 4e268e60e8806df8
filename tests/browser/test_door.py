"""The way in: the first account, new accounts, forgotten passwords, how it looks."""

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Enter
from tests.browser.people import Complaints
from tests.support.sites import Site

NEW_PASSWORD = "seven herons over the quay"
BACKGROUND = "node => getComputedStyle(node).backgroundColor"


def test_alice_signs_in_and_out(person: Enter) -> None:
    alice = person()
    alice.goes_to("/progress")
    alice.arrives_at("/accounts/login/")
    alice.fills_in(login="alice", password="not this one")
    alice.presses("Enter")
    alice.reads("That name and password do not go together.")
    alice.fills_in(password=alice.site.people["alice"].password)
    alice.presses("Enter")
    alice.arrives_at("/progress")
    alice.page.locator(".me-text").click()
    alice.clicks("Sign out")
    alice.arrives_at("/accounts/login/")
    alice.goes_to("/")
    alice.arrives_at("/accounts/login/")


def test_signing_out_ends_the_other_tab(person: Enter) -> None:
    charlie = person()
    charlie.signs_in("charlie")
    tab = charlie.another_tab()
    tab.goes_to("/progress")
    tab.is_connected()
    charlie.page.locator(".me-text").click()
    charlie.clicks("Sign out")
    tab.arrives_at("/accounts/login/")


def test_somebody_new_makes_an_account_and_later_a_new_password(person: Enter, site: Site) -> None:
    erin = person()
    erin.goes_to("/accounts/signup/")
    erin.fills_in(
        display_name="Erin Walsh", username="erin", email="erin@example.org", password1="a lantern in the fog"
    )
    erin.clicks("Create account")
    erin.arrives_at("/")
    expect(erin.page.locator("#side .me")).to_contain_text("Erin Walsh")
    erin.goes_to(link_in_mail(site, "erin@example.org", "confirm-email"))
    erin.clicks("Yes, it is mine")
    erin.goes_to("/accounts/email/")
    expect(erin.page.locator("main")).not_to_contain_text("not verified", ignore_case=True)

    later = person()
    later.goes_to("/accounts/login/")
    later.clicks("Forgot it?", role="link")
    later.fills_in(email="erin@example.org")
    later.clicks("Send the link")
    later.reads("Look into your mail")
    later.goes_to(link_in_mail(site, "erin@example.org", "password/reset/key"))
    later.fills_in(password1=NEW_PASSWORD, password2=NEW_PASSWORD)
    later.clicks("Set password")
    later.reads("New password set")
    later.signs_in("erin", NEW_PASSWORD)
    later.arrives_at("/")


def test_the_first_run_makes_the_administrator(person: Enter, make_site: Callable[..., Site]) -> None:
    empty = make_site()
    empty.stop()
    empty.manage("flush", "--no-input")
    empty.start()
    erin = person(at=empty)
    erin.goes_to("/")
    erin.arrives_at("/welcome/")
    erin.fills_in(display_name="Erin Walsh", username="erin", email="erin@example.org", password=NEW_PASSWORD)
    erin.clicks("Begin")
    erin.arrives_at("/")
    erin.reads("You are in no room yet")
    erin.page.locator(".me-text").click()
    erin.page.get_by_role("link", name="Administration").click()
    erin.reads("Site administration")
    erin.complaints.expect("welcome")
    erin.goes_to("/welcome/")
    expect(erin.page.get_by_role("button", name="Begin")).to_have_count(0)


def test_the_theme_is_chosen_at_once_and_kept(person: Enter) -> None:
    bob = person("bob", color_scheme="light")
    bob.goes_to("/settings/appearance/")
    light = bob.page.locator(".sheet").evaluate(BACKGROUND)
    bob.page.get_by_label("Dark").check()
    bob.reads("Saved")
    bob.goes_to("/")
    expect(bob.page.locator("html")).to_have_attribute("data-theme", "dark")
    assert bob.page.locator(".sheet").evaluate(BACKGROUND) != light
    assert bob.page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
    bob.goes_to("/settings/appearance/")
    bob.page.get_by_label("System").check()
    bob.reads("Saved")


def test_a_page_that_is_not_there_says_so(person: Enter, complaints: Complaints) -> None:
    complaints.expect("404")
    bob = person("bob")
    bob.goes_to("/no/such/page")
    bob.reads("There is nothing here")
    bob.clicks("To my rooms", role="link")
    bob.arrives_at("/")


def link_in_mail(site: Site, address: str, part: str) -> str:
    """The newest link to a page with that in its path, among the mails to somebody."""
    mails = sorted(Path(site.var / "mail").iterdir(), key=lambda path: path.stat().st_mtime)
    texts = [text for mail in mails if f"To: {address}" in (text := mail.read_text())]
    links = [link for text in texts for link in re.findall(r"http://\S+", text) if part in link]
    return links[-1]
