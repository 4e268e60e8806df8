"""The words that a page says, and those that stand in a template untranslated."""

import re
from html.parser import HTMLParser

from django.template.base import Lexer, TokenType

IN_TAGS = re.compile(r"""[\w-]+="[^"]*"?|#[\w-]+""")  # blocks that fill a tag, not a text
# Names, units and what is printed on keys: the same in every language
UNTRANSLATED = {"Alt", "Ctrl", "End", "Enter", "Esc", "Shift", "ms", "nbsp", "hellip", "middot"}


def bare_words(source: str) -> set[str]:
    """Words that stand in a template outside of the translating tags: as text, or as what an attribute says."""
    reader, is_apart = TextReader(), False
    for token in Lexer(source).tokenize():
        name = token.contents.split()[0] if token.token_type == TokenType.BLOCK else ""
        if name.removeprefix("end") in ("blocktranslate", "comment"):
            is_apart = not name.startswith("end")
        elif token.token_type == TokenType.TEXT and not is_apart:
            reader.feed(token.contents)
        else:
            reader.feed("0")  # whatever stands there says no word of its own
    reader.close()
    return set(re.findall(r"[A-Za-z]{2,}", IN_TAGS.sub("", " ".join(reader.said)))) - UNTRANSLATED


class TextReader(HTMLParser):
    """Collects what a person would read or hear: text, and the attributes that are said."""

    SAID = ("aria-label", "title", "placeholder", "alt")
    SILENT = ("script", "style", "code")

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.silence = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.said += [value for name, value in attrs if name in self.SAID and value]
        if tag in self.SILENT:
            self.silence = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self.silence:
            self.silence = ""

    def handle_data(self, data: str) -> None:
        if not self.silence:
            self.said.append(data)
