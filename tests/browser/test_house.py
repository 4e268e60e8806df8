"""The door, as somebody meets it."""

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.support.sites import Site


def test_alice_signs_in_with_her_password(shared_site: Site, visit: Visit) -> None:
    page = visit(shared_site, path="/accounts/login/")
    page.locator("input[name=login]").fill("alice")
    page.locator("input[name=password]").fill(shared_site.people["alice"].password)
    page.locator("input[name=password]").press("Enter")
    page.wait_for_url("**/")
    expect(page.get_by_text("Green room").first).to_be_visible()


def test_an_outsider_sees_nothing_of_a_private_room(shared_site: Site, visit: Visit, complaints: list[str]) -> None:
    page = visit(shared_site, "charlie", "/")
    expect(page.get_by_text("Green room")).to_have_count(0)
    page.goto(f"/rooms/{shared_site.room['slug']}/")
    expect(page.get_by_text("Green room")).to_have_count(0)
    assert len(complaints) == 1, "the 404 itself"
    complaints.clear()
