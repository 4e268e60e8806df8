"""Spanish and Brazilian Portuguese, from the door to a toast."""

from collections.abc import Iterator
from typing import Any

import polib
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Enter
from tests.support.sites import ROOT

Room = dict[str, Any]

LOCALES = {"es": "es-MX", "pt-br": "pt-BR"}
WORDS = {
    "es": {
        "write": "Escribe en #",
        "offline": "Sin conexión",
        "nothing": "No tienes nada pendiente",
        "ended": "Terminado",
    },
    "pt-br": {"write": "Escreva em #", "offline": "Você está offline", "nothing": "Nada espera", "ended": "Concluíd"},
}
PAGES = ["/", "/rooms/", "/people/", "/search", "/progress", "/notifications/", "/settings/", "/settings/appearance/"]
PAGES += ["/settings/security/", "/settings/tokens/"]
ATTRIBUTES = ("aria-label", "placeholder", "title", "alt")
TEXTS = """attributes => {
  const found = []
  for (const node of document.querySelectorAll('body *:not(script, style, noscript)')) {
    for (const name of attributes) found.push(node.getAttribute(name))
    for (const part of node.childNodes) if (part.nodeType === Node.TEXT_NODE) found.push(part.data.trim())
  }
  return found.filter(Boolean)
}"""


@pytest.fixture(params=list(LOCALES))
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def english(language: str) -> set[str]:
    """What has other words in that language."""
    name = {"es": "es", "pt-br": "pt_BR"}[language]
    files = [polib.pofile(str(ROOT / f"locale/{name}/LC_MESSAGES/{domain}.po")) for domain in ("django", "djangojs")]
    return {entry.msgid for file in files for entry in file if entry.msgstr and entry.msgstr != entry.msgid}


def test_the_browsers_language_is_spoken(person: Enter, room: Room, language: str, english: set[str]) -> None:
    visitor = person(locale=LOCALES[language])
    visitor.goes_to("/accounts/login/")
    expect(visitor.page.locator("html")).to_have_attribute("lang", language)
    assert set(words_on(visitor.page)) & english == set()

    bob = person("bob", locale=LOCALES[language])
    bob.opens(room)
    expect(bob.composer).to_have_attribute("placeholder", f"{WORDS[language]['write']}{room['name']}")
    expect(bob.page.locator(".offline")).to_contain_text(WORDS[language]["offline"])
    bob.writes("hola")
    bob.sees("hola")
    assert set(words_on(bob.page)) & english == set()


def test_no_page_has_english_left(person: Enter, language: str, english: set[str]) -> None:
    bob = person("bob", locale=LOCALES[language])
    for path in PAGES:
        bob.goes_to(path)
        bob.is_connected()
        assert set(words_on(bob.page)) & english == set(), path


def test_what_scripts_say_is_translated(person: Enter, language: str, english: set[str]) -> None:
    bob = person("bob", locale=LOCALES[language])
    bob.has_read_everything()
    bob.goes_to("/notifications/")
    bob.is_connected()
    bob.reads(WORDS[language]["nothing"])
    job = {"title": "Uno", "kind": "simulated", "params": {"steps": 2, "seconds": 0.5}}
    bob.site.call("POST", "/api/jobs", bob.site.people["bob"], job)
    expect(bob.toasts).to_contain_text(WORDS[language]["ended"])
    assert set(words_on(bob.page)) & english == set()


def test_the_language_is_chosen_at_the_door_and_in_the_profile(person: Enter) -> None:
    dina = person()
    dina.goes_to("/accounts/login/")
    dina.clicks("Español")
    expect(dina.page.locator("html")).to_have_attribute("lang", "es")
    dina.signs_in("dina")
    dina.goes_to("/settings/")
    dina.page.locator("select[name=language]").select_option("pt-br")
    dina.page.locator(".savebar .primary").click()
    expect(dina.page.locator("html")).to_have_attribute("lang", "pt-br")


def words_on(page: Page) -> Iterator[str]:
    """All that can be read or is read out, hidden parts included."""
    yield from page.evaluate(TEXTS, list(ATTRIBUTES))
