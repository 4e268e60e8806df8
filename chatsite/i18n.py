"""Texts of the scripts, as one script per language: a static file like theirs, a view where none is collected."""

import json
from collections.abc import Iterator
from functools import cache

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation.trans_real import DjangoTranslation
from django.views.i18n import JavaScriptCatalog

DOMAIN = "djangojs"
FOLDER = "texts"


def catalogue(request: HttpRequest, language: str) -> HttpResponse:
    """The texts of one language, the same for everybody."""
    if language not in dict(settings.LANGUAGES):
        raise Http404
    return HttpResponse(script(language), 'text/javascript; charset="utf-8"')


def files() -> Iterator[tuple[str, str]]:
    """Name and text of each language's file."""
    for language, _ in settings.LANGUAGES:
        yield file_name(language), script(language)


def file_name(language: str) -> str:
    return f"{FOLDER}/{language}.js"


def script(language: str) -> str:
    """What chatsite/i18n.js finds: `catalogue = {texts: {text: translation or [its plural forms]}, plural(n)}`."""
    return _written(language) if not settings.DEBUG else _written.__wrapped__(language)


@cache
def _written(language: str) -> str:
    view = JavaScriptCatalog()
    ours = [str(path) for path in settings.LOCALE_PATHS]
    view.translation = DjangoTranslation(language, domain=DOMAIN, localedirs=ours)
    texts = json.dumps(view.get_catalog(), ensure_ascii=False, sort_keys=True)
    return f"const catalogue = {{texts: {texts}, plural: n => Number({view.get_plural() or 'n != 1'})}}\n"
