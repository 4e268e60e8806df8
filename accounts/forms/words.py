"""Our words on forms, our own and allauth's alike."""

from typing import Any, ClassVar

from django import forms
from django.contrib.auth.password_validation import MinimumLengthValidator, get_default_password_validators
from django.utils.functional import lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

FILL_IN = gettext_lazy("Fill this in.")


class PlainWords(forms.BaseForm):
    """Gives fields the labels and helps of the class, and takes placeholders away: labels stand above."""

    labels: ClassVar[dict[str, Any]] = {}
    helps: ClassVar[dict[str, Any]] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.label = self.labels.get(name, field.label)
            field.help_text = self.helps.get(name, "")
            field.error_messages["required"] = FILL_IN
            field.widget.attrs.pop("placeholder", None)


def _password_help() -> str:
    lengths = [v.min_length for v in get_default_password_validators() if isinstance(v, MinimumLengthValidator)]
    return _("At least %(count)d characters, and nothing that many people use.") % {"count": max(lengths, default=1)}


PASSWORD_HELP = lazy(_password_help, str)()
