"""Browsers' contexts, lent from test to test: what they have loaded stays cached, and few windows are opened.

A cold page costs three times the work of a warm one. That the first view works and is light, cold, is a
matter of the tests that ask for a context of their own.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Error

TIMEOUT_MS = 30_000  # a page may wait so long for its next try; beyond is what only the 45 s of silence would mend
TELL_OF_VIOLATIONS = "addEventListener('securitypolicyviolation', e => console.error('CSP', e.violatedDirective))"


class Windows:
    """The contexts of some tests that follow each other, by what they were made for."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.free: defaultdict[str, list[BrowserContext]] = defaultdict(list)

    @contextmanager
    def lend(self, name: str, alone: bool, **options: Any) -> Iterator[BrowserContext]:
        """A context of that person's, with nothing in it but what a browser may cache.

        `alone` gives one that nobody had before or will have, for a test that changes it for good.
        """
        if alone:
            yield (context := prepared(self.browser.new_context(**options)))
            context.close()
            return
        free = self.free[f"{name} {sorted(options.items())}"]
        context = free.pop() if free else prepared(self.browser.new_context(**options))
        yield context
        if forgets(context, options["base_url"]):
            free.append(context)
        else:
            context.close()

    def close(self) -> None:
        for contexts in self.free.values():
            for context in contexts:
                context.close()


def prepared(context: BrowserContext) -> BrowserContext:
    context.set_default_timeout(TIMEOUT_MS)
    context.add_init_script(TELL_OF_VIOLATIONS)
    return context


def forgets(context: BrowserContext, origin: str) -> bool:
    """Leaves all pages, and what was stored there; whether that went well.

    An empty page stays, for a context without any would lose its window, too.
    """
    try:
        for page in context.pages[1:]:
            page.close()
        page = context.pages[0] if context.pages else context.new_page()
        page.goto("about:blank")
        context.set_offline(False)
        context.clear_cookies()
        devtools = context.new_cdp_session(page)
        kept = {"origin": origin, "storageTypes": "local_storage,indexeddb,cache_storage,service_workers"}
        devtools.send("Storage.clearDataForOrigin", kept)
        devtools.detach()
    except Error:
        return False
    return True
