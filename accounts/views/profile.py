"""Settings of the person: profile and look."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import avatars
from accounts.forms.profile import ProfileForm, ThemeForm
from accounts.http import SignedInRequest
from accounts.models import THEMES, avatar_storage

AVATAR_CACHE_SECONDS = 365 * 24 * 60 * 60


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: SignedInRequest) -> HttpResponse:
    form = ProfileForm(request.POST or None, request.FILES or None, instance=request.user)
    if request.method == "POST" and form.is_valid():
        user = form.save()
        if (picture := form.cleaned_data["picture"]) is not None:
            avatars.store(user, picture)
        with override(user.language or request.LANGUAGE_CODE):
            messages.success(request, _("Saved"))
        return redirect("settings")
    if form.is_bound:
        request.user.refresh_from_db()  # the frame shows what is saved, not what was refused
    return render(request, "accounts/profile.html", {"form": form, "person": request.user})


@login_required
@require_POST
def remove_picture(request: SignedInRequest) -> HttpResponse:
    avatars.store(request.user, None)
    messages.success(request, _("Picture removed"))
    return redirect("settings")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def appearance(request: SignedInRequest) -> HttpResponse:
    """Theme. The page's module sends each choice at once; without it there is a button."""
    form = ThemeForm(request.POST or None, instance=request.user)
    if request.method == "POST" and form.is_valid():
        form.save()
        return redirect("settings_appearance")
    return render(request, "accounts/appearance.html", {"form": form, "themes": THEMES})


@login_required
@require_safe
def avatar(request: SignedInRequest, name: str) -> HttpResponse:
    """A picture. Its name changes with its content, so that browsers may keep it for good."""
    try:
        with avatar_storage().open(f"avatars/{name}") as file:
            response = HttpResponse(file.read(), content_type="image/webp")
    except FileNotFoundError:
        raise Http404 from None
    response.headers["Cache-Control"] = f"private, max-age={AVATAR_CACHE_SECONDS}, immutable"
    return response
