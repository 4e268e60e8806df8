"""Forms of the profile, the look, and the first administrator."""

import zoneinfo
from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import avatars
from accounts.forms.door import GuessedTimeZoneField
from accounts.forms.words import PASSWORD_HELP, PlainWords
from accounts.models import User

# Old and administrative names: everybody finds their city without them.
HIDDEN_ZONES = ("Etc/", "SystemV/", "US/", "Canada/", "Brazil/", "Chile/", "Mexico/", "posix/", "right/")


class ProfileForm(PlainWords, forms.ModelForm):
    picture = forms.FileField(required=False)
    labels = {
        "display_name": gettext_lazy("Name"),
        "language": gettext_lazy("Language"),
        "time_zone": gettext_lazy("Time zone"),
    }

    class Meta:
        model = User
        fields = ["display_name", "language", "time_zone"]
        widgets = {"display_name": forms.TextInput(attrs={"autocomplete": "name"})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["picture"].widget.attrs |= {"accept": "image/png,image/jpeg,image/webp"}
        languages = [("", _("As the browser")), *settings.LANGUAGES]
        self.fields["language"].widget = forms.Select(choices=languages)
        self.fields["time_zone"] = _time_zone_field(self.instance.time_zone)

    def clean_picture(self) -> bytes | None:
        """The picture as we keep it."""
        upload = self.cleaned_data["picture"]
        try:
            return avatars.encode(upload) if upload else None
        except avatars.BadPictureError as error:
            raise forms.ValidationError(str(error)) from None


def _time_zone_field(current: str) -> forms.ChoiceField:
    """All cities with the time that it is there; the current zone even where it is an old name."""
    now = timezone.now()
    names = {name for name in zoneinfo.available_timezones() if "/" in name and not name.startswith(HIDDEN_ZONES)}
    choices = [(name, _zone_label(name, now)) for name in sorted(names | {"UTC", current} - {""})]
    unset = ("", _("Not chosen, %(time)s now") % {"time": _clock(now, settings.TIME_ZONE)})
    field = forms.ChoiceField(choices=[unset, *choices], required=False, label=gettext_lazy("Time zone"))
    field.widget.attrs["data-guess"] = "time-zone"
    return field


def _zone_label(name: str, now: datetime) -> str:
    return _("%(zone)s, %(time)s now") % {"zone": name.replace("_", " "), "time": _clock(now, name)}


def _clock(now: datetime, zone: str) -> str:
    return formats.time_format(now.astimezone(zoneinfo.ZoneInfo(zone)), "H:i")


class ThemeForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ["theme"]


class WelcomeForm(PlainWords, forms.ModelForm):
    """The first administrator."""

    email = forms.EmailField()
    password = forms.CharField(strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}))
    time_zone = GuessedTimeZoneField()
    labels = {
        "display_name": gettext_lazy("Name"),
        "username": gettext_lazy("User name"),
        "email": gettext_lazy("Email"),
        "password": gettext_lazy("Password"),
    }
    helps = {"username": gettext_lazy("Others write @ and this to reach you"), "password": PASSWORD_HELP}

    class Meta:
        model = User
        fields = ["display_name", "username", "email", "time_zone"]
        widgets = {
            "display_name": forms.TextInput(attrs={"autocomplete": "name"}),
            "username": forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none"}),
        }

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if "password" in data:
            person = User(username=data.get("username", ""), email=data.get("email", ""))
            try:
                validate_password(data["password"], person)
            except forms.ValidationError as error:
                self.add_error("password", error)
        return data
