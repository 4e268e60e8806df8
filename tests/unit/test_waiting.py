"""A cancellation must end what it cancels."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDERS = ("accounts", "chat", "chatsite", "notifications", "tests")


def test_nobody_waits_with_wait_for() -> None:
    """In Python 3.11 it swallows a cancellation that meets its result; `asyncio.timeout` lets it through."""
    call = "asyncio." + "wait_for("
    sources = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    assert len(sources) > 100
    assert [path for path in sources if call in path.read_text()] == []
