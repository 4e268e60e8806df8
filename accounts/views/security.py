"""Settings that keep an account safe: an overview, and access tokens for programs."""

from allauth.account.decorators import reauthentication_required
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts import tokens
from accounts.forms.security import AccessTokenForm
from accounts.http import SignedInRequest
from accounts.models import AccessToken


@login_required
@require_safe
def overview(request: SignedInRequest) -> HttpResponse:
    authenticators = Authenticator.objects.filter(user=request.user)
    by_type = {each.type: each for each in authenticators}
    codes = by_type.get(Authenticator.Type.RECOVERY_CODES)
    return render(
        request,
        "accounts/security.html",
        {
            "addresses": EmailAddress.objects.filter(user=request.user).order_by("-primary", "email"),
            "totp": by_type.get(Authenticator.Type.TOTP),
            "passkeys": [each for each in authenticators if each.type == Authenticator.Type.WEBAUTHN],
            "codes_left": len(codes.wrap().get_unused_codes()) if codes else None,
            "session_count": len(UserSession.objects.purge_and_list(request.user)),
        },
    )


@login_required
@require_safe
def token_list(request: SignedInRequest) -> HttpResponse:
    return render(request, "accounts/tokens.html", {"tokens": _own_tokens(request)})


@login_required
@reauthentication_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def token_new(request: SignedInRequest) -> HttpResponse:
    """Makes a token. The answer itself shows the key: it is kept nowhere, not even in the session."""
    form = AccessTokenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        token, key = tokens.create(request.user, data["name"], data["scopes"], form.expires_at())
        return render(request, "accounts/token_made.html", {"token": token, "key": key})
    return render(request, "accounts/token_new.html", {"form": form})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def token_revoke(request: SignedInRequest, pk: int) -> HttpResponse:
    token = get_object_or_404(_own_tokens(request), pk=pk)
    if request.method == "GET":
        return render(request, "accounts/token_revoke.html", {"token": token})
    tokens.revoke(token)
    messages.success(request, _("%(name)s no longer opens anything") % {"name": token.name})
    return redirect("settings_tokens")


def _own_tokens(request: SignedInRequest) -> QuerySet[AccessToken]:
    return AccessToken.objects.filter(user=request.user, revoked_at=None)
