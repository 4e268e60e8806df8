"""The tags of the look, and its style sheets."""

import itertools
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.template import Context, Template

from accounts.models import User
from chatsite import packs
from chatsite.templatetags import look


def rendered(source: str, **context: object) -> str:
    return Template(source).render(Context(context))


def test_an_icon_says_nothing_aloud() -> None:
    assert 'aria-hidden="true"' in rendered('{% icon "hash" %}')


@pytest.mark.parametrize(
    ("name", "letters"), [("Alice Moreno", "AM"), ("bob", "B"), ("Ana de la Cruz", "AC"), ("", "?")]
)
def test_initials_are_of_the_first_and_the_last_word(name: str, letters: str) -> None:
    assert look.initials(name) == letters


def test_an_avatar_is_the_same_for_a_person_and_for_their_payload(alice: User) -> None:
    payload = {"id": alice.pk, "name": alice.name, "avatar": None}
    assert rendered("{% avatar who %}", who=alice) == rendered("{% avatar who %}", who=payload)


def test_a_name_can_not_break_out_of_the_avatar() -> None:
    shown = rendered("{% avatar who %}", who={"id": 1, "name": "<b> x", "avatar": '"><script>'})
    assert "<script>" not in shown


def test_all_style_sheets_exist_and_stand_in_a_layer() -> None:
    for name in itertools.chain(*packs.SHEETS.values()):
        path = finders.find(f"chatsite/{name}.css")
        assert path, name
        outside = outermost(re.sub(r"/\*.*?\*/", "", Path(path).read_text(), flags=re.DOTALL))
        assert all(rule.startswith(("@layer", "@keyframes")) for rule in outside), (name, outside)


def outermost(css: str) -> list[str]:
    """The preludes of the rules that no other rule encloses."""
    depth, start, preludes = 0, 0, []
    for place, letter in enumerate(css):
        if letter in "{;" and depth == 0:
            preludes.append(css[start:place].strip())
        depth += (letter == "{") - (letter == "}")
        if letter in "};" and depth == 0:
            start = place + 1
    assert depth == 0, "braces don't match"
    return preludes
