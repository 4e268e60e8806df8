"""Browsers by a name that people know."""

from django import template
from django.utils.translation import gettext as _

# In this order: each browser also claims to be those below it.
BROWSERS = {"Edg": "Edge", "OPR": "Opera", "Firefox": "Firefox", "Chrome": "Chrome", "Safari": "Safari"}
SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}

register = template.Library()


@register.filter
def device(user_agent: str) -> str:
    """`Firefox, Linux` from a User-Agent header."""
    names = [_known(user_agent, BROWSERS), _known(user_agent, SYSTEMS)]
    return ", ".join(filter(None, names)) or _("Another program")


def _known(user_agent: str, names: dict[str, str]) -> str:
    return next((name for mark, name in names.items() if mark in user_agent), "")
