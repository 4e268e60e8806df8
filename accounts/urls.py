"""Pages of people's own settings, the first run, and pictures. allauth's are under /accounts/."""

from django.urls import path, re_path
from django.views.generic import RedirectView

from accounts.avatars import NAME
from accounts.views import profile, security
from accounts.views.welcome import welcome

urlpatterns = [
    path("welcome/", welcome, name="welcome"),
    path("settings/", profile.profile, name="settings"),
    path("settings/picture/remove/", profile.remove_picture, name="settings_picture_remove"),
    path("settings/appearance/", profile.appearance, name="settings_appearance"),
    path("settings/security/", security.overview, name="settings_security"),
    path("settings/tokens/", security.token_list, name="settings_tokens"),
    path("settings/tokens/new/", security.token_new, name="settings_token_new"),
    path("settings/tokens/<int:pk>/revoke/", security.token_revoke, name="settings_token_revoke"),
    # allauth returns to its own overview after each change; ours shows the same and more.
    path("accounts/2fa/", RedirectView.as_view(pattern_name="settings_security")),
    re_path(rf"^avatars/(?P<name>{NAME.pattern})$", profile.avatar, name="avatar"),
]
