"""Every address of the site."""

from django.contrib import admin
from django.urls import include, path

from chatsite import health
from chatsite.api import api
from chatsite.i18n import catalogue

urlpatterns = [
    path("", include("chat.urls")),
    path("", include("notifications.urls")),
    path("", include("accounts.urls")),
    path("accounts/", include("allauth.urls")),
    path("api/", api.urls),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("i18n/<str:language>.js", catalogue, name="javascript_catalogue"),
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
]
