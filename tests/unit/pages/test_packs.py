"""Files that pages load together. That packed modules run as they do by themselves, the browser's tests show."""

from pathlib import Path

import pytest
from django.contrib.staticfiles import finders

from chatsite import packs

SOURCES = {
    "chat/a.js": "import {b, c as d} from './b.js'\nimport {e} from '/static/chatsite/e.js'\nb(d, e)\n",
    "chat/b.js": "import {e} from '../chatsite/e.js'\nexport const b = e\nexport async function c() {}\n",
    "chatsite/e.js": "export class e {}\n",
}


@pytest.fixture(autouse=True)
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        packs, "PACKS", {"low": packs.Pack(("chatsite/e.js",)), "high": packs.Pack(("chat/a.js",), "low")}
    )


def read(name: str) -> str:
    return SOURCES[name]


def test_a_module_comes_after_those_that_it_imports() -> None:
    assert packs.in_order(["chat/a.js"], read) == ["chatsite/e.js", "chat/b.js", "chat/a.js"]


def test_a_pack_has_what_its_base_has_not() -> None:
    assert packs.modules("high", read) == ["chat/b.js", "chat/a.js"]
    script = packs.script("high", read)
    assert script.startswith("import {modules} from '/static/packs/low.js'\n")
    assert "const {b, c: d} = modules['chat/b.js']" in script
    assert "const {e} = modules['chatsite/e.js']" in script
    assert "return {b, c}" in script


def test_a_part_gives_what_the_module_gives() -> None:
    assert packs.part("low", "chatsite/e.js", read).endswith("export const {e} = modules['chatsite/e.js']\n")


def test_it_refuses_a_circle() -> None:
    circle = SOURCES | {"chatsite/e.js": "import {b} from '/static/chat/b.js'\nexport class e {}\n"}
    with pytest.raises(packs.PackingError, match=r"circle.*e\.js"):
        packs.in_order(["chat/a.js"], circle.__getitem__)


@pytest.mark.parametrize(
    "line", ["export let e = 1", "export default 1", "import './x.js'", "await e()", "const here = import.meta.url"]
)
def test_it_refuses_what_a_pack_can_not_keep(line: str) -> None:
    with pytest.raises(packs.PackingError, match=r"e\.js"):
        packs.script("low", {"chatsite/e.js": f"{line}\n"}.__getitem__)


def test_our_own_modules_can_be_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    made = dict(packs.files(lambda name: Path(str(finders.find(name))).read_text()))
    assert {packs.pack_name(name) for name in packs.PACKS} < set(made)
    assert "packs/app/chatsite/sockets.js" in made
