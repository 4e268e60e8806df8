"""Forms of who is not signed in yet, or has to show again that it is them."""

from typing import Any

from allauth.account import forms as account_forms
from allauth.mfa.base import forms as mfa_forms
from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.forms.words import PASSWORD_HELP, PlainWords
from accounts.middleware import zone_or_none

CODE_ATTRIBUTES = {"inputmode": "numeric", "autocomplete": "one-time-code", "autofocus": True}


class GuessedTimeZoneField(forms.CharField):
    """What the browser says; filled in by a module, and dropped where we do not know the zone."""

    def __init__(self) -> None:
        super().__init__(required=False, widget=forms.HiddenInput(attrs={"data-guess": "time-zone"}))

    def clean(self, value: Any) -> str:
        name = super().clean(value)
        return name if zone_or_none(name) else ""


class LoginForm(PlainWords, account_forms.LoginForm):
    labels = {
        "login": _("Email or user name"),
        "password": _("Password"),
        "remember": _("Stay signed in on this device"),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].widget.attrs |= {"autocomplete": "username webauthn", "autocapitalize": "none"}
        self.fields["remember"].initial = True

    def clean(self) -> dict[str, Any]:
        """The refusal stands at the password, where the hand is."""
        try:
            super().clean()
        except forms.ValidationError as error:
            self.add_error("password", error)
        return self.cleaned_data


class SignupForm(PlainWords, account_forms.SignupForm):
    display_name = forms.CharField(
        max_length=80, required=False, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    time_zone = GuessedTimeZoneField()
    field_order = ["display_name", "username", "email", "password1", "time_zone"]
    labels = {
        "display_name": _("Name"),
        "username": _("User name"),
        "email": _("Email"),
        "password1": _("Password"),
    }
    helps = {"username": _("Others write @ and this to reach you"), "password1": PASSWORD_HELP}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].widget.attrs["autocapitalize"] = "none"


class ResetPasswordForm(PlainWords, account_forms.ResetPasswordForm):
    labels = {"email": _("Email")}


class ResetPasswordKeyForm(PlainWords, account_forms.ResetPasswordKeyForm):
    labels = {"password1": _("New password"), "password2": _("The same again")}
    helps = {"password1": PASSWORD_HELP}


class ReauthenticateForm(PlainWords, account_forms.ReauthenticateForm):
    labels = {"password": _("Password")}


class AuthenticateForm(PlainWords, mfa_forms.AuthenticateForm):
    labels = {"code": _("Code")}
    helps = {"code": _("From your authenticator app, or one of your recovery codes")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs |= CODE_ATTRIBUTES


class ReauthenticateByCodeForm(PlainWords, mfa_forms.ReauthenticateForm):
    labels = AuthenticateForm.labels
    helps = AuthenticateForm.helps

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs |= CODE_ATTRIBUTES
