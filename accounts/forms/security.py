"""Forms of the security settings, which allauth's views use, and of access tokens."""

from datetime import datetime, timedelta
from typing import Any

from allauth.account import forms as account_forms
from allauth.mfa.totp import forms as totp_forms
from allauth.mfa.webauthn import forms as webauthn_forms
from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.forms.door import CODE_ATTRIBUTES
from accounts.forms.words import PASSWORD_HELP, PlainWords
from accounts.models import AccessToken, Scope

LIFETIMES = [
    ("30", _("In 30 days")),
    ("90", _("In 90 days")),
    ("365", _("In a year")),
    ("", _("Never")),
]


class AddEmailForm(PlainWords, account_forms.AddEmailForm):
    labels = {"email": _("Another address")}


class ChangePasswordForm(PlainWords, account_forms.ChangePasswordForm):
    labels = {
        "oldpassword": _("Current password"),
        "password1": _("New password"),
        "password2": _("The same again"),
    }
    helps = {"password1": PASSWORD_HELP}


class SetPasswordForm(PlainWords, account_forms.SetPasswordForm):
    labels = {"password1": _("Password"), "password2": _("The same again")}
    helps = {"password1": PASSWORD_HELP}


class ActivateTOTPForm(PlainWords, totp_forms.ActivateTOTPForm):
    labels = {"code": _("The code that it shows")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs |= CODE_ATTRIBUTES


class AddPasskeyForm(PlainWords, webauthn_forms.AddWebAuthnForm):
    labels = {"name": _("Name"), "passwordless": _("Sign in with this alone, without a password")}
    helps = {"name": _("Where it is kept, for example “Phone” or “Laptop”")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["passwordless"].initial = True


class EditPasskeyForm(PlainWords, webauthn_forms.EditWebAuthnForm):
    labels = {"name": _("Name")}


class AccessTokenForm(PlainWords, forms.ModelForm):
    """A new token: what for, what it may do, and until when."""

    scopes = forms.MultipleChoiceField(choices=Scope.choices, widget=forms.CheckboxSelectMultiple)
    lifetime = forms.ChoiceField(choices=LIFETIMES, required=False, initial="90")
    labels = {"name": _("Name"), "scopes": _("What it may do"), "lifetime": _("Expires")}
    helps = {"name": _("Which program or machine will use it")}

    class Meta:
        model = AccessToken
        fields = ["name"]

    def expires_at(self) -> datetime | None:
        days = self.cleaned_data["lifetime"]
        return timezone.now() + timedelta(days=int(days)) if days else None
