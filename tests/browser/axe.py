"""What axe finds on a page, in both themes."""

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

# The themes differ in colours alone, so the second asks only the rules about colours; beyond AA none is asked at all.
RULES = {
    "light": {},
    "dark": {"runOnly": ["cat.color"], "rules": {"color-contrast-enhanced": {"enabled": False}}},
}
FIND = "options => axe.run({resultTypes: ['violations'], ...options}).then(({violations}) => violations)"


def finds_nothing_in_either_theme(page: Page) -> None:
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    for scheme, rules in RULES.items():
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        found = page.evaluate(FIND, rules)
        assert not found, [
            f"{scheme}: {rule['id']}: {[node['html'][:160] for node in rule['nodes']]}" for rule in found
        ]
