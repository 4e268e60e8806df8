"""What pages load together, put into one file each: a style sheet of several, a script of many modules.

A page of sixty small files costs more in requests and headers than in what it says, and what is
compressed together is a third smaller. `collectstatic` makes the packs (chatsite/storage.py); the
sources stay what they are, and are served as they are while nothing is collected (DEBUG).

In a pack each module is a function that gives what the module exports, called in the order in which
a browser would run them. For who imports one of them by its address, say a module that is in no
pack, there is a part: a module that gives the same things out of the pack, so that none runs twice.
"""

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

Read = Callable[[str], str]  # the text of a static file, by its name

FOLDER = "packs"
SHEETS = {
    "look": (
        *("tokens", "css/base", "css/layout", "css/controls", "css/sidebar", "css/people", "css/bar"),
        *("css/timeline", "css/composer", "css/notices", "css/dialogs", "css/empty", "css/states"),
    ),
    "pages": ("css/jobs", "css/inbox", "css/pages", "css/door"),  # what no room needs
}


class Pack(NamedTuple):
    """`entries` are what a page asks for; what they import comes along, except what is in `base` already.

    What is `later` is run by no page: it comes when a script imports one of its modules.
    """

    entries: tuple[str, ...]
    base: str = ""
    later: bool = False


PACKS = {
    "app": Pack(("chatsite/shell.js", "chat/outboxmarks.js", "chat/outboxstrays.js", "notifications/work.js")),
    "work": Pack(("notifications/toasts.js",), base="app", later=True),
    "room": Pack(("chat/room.js",), base="app"),
    "dialogs": Pack(("chat/roomdialogs.js",), base="room", later=True),
}

IMPORT = re.compile(r"^import \{(?P<names>[^}]*)\} from '(?P<target>(?:/|\./|\.\./)[^']+\.js)'$", re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async function|function\*?|class|const) (?P<name>[\w$]+))", re.MULTILINE)
UNPACKABLE = re.compile(r"^(?:import|export|await)\b.*|.*\bimport\.meta\b.*", re.MULTILINE)


class PackingError(ValueError):
    """A module does what a pack can't keep: changes what it exports, waits at its top, or imports in a circle."""


def files(read: Read) -> Iterator[tuple[str, str]]:
    """Name and text of every file that is made."""
    for name, sheets in SHEETS.items():
        yield sheet_name(name), "".join(read(f"chatsite/{sheet}.css") for sheet in sheets)
    for name in PACKS:
        yield pack_name(name), script(name, read)
        for module in modules(name, read):
            yield part_name(name, module), part(name, module, read)


def known(names: Iterable[str]) -> tuple[str, ...]:
    """Packs of a page, and those that its scripts may ask for later."""
    here = tuple(names)
    return (*here, *(name for name, pack in PACKS.items() if pack.later and pack.base in here))


def sheet_name(name: str) -> str:
    return f"{FOLDER}/{name}.css"


def pack_name(name: str) -> str:
    return f"{FOLDER}/{name}.js"


def part_name(name: str, module: str) -> str:
    return f"{FOLDER}/{name}/{module}"


def modules(name: str, read: Read) -> list[str]:
    """The modules of a pack, each after those that it imports."""
    pack = PACKS[name]
    before = modules(pack.base, read) if pack.base else []
    return in_order(pack.entries, read, before)[len(before) :]


def in_order(entries: Iterable[str], read: Read, before: Iterable[str] = ()) -> list[str]:
    """`before`, the entries and all that they import, in the order in which browsers run them."""
    found = list(before)
    for entry in entries:
        _visit(entry, read, found, ())
    return found


def _visit(module: str, read: Read, found: list[str], way: tuple[str, ...]) -> None:
    if module in way:
        raise PackingError(f"imports go in a circle: {' → '.join((*way, module))}")
    if module in found:
        return
    for imported in imports_of(module, read(module)):
        _visit(imported, read, found, (*way, module))
    found.append(module)


def imports_of(module: str, source: str) -> list[str]:
    return [_named(module, match["target"]) for match in IMPORT.finditer(source)]


def _named(module: str, target: str) -> str:
    """What a module imports, as the name of a static file: `./dom.js` in `chatsite/keys.js` is `chatsite/dom.js`."""
    url = posixpath.normpath(posixpath.join("/static", posixpath.dirname(module), target))
    return url.removeprefix("/static/")


def script(name: str, read: Read) -> str:
    base = PACKS[name].base
    start = f"import {{modules}} from '/static/{pack_name(base)}'\n" if base else "const modules = {}\n"
    return start + "export {modules}\n" + "".join(_function(module, read(module)) for module in modules(name, read))


def _function(module: str, source: str) -> str:
    def taken(match: re.Match[str]) -> str:
        return f"const {{{match['names'].replace(' as ', ': ')}}} = modules['{_named(module, match['target'])}']"

    body = EXPORT.sub("", IMPORT.sub(taken, source))
    if left := UNPACKABLE.search(body):
        raise PackingError(f"{module}: {left[0]}")
    return f"modules['{module}'] = (() => {{\n{body}return {{{_exports(source)}}}\n}})()\n"


def part(name: str, module: str, read: Read) -> str:
    return (
        f"import {{modules}} from '/static/{pack_name(name)}'\n"
        f"export const {{{_exports(read(module))}}} = modules['{module}']\n"
    )


def _exports(source: str) -> str:
    return ", ".join(match["name"] for match in EXPORT.finditer(source))
