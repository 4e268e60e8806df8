"""The first run: who starts the site becomes its administrator."""

from django.contrib.auth import login
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import services
from accounts.forms.profile import WelcomeForm
from accounts.models import User

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def welcome(request: HttpRequest) -> HttpResponse:
    """There only while nobody has an account."""
    if User.objects.exists():
        raise Http404
    form = WelcomeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = services.create_first_administrator(form.save(commit=False), form.cleaned_data["password"])
        except (services.AlreadyStartedError, IntegrityError):
            return redirect("account_login")
        login(request, user, backend=BACKEND)
        return redirect("/")
    return render(request, "accounts/welcome.html", {"form": form})
