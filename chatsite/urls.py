"""Every address of the site."""

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import include, path

from chatsite import health
from chatsite.api import api
from chatsite.i18n import catalogue


def favicon(request: HttpRequest) -> HttpResponse:
    return redirect(static("chatsite/icon.svg"))


admin.site.site_header = admin.site.site_title = settings.SITE_NAME

handler500 = "chatsite.errors.failed"

urlpatterns = [
    path("", include("chat.urls")),
    path("", include("notifications.urls")),
    path("", include("accounts.urls")),
    path("accounts/", include("allauth.urls")),
    path("api/", api.urls),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("i18n/<str:language>.js", catalogue, name="javascript_catalogue"),
    path("favicon.ico", favicon),  # for pages that name no icon of their own
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
]
