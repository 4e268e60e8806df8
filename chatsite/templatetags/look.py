"""Tags of the look: icons, people's pictures, style sheets and modules.

Modules import each other by their plain URLs; the import map sends those to the
hashed files of the static manifest, so that a page never mixes two versions, and
to the parts of a pack where the page has it.
"""

from functools import cache
from typing import Any

from django import template
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.template import Context
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html, format_html_join, json_script
from django.utils.safestring import SafeString, mark_safe

from accounts.payloads import person as payload
from chatsite import i18n, packs

OWN_FOLDERS = ("chatsite/", "chat/", "notifications/", "accounts/")
PACKS_HERE = "packs"
TINTS = 6

register = template.Library()


@register.simple_tag
@cache
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
def stylesheets(*names: str) -> SafeString:
    """Links to packs of style sheets, in the order of their layers; to each sheet where nothing is packed."""
    if hashed_modules():
        sheets = [packs.sheet_name(name) for name in names]
    else:
        sheets = [f"chatsite/{sheet}.css" for name in names for sheet in packs.SHEETS[name]]
    return format_html_join("\n  ", '<link rel="stylesheet" href="{}">', ((static(sheet),) for sheet in sheets))


@register.simple_tag
def script_texts(language: str) -> str:
    """The address of the scripts' texts in a language."""
    return static(i18n.file_name(language)) if hashed_modules() else reverse("javascript_catalogue", args=[language])


@register.simple_tag(takes_context=True)
def scripts(context: Context, *names: str) -> SafeString:
    """The import map of our modules, and the packs that the page runs. `{% scripts "app" "room" %}`

    Each is one file, and nothing has to be run to know that it is needed: the browser asks for all of them at once.
    Where nothing is packed, the modules by themselves and no map.
    """
    context.render_context[PACKS_HERE] = packs.known(names)
    if not hashed_modules():
        entries = [entry for name in names for entry in packs.PACKS[name].entries]
        return format_html_join(
            "\n", '<script type="module" src="{}"></script>', ((static(entry),) for entry in entries)
        )
    urls = [(static(packs.pack_name(name)),) for name in names]
    hints = format_html_join("\n  ", '<link rel="modulepreload" href="{}">', urls)
    run = format_html_join("\n  ", '<script type="module" src="{}"></script>', urls)
    return format_html("{}\n  {}\n  {}", _importmap(context, names), hints, run)


def _importmap(context: Context, names: tuple[str, ...]) -> SafeString:
    script = str(json_script({"imports": modules(packs.known(names))})).replace("application/json", "importmap", 1)
    return mark_safe(script.replace("<script", f"<script{_nonce(context)}", 1))  # noqa: S308 - json_script escapes


def _nonce(context: Context) -> SafeString:
    nonce = getattr(context.get("request"), "csp_nonce", None)
    return format_html(' nonce="{}"', nonce) if nonce else SafeString("")


@cache
def modules(names: tuple[str, ...]) -> dict[str, str]:
    """Plain URL → where a page that has these packs finds that module."""
    hashed = hashed_modules()
    parts = {
        module: packs.part_name(name, module)
        for name in names
        for module in hashed
        if packs.part_name(name, module) in hashed
    }
    ours = {module: parts.get(module, module) for module in hashed if module.startswith(OWN_FOLDERS)}
    ours |= {packs.pack_name(name): packs.pack_name(name) for name in names}
    return {settings.STATIC_URL + module: static(name) for module, name in ours.items()}


@cache
def hashed_modules() -> frozenset[str]:
    """The names of all collected modules of ours; none where files are served by their plain names."""
    hashed = getattr(staticfiles_storage, "hashed_files", {})
    folders = (*OWN_FOLDERS, f"{packs.FOLDER}/")
    return frozenset(name for name in hashed if name.endswith(".js") and name.startswith(folders))


@register.simple_tag(takes_context=True)
def module(context: Context, name: str) -> SafeString:
    """The script element of a module that is in no pack, and hints to load at once all that it imports."""
    urls = modules(context.render_context.get(PACKS_HERE, ())) if hashed_modules() else {}
    preloaded = [(urls[settings.STATIC_URL + part],) for part in module_parts(name)]
    links = format_html_join("\n", '<link rel="modulepreload" href="{}">', preloaded)
    return format_html('{}\n<script type="module" src="{}"></script>', links, static(name))


@cache
def module_parts(name: str) -> tuple[str, ...]:
    """The modules that one imports, directly or not. Nothing where files have their plain names and may change."""
    return tuple(packs.in_order([name], _text)[:-1]) if hashed_modules() else ()


def _text(name: str) -> str:
    with staticfiles_storage.open(name) as file:
        return str(file.read().decode())
