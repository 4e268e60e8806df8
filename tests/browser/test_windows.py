"""What a test leaves in a window, the next who gets it does not find."""

from typing import Any

from playwright.sync_api import Browser

from tests.browser.windows import Windows
from tests.support.sites import Site

LEAVE = """() => new Promise(done => {
  localStorage.left = sessionStorage.left = document.cookie = 'left=here'
  indexedDB.open('left').onsuccess = event => { event.target.result.close(); done() }
})"""
FIND = """async () => [
  localStorage.left, sessionStorage.left, document.cookie,
  (await indexedDB.databases()).map(({name}) => name).filter(name => name === 'left').join(),
].map(found => found ?? '')"""


def test_nothing_but_the_cache_is_left(browser: Browser, site: Site) -> None:
    windows = Windows(browser)
    options: dict[str, Any] = {"base_url": site.origin}
    with windows.lend("", alone=False, **options) as context:
        page = context.new_page()
        page.goto("/accounts/login/")
        page.evaluate(LEAVE)
        assert all(page.evaluate(FIND))
        context.set_offline(True)
    with windows.lend("", alone=False, **options) as again:
        assert again is context
        page = again.new_page()
        page.goto("/accounts/login/")
        assert "left" not in "".join(page.evaluate(FIND))
    windows.close()
