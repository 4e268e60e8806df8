"""dev.py: what it says when it can't go on, and what it leaves alone because it is done."""

import os
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import polib
import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

import dev
from tests import suite
from tests.support.sites import ROOT


def start(tmp_path: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path), **variables}
    command = [sys.executable, "dev.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)


def test_without_a_command_it_says_which_there_are(tmp_path: Path) -> None:
    done = start(tmp_path)
    assert done.returncode == 1
    assert "dev.py run" in done.stderr
    assert "dev.py test" in done.stderr


def test_run_names_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = start(tmp_path, "run", PORT=str(port))
    assert done.returncode == 1
    assert done.stderr.startswith(f"dev.py: PORT: {port} on 127.0.0.1 can't be used: Address already in use")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("VAR_DIR", "/dev/null/var", "can't be written"),
        ("PORT", "x", "must be a number"),
        ("BIND", "x", "must be an IP"),
    ],
)
def test_run_names_a_wrong_variable(tmp_path: Path, name: str, value: str, problem: str) -> None:
    done = start(tmp_path, "run", **{name: value})
    assert done.returncode == 1
    assert done.stderr.startswith(f"dev.py: {name}: ")
    assert problem in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_step_that_fails_in_one_line_is_told_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(dev.Stop, match=r"^DEBUG: must be on or off$"):
        dev.quietly([sys.executable, "-c", "raise SystemExit('DEBUG: must be on or off')"], tmp_path / "log")


def test_a_step_that_fails_at_length_leaves_a_log(tmp_path: Path) -> None:
    with pytest.raises(dev.Stop, match=r"ZeroDivisionError: division by zero \(all of it in .*/log\)$"):
        dev.quietly([sys.executable, "-c", "1 / 0"], tmp_path / "log")
    assert "Traceback" in (tmp_path / "log").read_text()


def test_a_step_is_done_until_what_it_came_from_changes(tmp_path: Path) -> None:
    site = dev.Site(tmp_path)
    assert not site.is_done("static", "now")
    site.mark_done("static", "now")
    assert site.is_done("static", "now")
    assert not site.is_done("static", "later")


def test_collected_files_are_not_collected_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where they land inside the project, as they do without VAR_DIR."""
    for folder in ("chat/static/chat", "var"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "chat/static/chat/room.js").write_text("start()")
    (tmp_path / "requirements.txt").write_text("django\n")
    monkeypatch.setattr(dev, "ROOT", tmp_path)
    monkeypatch.setattr(dev, "RUNTIME_LOCK", tmp_path / "requirements.txt")
    site, collected = dev.Site(tmp_path / "var"), []

    def collect(*arguments: str) -> str:
        (tmp_path / "var/static/chat").mkdir(parents=True)
        (tmp_path / "var/static/chat/room.1f0c.js").write_text("start()")
        collected.append(arguments[0])
        return ""

    monkeypatch.setattr(site, "manage", collect)
    site.collect_static_files()
    site.collect_static_files()
    assert collected == ["collectstatic"]


def test_another_database_file_is_another_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    site = dev.Site(tmp_path)
    assert site.database() == ""
    (tmp_path / "db.sqlite3").touch()
    first = site.database()
    (tmp_path / "restored").touch()
    (tmp_path / "restored").replace(tmp_path / "db.sqlite3")
    assert site.database() not in ("", first)


def test_a_report_is_counted_and_its_failures_are_named(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(
        """<testsuites><testsuite>
        <testcase file="a.py" name="test_a"/>
        <testcase file="a.py" name="test_b"><skipped/></testcase>
        <testcase file="a.py" name="test_c"><failure message="assert 1 == 2&#10;more"/></testcase>
        </testsuite></testsuites>"""
    )
    outcome = suite.Outcome()
    suite.read_report("unit", report, outcome)
    assert outcome.counts == {"passed": 1, "skipped": 1, "failed": 1}
    assert outcome.failures == ["FAILED unit: a.py::test_c - assert 1 == 2"]


def test_translations_are_compiled_where_they_are_newer(tmp_path: Path, settings: Settings) -> None:
    settings.LOCALE_PATHS = [tmp_path]
    source = tmp_path / "es" / "LC_MESSAGES" / "django.po"
    source.parent.mkdir(parents=True)
    source.write_text(
        textwrap.dedent("""
            msgid ""
            msgstr "Content-Type: text/plain; charset=UTF-8\\n"

            msgid "Rooms"
            msgstr "Salas"
            """)
    )
    call_command("compile_translations")
    compiled = source.with_suffix(".mo")
    assert [entry.msgstr for entry in polib.mofile(str(compiled))] == ["Salas"]
    made = compiled.stat().st_mtime_ns
    call_command("compile_translations")
    assert compiled.stat().st_mtime_ns == made


def test_a_broken_translation_is_named(tmp_path: Path, settings: Settings) -> None:
    settings.LOCALE_PATHS = [tmp_path]
    source = tmp_path / "es" / "LC_MESSAGES" / "django.po"
    source.parent.mkdir(parents=True)
    source.write_text('msgid "Rooms"\nnonsense\n')
    with pytest.raises(CommandError, match=r"es/LC_MESSAGES/django\.po"):
        call_command("compile_translations")
