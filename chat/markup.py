"""From what people write to what browsers may show: Markdown, mentions, emoji; then sanitised."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from html import escape
from typing import Any

import emoji
import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

# Text that no rule below could change: letters, spaces and marks that start nothing.
PLAIN = re.compile(r"[^\W\d_](?:[^\W_]++|[ ,;?!'’…%=€$]++|\.(?= |$))*+")
MENTION = re.compile(r"@([A-Za-z0-9](?:[A-Za-z0-9_.+-]*[A-Za-z0-9_])?)")

TAGS = {"p", "br", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a", "span", "hr"}
ATTRIBUTES = {
    "a": {"href", "title"},
    "span": {"class", "data-user", "data-event", "data-arg"},
    "pre": {"class", "data-lang", "tabindex"},
    "ol": {"start"},
}


@dataclass(frozen=True, slots=True)
class Rendered:
    """Sanitised HTML, and the ids of the people that it names."""

    html: str
    mentioned: frozenset[int] = field(default=frozenset())


def is_plain(body: str) -> bool:
    """Whether a text is sure to come out as it went in."""
    return PLAIN.fullmatch(body) is not None


def names_in(body: str) -> set[str]:
    """User names that a text may mention, in lower case."""
    return {name.lower() for name in MENTION.findall(body)} if "@" in body else set()


def render(body: str, people: Mapping[str, tuple[int, str]]) -> Rendered:
    """The HTML of a message.

    `people` are those who can be mentioned: lower-case user name → (id, name to show).
    """
    return plain(body) or _parsed(body, people)


def plain(body: str) -> Rendered | None:
    """As `render`, without a parser; None for text that needs one."""
    return Rendered(f"<p>{escape(body.rstrip(), quote=False)}</p>") if is_plain(body) else None


def _parsed(body: str, people: Mapping[str, tuple[int, str]]) -> Rendered:
    env: dict[str, Any] = {"people": people, "mentioned": set()}
    dirty = _parser().render(body, env)
    clean = nh3.clean(dirty, tags=TAGS, attributes=ATTRIBUTES, url_schemes={"http", "https", "mailto"})
    return Rendered(clean.strip(), frozenset(env["mentioned"]))


def system_html(text: str, event: str, argument: str = "") -> str:
    """A system message: words for any client, and what happened for those that speak the reader's language."""
    return f'<span class="system" data-event="{escape(event)}" data-arg="{escape(argument)}">{escape(text)}</span>'


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("js-default", {"html": False, "linkify": True, "breaks": True, "typographer": False})
    parser.disable(["image", "table", "heading", "lheading", "reference"])
    parser.inline.ruler.before("link", "mention", _mention)
    parser.core.ruler.push("emoji", _emoji)
    parser.add_render_rule("fence", _code_block)
    parser.add_render_rule("code_block", _code_block)
    return parser


def _mention(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "@" or (state.pos > 0 and (state.src[state.pos - 1].isalnum())):
        return False
    match = MENTION.match(state.src, state.pos)
    person = state.env["people"].get(match[1].lower()) if match else None
    if match is None or person is None:
        return False
    if not silent:
        user_id, name = person
        state.env["mentioned"].add(user_id)
        token = state.push("html_inline", "", 0)
        token.content = f'<span class="at" data-user="{user_id}">@{escape(name)}</span>'
    state.pos = match.end()
    return True


def _emoji(state: StateCore) -> None:
    for block in state.tokens:
        for token in block.children or []:
            if token.type == "text" and ":" in token.content:
                token.content = emoji.emojize(token.content, language="alias")


def _code_block(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Mapping[str, Any]
) -> str:
    token = tokens[index]
    language = escape(token.info.split()[0][:20]) if token.info.strip() else ""
    code = escape(token.content, quote=False)
    return f'<pre class="code" data-lang="{language}" tabindex="0"><code>{code}</code></pre>\n'
