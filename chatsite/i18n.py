"""Texts of the scripts, as one cacheable script per language."""

from django.conf import settings
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.utils import translation
from django.views.decorators.cache import cache_control
from django.views.i18n import JavaScriptCatalog

CACHED_SECONDS = 60 * 60


@cache_control(public=True, max_age=CACHED_SECONDS)
def catalogue(request: HttpRequest, language: str) -> HttpResponseBase:
    """`gettext` and its kin for one language. Like any script it is the same for everybody."""
    if language not in dict(settings.LANGUAGES):
        raise Http404
    with translation.override(language):
        return JavaScriptCatalog.as_view(domain="djangojs")(request)
