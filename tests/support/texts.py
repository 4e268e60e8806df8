"""The texts that people see, found where they are used; and the catalogues brought up to date with them.

`python -m tests.support.texts` does what `makemessages` does, without gettext's own programs: it adds what is new,
untranslated, drops what nobody uses any more, and keeps the rest.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import polib
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent.parent
APPS = ("accounts", "chat", "chatsite", "notifications")
LANGUAGES = ("es", "pt_BR")
PLURAL_FORMS = {"es": "nplurals=2; plural=(n != 1);", "pt_BR": "nplurals=2; plural=(n > 1);"}

FUNCTION = re.compile(r"n?p?gettext(_lazy|_noop)?")
STRING = r"""u?('(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")"""
CALL = re.compile(rf"\b(n?p?gettext|_)\(\s*(?:{STRING}\s*(?:,\s*{STRING}\s*)?(?:,\s*{STRING}\s*)?)?")
COMMENT = re.compile(r"^\s*(//|\*|/\*).*$", re.MULTILINE)
WITHOUT_TEXTS = {"i18n.js"}  # defines the functions


class Text(NamedTuple):
    context: str | None
    one: str
    many: str | None


class NotLiteralError(ValueError):
    """A text that only a running program knows, so that no catalogue can have it."""


def used(domain: str) -> dict[Text, list[str]]:
    """Every text of a domain (`django`, `djangojs`) with the files that use it."""
    found: dict[Text, list[str]] = {}
    for path in sources(domain):
        name = str(path.relative_to(ROOT))
        try:
            for text in READERS[path.suffix](path.read_text()):
                if name not in found.setdefault(text, []):
                    found[text].append(name)
        except NotLiteralError as error:
            raise NotLiteralError(f"{name}: {error}") from None
    return found


def sources(domain: str) -> list[Path]:
    if domain == "djangojs":
        scripts = [path for app in APPS for path in ROOT.glob(f"{app}/static/**/*.js")]
        return sorted(path for path in scripts if path.name not in WITHOUT_TEXTS)
    modules = [path for app in APPS for path in ROOT.glob(f"{app}/**/*.py")]
    return sorted([*modules, *templates()])


def templates() -> list[Path]:
    return sorted(path for path in ROOT.glob("templates/**/*") if path.suffix in (".html", ".txt"))


def in_python(source: str) -> Iterator[Text]:
    tree = ast.parse(source)
    names = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (function := _called(node.func, names)):
            yield _text(function, [_literal(argument) for argument in node.args])


def _called(node: ast.expr, names: dict[str, str]) -> str | None:
    """`gettext`, `ngettext` …, under whatever name it was imported; None for any other function."""
    if isinstance(node, ast.Name):
        name = names.get(node.id, "")
    else:
        name = node.attr if isinstance(node, ast.Attribute) else ""
    return re.sub(r"_(lazy|noop)$", "", name) if FUNCTION.fullmatch(name) else None


def _literal(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def in_template(source: str) -> Iterator[Text]:
    return _in_calls(templatize(source))


def in_script(source: str) -> Iterator[Text]:
    return _in_calls(COMMENT.sub("", source))


def _in_calls(source: str) -> Iterator[Text]:
    for function, *strings in CALL.findall(source):
        yield _text(function, [ast.literal_eval(string) for string in strings if string])


def _text(function: str, arguments: list[str | None]) -> Text:
    context = arguments.pop(0) if "p" in function and arguments else None
    one = arguments[0] if arguments else None
    many = arguments[1] if function.startswith("n") and len(arguments) > 1 else None
    if one is None or (function.startswith("n") and many is None) or ("p" in function and context is None):
        raise NotLiteralError(f"{function}() without a literal text")
    return Text(context, one, many)


READERS = {".py": in_python, ".html": in_template, ".txt": in_template, ".js": in_script}


def catalogue_path(language: str, domain: str) -> Path:
    return ROOT / "locale" / language / "LC_MESSAGES" / f"{domain}.po"


def text_of(entry: polib.POEntry) -> Text:
    return Text(entry.msgctxt, entry.msgid, entry.msgid_plural or None)


def update(language: str, domain: str) -> None:
    """Rewrites one catalogue in the order of the files, with what it already has."""
    path = catalogue_path(language, domain)
    known = {text_of(entry): entry for entry in polib.pofile(str(path))} if path.exists() else {}
    catalogue = polib.POFile(wrapwidth=0)
    catalogue.metadata = {
        "Language": language,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": PLURAL_FORMS[language],
    }
    for text, files in used(domain).items():
        entry = known.get(text) or _untranslated(text)
        entry.occurrences = [(file, "") for file in files]
        catalogue.append(entry)
    catalogue.save(str(path))


def _untranslated(text: Text) -> polib.POEntry:
    entry = polib.POEntry(msgctxt=text.context, msgid=text.one, msgid_plural=text.many or "")
    if text.many is not None:
        entry.msgstr_plural = {0: "", 1: ""}
    if "%(" in text.one or re.search("%[sd]", text.one):
        entry.flags = ["python-format"]
    return entry


if __name__ == "__main__":
    for domain in ("django", "djangojs"):
        for language in LANGUAGES:
            update(language, domain)
