"""Everything that people see is in all three languages, and each person gets theirs."""

import re
from collections import Counter
from gettext import c2py
from pathlib import Path

import polib
import pytest
from django.contrib.auth import SESSION_KEY
from django.core import mail
from django.core.management import call_command
from django.test import Client

from accounts.models import User
from chat.models import Room
from tests.support import texts
from tests.support.cast import PASSWORD
from tests.support.wording import TextReader, bare_words

CATALOGUES = [(language, domain) for language in texts.LANGUAGES for domain in ("django", "djangojs")]
ZONE = re.compile(r"\b[A-Z]\w+/[\w/ -]+")  # America/Port of Spain
PLACE = re.compile(r"%\(\w+\)[sd]|%[sd%]|\{\w+\}|</?\w+>|\n")
ENGLISH = re.compile(r"\b(the|and|you|your|with|this|that|not|was|of|from|rooms|messages|sign|inbox|save)\b", re.I)
OPEN_PAGES = ["/accounts/login/", "/accounts/signup/", "/accounts/password/reset/", "/nowhere"]
PAGES = [
    "/",
    "/rooms/",
    "/rooms/lobby/",
    "/people/",
    "/people/?q=zzz",
    "/search?q=zzz",
    "/progress",
    "/notifications/",
    "/settings/",
    "/settings/appearance/",
    "/settings/security/",
    "/settings/tokens/",
    "/settings/tokens/new/",
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/sessions/",
    "/accounts/logout/",
    "/accounts/2fa/totp/activate/",
    "/accounts/2fa/webauthn/",
    "/accounts/2fa/webauthn/add/",
    "/nowhere",
]
ADMIN_PAGES = ["accounts/user", "chat/room", "chat/message", "chat/membership", "notifications/job"]


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    call_command("compile_translations")


def catalogue(language: str, domain: str) -> polib.POFile:
    return polib.pofile(str(texts.catalogue_path(language, domain)))


def forms(entry: polib.POEntry) -> list[str]:
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


# --- The catalogues -----------------------------------------------------------


@pytest.mark.parametrize(("language", "domain"), CATALOGUES)
def test_every_text_in_use_is_apart_and_no_other(language: str, domain: str) -> None:
    """`python -m tests.support.texts` puts into the catalogues what is missing."""
    used, known = set(texts.used(domain)), {texts.text_of(entry) for entry in catalogue(language, domain)}
    assert sorted(used - known, key=str) == []
    assert sorted(known - used, key=str) == []


@pytest.mark.parametrize("domain", ["django", "djangojs"])
def test_no_text_is_used_both_with_and_without_a_plural(domain: str) -> None:
    counts = Counter((text.context, text.one) for text in texts.used(domain))
    assert [text for text, count in counts.items() if count > 1] == []


@pytest.mark.parametrize(("language", "domain"), CATALOGUES)
def test_no_translation_is_empty_doubtful_or_obsolete(language: str, domain: str) -> None:
    for entry in catalogue(language, domain):
        assert all(forms(entry)), entry.msgid
        assert not entry.fuzzy, entry.msgid
        assert not entry.obsolete, entry.msgid


@pytest.mark.parametrize(("language", "domain"), CATALOGUES)
def test_a_translation_has_the_places_of_its_source(language: str, domain: str) -> None:
    for entry in catalogue(language, domain):
        places = Counter(PLACE.findall(entry.msgid))
        for form in forms(entry):
            assert Counter(PLACE.findall(form)) == places, entry.msgid
            assert form == form.strip(), entry.msgid


@pytest.mark.parametrize(("language", "domain"), CATALOGUES)
def test_one_and_many_have_a_form_each(language: str, domain: str) -> None:
    header = catalogue(language, domain).metadata["Plural-Forms"]
    match = re.fullmatch(r"nplurals=2; plural=(.+);", header)
    assert match, header
    plural = c2py(match[1])
    assert (plural(1), plural(2), plural(1_000_000)) == (0, 1, 1)
    for entry in catalogue(language, domain):
        if entry.msgid_plural:
            assert sorted(entry.msgstr_plural) == [0, 1], entry.msgid


@pytest.mark.parametrize(("language", "domain"), CATALOGUES)
def test_translations_keep_the_voice(language: str, domain: str) -> None:
    """No exclamation mark and no "please", and a full stop only where the source has one."""
    for entry in catalogue(language, domain):
        for form in forms(entry):
            assert not re.search(r"!|¡|por favor|\busted\b", form, re.IGNORECASE), form
            assert form.endswith(".") == entry.msgid.endswith("."), form


@pytest.mark.parametrize("path", texts.templates(), ids=lambda path: str(path.relative_to(texts.ROOT)))
def test_a_template_has_no_text_of_its_own(path: Path) -> None:
    assert bare_words(path.read_text()) == set()


# --- The pages ----------------------------------------------------------------


def words_of(client: Client, path: str, **headers: str) -> str:
    response = client.get(path, headers=headers)
    assert response.status_code in (200, 404), path
    reader = TextReader()
    reader.feed(response.text)
    return " ".join(reader.said)


def assert_no_english(words: str, path: str) -> None:
    words = ZONE.sub("", words)
    found = ENGLISH.search(words)
    assert found is None, f"{path}: …{words[max(0, found.start() - 40) : found.end() + 40]}…"


@pytest.mark.parametrize("language", ["es", "pt-br"])
def test_the_door_speaks_the_browsers_language(alice: User, client: Client, language: str) -> None:
    for path in OPEN_PAGES:
        assert_no_english(words_of(client, path, accept_language=language), path)


@pytest.mark.parametrize("language", ["es", "pt-br"])
def test_pages_speak_the_persons_language(alice: User, client: Client, public_room: Room, language: str) -> None:
    User.objects.filter(pk=alice.pk).update(language=language)
    client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    for path in PAGES:
        assert_no_english(words_of(client, path), path)


@pytest.mark.parametrize("language", ["es", "pt-br"])
def test_the_administration_speaks_the_persons_language(
    admin: User, client: Client, public_room: Room, language: str
) -> None:
    User.objects.filter(pk=admin.pk).update(language=language)
    client.force_login(admin)
    for path in ["/admin/", *(f"/admin/{model}/" for model in ADMIN_PAGES)]:
        assert_no_english(words_of(client, path), path)


def test_mail_speaks_the_language_of_who_asked_for_it(alice: User, client: Client) -> None:
    client.post("/accounts/password/reset/", {"email": alice.email}, headers={"accept-language": "es"})
    (message,) = mail.outbox
    assert message.subject.endswith("Elige una contraseña nueva")
    assert_no_english(re.sub(r"https?://\S+", "", str(message.body)), "mail")


def test_refusals_speak_the_persons_language(alice: User, client: Client, room: Room) -> None:
    User.objects.filter(pk=alice.pk).update(language="pt-br")
    client.force_login(alice)
    response = client.get("/api/rooms/999999")
    assert response.json()["message"] == "Não há nada aqui com esse nome, ou não é para você."


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("es", "es"),
        ("es-MX,es;q=0.9,en;q=0.8", "es"),
        ("pt-BR,pt;q=0.9", "pt-br"),
        ("pt", "pt-br"),
        ("pt-PT", "pt-br"),
        ("en-GB", "en"),
        ("de", "en"),
        ("", "en"),
        ("*;q=x,\\", "en"),
    ],
)
def test_a_stranger_gets_the_browsers_language(alice: User, client: Client, asked: str, given: str) -> None:
    response = client.get("/accounts/login/", headers={"accept-language": asked})
    assert f'<html lang="{given}"' in response.text
    assert response["Content-Language"] == given


def test_the_profiles_language_beats_the_browsers(alice: User, client: Client) -> None:
    User.objects.filter(pk=alice.pk).update(language="es")
    client.force_login(alice)
    assert SESSION_KEY in client.session
    response = client.get("/", headers={"accept-language": "pt-BR"})
    assert '<html lang="es"' in response.text
    assert "/i18n/es.js" in response.text


def test_without_one_in_the_profile_the_browsers_counts(alice: User, client: Client) -> None:
    client.force_login(alice)
    assert '<html lang="pt-br"' in client.get("/", headers={"accept-language": "pt-BR"}).text


# --- The scripts' texts -------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "known", "plural"),
    [("es", "Nuevo desde las %(time)s", "n != 1"), ("pt-br", "Novas desde %(time)s", "n > 1")],
)
def test_scripts_get_their_texts(client: Client, db: None, language: str, known: str, plural: str) -> None:
    response = client.get(f"/i18n/{language}.js")
    assert f'"New since %(time)s": "{known}"' in response.text
    assert plural in response.text


def test_scripts_texts_exist_only_in_our_languages(client: Client, db: None) -> None:
    assert client.get("/i18n/en.js").status_code == 200
    assert client.get("/i18n/de.js").status_code == 404
