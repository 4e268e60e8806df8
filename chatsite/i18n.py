"""Texts of the scripts, as one script per language that browsers keep for ever."""

import hashlib
import json
from functools import cache, lru_cache

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.utils.translation.trans_real import DjangoTranslation
from django.views.i18n import JavaScriptCatalog

DOMAIN = "djangojs"
KEPT_SECONDS = 60 * 60 * 24 * 365
UNVERSIONED_SECONDS = 60 * 60
VERSION_CHARACTERS = 12
MAX_DIGESTS = 8  # more than there are languages


def catalogue(request: HttpRequest, language: str) -> HttpResponse:
    """The texts of one language. Like any script it is the same for everybody; under `address` it never changes."""
    if language not in dict(settings.LANGUAGES):
        raise Http404
    response = HttpResponse(script(language), 'text/javascript; charset="utf-8"')
    if request.GET.get("v") == version(language):
        patch_cache_control(response, public=True, immutable=True, max_age=KEPT_SECONDS)
    else:
        patch_cache_control(response, public=True, max_age=UNVERSIONED_SECONDS)
    return response


def address(language: str) -> str:
    return f"{reverse('javascript_catalogue', args=[language])}?v={version(language)}"


def version(language: str) -> str:
    return _digest(script(language))


def script(language: str) -> str:
    """What chatsite/i18n.js finds: `catalogue = {texts: {text: translation or [its plural forms]}, plural(n)}`."""
    return _written(language) if not settings.DEBUG else _written.__wrapped__(language)


@lru_cache(MAX_DIGESTS)
def _digest(text: str) -> str:
    """Every page asks for it."""
    return hashlib.sha256(text.encode()).hexdigest()[:VERSION_CHARACTERS]


@cache
def _written(language: str) -> str:
    view = JavaScriptCatalog()
    ours = [str(path) for path in settings.LOCALE_PATHS]
    view.translation = DjangoTranslation(language, domain=DOMAIN, localedirs=ours)
    texts = json.dumps(view.get_catalog(), ensure_ascii=False, sort_keys=True)
    return f"const catalogue = {{texts: {texts}, plural: n => Number({view.get_plural() or 'n != 1'})}}\n"
