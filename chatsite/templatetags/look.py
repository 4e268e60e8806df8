"""Tags of the look: icons, people's pictures, style sheets and modules.

Modules import each other by their plain URLs; the import map sends those to the
hashed files of the static manifest, so that a page never mixes two versions.
"""

import posixpath
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from django import template
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.template import Context
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join, json_script
from django.utils.safestring import SafeString, mark_safe

from accounts.payloads import person as payload

OWN_FOLDERS = ("chatsite/", "chat/", "notifications/", "accounts/")
STYLE_SHEETS = (
    "tokens",
    "css/base",
    "css/layout",
    "css/controls",
    "css/sidebar",
    "css/people",
    "css/bar",
    "css/timeline",
    "css/jobs",
    "css/composer",
    "css/notices",
    "css/pages",
    "css/door",
    "css/dialogs",
    "css/states",
)
TINTS = 6
IMPORT = re.compile(r"""^(?:import|export)\b[^'"`;]*?['"]((?:/|\./|\.\./)[^'"]+\.js)['"]""", re.MULTILINE)

register = template.Library()


@register.simple_tag
def icon(name: str) -> SafeString:
    """One symbol of icons.svg. It says nothing to screen readers: words stand beside it."""
    sprite = static("chatsite/icons.svg")
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}#i-{}"/></svg>', sprite, name)


@register.simple_tag
def avatar(person: Any, size: str = "", presence: str | None = None) -> SafeString:
    """Somebody's picture, or their initials on a tint.

    `person` is a `User` or a payload `{"id", "name", "avatar"}`; `presence` is
    online, away or offline.
    """
    shown_as = person if isinstance(person, dict) else payload(person)
    picture = shown_as["avatar"]
    inside = format_html('<img src="{}" alt="">', picture) if picture else initials(shown_as["name"])
    state = format_html(' data-presence="{}"', presence) if presence else ""
    return format_html(
        '<span class="avatar{}" data-person="{}" data-tint="{}"{} aria-hidden="true">{}</span>',
        f" {size}" if size else "",
        shown_as["id"],
        shown_as["id"] % TINTS + 1,
        state,
        inside,
    )


def initials(name: str) -> str:
    """`Alice Moreno` → `AM`, `alice` → `A`."""
    words = name.split()
    return "".join(word[0] for word in (words[0], *words[1:][-1:])).upper() if words else "?"


@register.simple_tag
def stylesheets() -> SafeString:
    """Links to all style sheets, in the order of their layers."""
    return format_html_join(
        "\n  ", '<link rel="stylesheet" href="{}">', ((static(f"chatsite/{name}.css"),) for name in STYLE_SHEETS)
    )


@register.simple_tag(takes_context=True)
def importmap(context: Context) -> SafeString:
    """The import map of our modules; nothing where files are served by their plain names."""
    modules = hashed_modules()
    if not modules:
        return SafeString("")
    script = str(json_script({"imports": modules})).replace("application/json", "importmap", 1)
    return mark_safe(script.replace("<script", f"<script{_nonce(context)}", 1))  # noqa: S308 - json_script escapes


def _nonce(context: Context) -> SafeString:
    nonce = getattr(context.get("request"), "csp_nonce", None)
    return format_html(' nonce="{}"', nonce) if nonce else SafeString("")


@cache
def hashed_modules() -> dict[str, str]:
    """Plain URL → hashed URL of every module of ours, from the static manifest."""
    hashed = getattr(staticfiles_storage, "hashed_files", {})
    return {
        settings.STATIC_URL + name: static(name)
        for name in sorted(hashed)
        if name.endswith(".js") and name.startswith(OWN_FOLDERS)
    }


@register.simple_tag
def module(name: str) -> SafeString:
    """A module's script element, and hints to load at once all that it imports."""
    links = format_html_join(
        "\n", '<link rel="modulepreload" href="{}">', ((static(part),) for part in module_parts(name))
    )
    return format_html('{}\n<script type="module" src="{}"></script>', links, static(name))


def module_parts(name: str) -> tuple[str, ...]:
    """The modules that one imports, directly or not. Nothing where files have their plain names and may change."""
    return _imported(name) if hashed_modules() else ()


@cache
def _imported(name: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    waiting = [name]
    while waiting:
        for part in _imports_of(waiting.pop()):
            if part not in found and part != name:
                found[part] = None
                waiting.append(part)
    return tuple(found)


def _imports_of(name: str) -> Iterator[str]:
    with staticfiles_storage.open(name) as file:
        source = file.read().decode()
    for target in IMPORT.findall(source):
        url = posixpath.join(settings.STATIC_URL, posixpath.dirname(name), target)
        yield posixpath.normpath(url).removeprefix(settings.STATIC_URL)
