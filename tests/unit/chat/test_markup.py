"""What people write never becomes more than it may: no script, no foreign attribute, no odd address."""

from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat import markup
from chat.markup import ATTRIBUTES, TAGS, is_plain, names_in, render, system_html

PEOPLE = {"bob": (2, "Bob"), "ann.lee": (3, "Ann <b>Lee</b>")}

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\nscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](\x01javascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:msgbox)",
    "[x](file:///etc/passwd)",
    "![x](javascript:alert(1))",
    "![x](https://example.org/x.png)",
    "<javascript:alert(1)>",
    "<data:text/html,x>",
    '[x](https://example.org "onmouseover=alert(1)")',
    '[x](https://example.org "\\" onmouseover=\\"alert(1)")',
    "[x](https://example.org/\"onmouseover='alert(1)')",
    "[a[b[c[d](https://example.org)](javascript:x)](y)](z)",
    "[" * 500 + "x" + "]" * 500,
    "[x](" * 300,
    "> " * 300 + "x",
    "* " * 200 + "x",
    "`" * 1001,
    "*" * 2001,
    "```<script>\nalert(1)\n```",
    '```" onload="alert(1)\nx\n```',
    "    <script>alert(1)</script>",
    "`<script>`",
    '@bob" onclick="alert(1)',
    "@ann.lee",
    ":<script>:",
    "<!-- --><script>alert(1)</script>",
    "<style>*{display:none}</style>",
    '<span class="system" data-event="removed">x</span>',
    '<iframe srcdoc="<script>alert(1)</script>">',
    "https://example.org/<script>alert(1)</script>",
    'https://example.org/"onmouseover="alert(1)',
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\u202e<script>alert(1)</script>",
]


class Gathering(HTMLParser):
    """All elements of a piece of HTML, as a browser would find them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def assert_harmless(html: str) -> None:
    for tag, attributes in Gathering(html).found:
        assert tag in TAGS, html
        assert set(attributes) <= ATTRIBUTES.get(tag, set()) | {"rel"}, html
        if "href" in attributes:
            assert (attributes["href"] or "").split(":")[0] in ("http", "https", "mailto"), html


def html_of(body: str) -> str:
    return render(body, PEOPLE).html


@pytest.mark.parametrize("body", HOSTILE)
def test_hostile_text_comes_out_harmless(body: str) -> None:
    assert_harmless(html_of(body))


def test_script_is_shown_as_it_was_written() -> None:
    assert html_of("<script>alert(1)</script>") == "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"


def test_what_the_room_says_cannot_be_forged() -> None:
    assert html_of('<span class="system" data-event="removed">x</span>').startswith("<p>&lt;span")
    (span,) = Gathering(system_html('a "quoted" <b>', "topic", '"><script>')).found
    assert span == ("span", {"class": "system", "data-event": "topic", "data-arg": '"><script>'})


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.text(max_size=20), st.sampled_from(HOSTILE)), max_size=6).map("".join))
def test_any_text_comes_out_harmless(body: str) -> None:
    assert_harmless(html_of(body))


@settings(max_examples=400, deadline=None)
@given(
    st.one_of(
        st.from_regex(markup.PLAIN, fullmatch=True).map(lambda text: text[:300]),
        st.text("abcÀé1 .,;?!'’…%=€$:/@-_*`~\\<>&\"#+()[]|\n\twwwhttpcom", min_size=1, max_size=40),
    )
)
def test_the_short_way_for_plain_text_equals_the_long_way(body: str) -> None:
    if not is_plain(body):
        return
    long_way = markup.nh3.clean(
        markup._parser().render(body, {"people": PEOPLE, "mentioned": set()}), tags=TAGS, attributes=ATTRIBUTES
    )
    assert html_of(body) == long_way.strip()


@pytest.mark.parametrize(
    ("body", "html"),
    [
        ("Hello, world.", "<p>Hello, world.</p>"),
        ("**a** *b* ~~c~~ `d`", "<p><strong>a</strong> <em>b</em> <s>c</s> <code>d</code></p>"),
        ("a\nb", "<p>a<br>\nb</p>"),
        ("> a", "<blockquote>\n<p>a</p>\n</blockquote>"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
        ("# a", "<p># a</p>"),
        ("|a|\n|-|", "<p>|a|<br>\n|-|</p>"),
        ("party :tada:", "<p>party 🎉</p>"),
        (":no_such_emoji:", "<p>:no_such_emoji:</p>"),
        ("`:tada:`", "<p><code>:tada:</code></p>"),
        ("`@bob`", "<p><code>@bob</code></p>"),
        ("```python x\n<a>\n```", '<pre class="code" data-lang="python" tabindex="0"><code>&lt;a&gt;\n</code></pre>'),
        ("a & b < c", "<p>a &amp; b &lt; c</p>"),
    ],
)
def test_it_renders(body: str, html: str) -> None:
    assert html_of(body) == html


@pytest.mark.parametrize("body", ["https://example.org/a?b=c&d", "[x](https://example.org/a?b=c&d)", "www.example.org"])
def test_links_lead_out_without_a_word_of_where_from(body: str) -> None:
    (found,) = [attributes for tag, attributes in Gathering(html_of(body)).found if tag == "a"]
    assert (found["href"] or "").startswith("http")
    assert found["rel"] == "noopener noreferrer"


@pytest.mark.parametrize(
    ("body", "mentioned"),
    [
        ("@bob", {2}),
        ("@BOB, look", {2}),
        ("(@bob)", {2}),
        ("@bob.", {2}),
        ("@ann.lee. and @bob", {2, 3}),
        ("mail bob@bob", set()),
        ("@bobby", set()),
        ("@nobody", set()),
        ("`@bob`", set()),
        ("```\n@bob\n```", set()),
        ("https://example.org/@bob", set()),
    ],
)
def test_it_mentions(body: str, mentioned: set[int]) -> None:
    assert render(body, PEOPLE).mentioned == mentioned


def test_a_mentioned_name_is_shown_as_text() -> None:
    assert html_of("@ann.lee") == '<p><span class="at" data-user="3">@Ann &lt;b&gt;Lee&lt;/b&gt;</span></p>'


def test_it_looks_up_only_what_may_be_a_name() -> None:
    assert names_in("@Bob and @ann.lee. no@where @-x") == {"bob", "ann.lee", "where"}
    assert names_in("nobody here") == set()
