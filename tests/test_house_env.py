"""Each variable of the environment: taken where it is right, refused in one line that names it where it is wrong."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chatsite.email import email_settings
from chatsite.env import REDIS_SCHEMES, Env, EnvError, is_loopback
from tests.support.sites import ROOT


def env(**variables: str) -> Env:
    return Env(ROOT, variables)


WRONG = [
    ({"PORT": "eight"}, "PORT: must be a number"),
    ({"PORT": "0"}, "PORT: must be a number"),
    ({"PORT": "65536"}, "PORT: must be a number"),
    ({"PORT": "٨"}, "PORT: must be a number"),
    ({"BIND": "localhost"}, "BIND: must be an IP address"),
    ({"DEBUG": "maybe"}, "DEBUG: must be on or off"),
    ({"RATE_LIMITS": "2"}, "RATE_LIMITS: must be on or off"),
    ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS: names the hosts one by one"),
    ({"ALLOWED_HOSTS": "https://chat.example.org"}, "ALLOWED_HOSTS: holds host names"),
    ({"DATABASE_URL": "mysql://localhost/chat"}, "DATABASE_URL: must start with"),
    ({"DATABASE_URL": "postgres://localhost:many/chat"}, "DATABASE_URL: has no usable port"),
    ({"REDIS_URL": "localhost:6379"}, "REDIS_URL: must start with"),
    ({"JOBS_ENGINE": "threads"}, "JOBS_ENGINE: must be one of embedded, celery"),
    ({"JOBS_ENGINE": "celery"}, "JOBS_ENGINE: celery needs REDIS_URL"),
    ({"EMAIL_URL": "mail.example.org"}, "EMAIL_URL: must start with"),
    ({"VAR_DIR": "/dev/null/var"}, "VAR_DIR: /dev/null/var can't be written"),
]


@pytest.mark.parametrize(
    ("variables", "line"), WRONG, ids=[" ".join(f"{k}={v}" for k, v in w[0].items()) for w in WRONG]
)
def test_a_wrong_value_stops_the_start_in_one_line(variables: dict[str, str], line: str, tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path), **variables}
    started = subprocess.run(
        [sys.executable, "-c", "import chatsite.settings"],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert started.returncode == 1
    assert started.stderr.startswith(line)
    assert started.stderr.count("\n") == 1


def test_an_empty_environment_will_do() -> None:
    assert env().port() == 8000
    assert env().address() == "127.0.0.1"
    assert env().hosts() == ["localhost", "127.0.0.1", "[::1]"]
    assert env().url("REDIS_URL", REDIS_SCHEMES) == ""
    assert env().switch("RATE_LIMITS", default=True) is True


@pytest.mark.parametrize(("raw", "value"), [("on", True), ("OFF", False), ("1", True), ("", False), (" yes ", True)])
def test_a_switch_is_read_leniently(raw: str, value: bool) -> None:
    assert env(DEBUG=raw).switch("DEBUG") is value


def test_a_relative_folder_starts_at_the_project(tmp_path: Path) -> None:
    assert Env(tmp_path, {"VAR_DIR": "data"}).var_dir() == tmp_path / "data"


def test_a_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    kept = tmp_path / "secret_key"
    secret = env().secret("SECRET_KEY", kept, length=50)
    assert len(secret) >= 50
    assert env().secret("SECRET_KEY", kept, length=50) == secret
    assert kept.stat().st_mode & 0o777 == 0o600
    assert env(SECRET_KEY="mine").secret("SECRET_KEY", kept, length=50) == "mine"


def test_an_emptied_secret_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret_key").touch()
    with pytest.raises(EnvError, match=r"SECRET_KEY: .* is empty"):
        env().secret("SECRET_KEY", tmp_path / "secret_key", length=50)


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", True), ("127.0.0.9", True), ("[::1]", True), ("0.0.0.0", False), ("chat.example.org", False)],
)
def test_it_knows_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_mail_goes_to_the_console_by_default(tmp_path: Path) -> None:
    assert email_settings("console://", tmp_path)["EMAIL_BACKEND"].endswith("console.EmailBackend")


def test_mail_goes_to_files(tmp_path: Path) -> None:
    assert email_settings("file://", tmp_path)["EMAIL_FILE_PATH"] == str(tmp_path / "mail")


def test_mail_goes_by_smtp_with_tls(tmp_path: Path) -> None:
    found = email_settings("smtp://chat%40example.org:p%2Fw@mail.example.org?from=chat@example.org", tmp_path)
    assert found["EMAIL_HOST"] == "mail.example.org"
    assert found["EMAIL_PORT"] == 587
    assert (found["EMAIL_HOST_USER"], found["EMAIL_HOST_PASSWORD"]) == ("chat@example.org", "p/w")
    assert (found["EMAIL_USE_TLS"], found["EMAIL_USE_SSL"]) == (True, False)
    assert found["DEFAULT_FROM_EMAIL"] == "chat@example.org"


def test_mail_goes_by_smtps(tmp_path: Path) -> None:
    found = email_settings("smtps://mail.example.org", tmp_path)
    assert (found["EMAIL_PORT"], found["EMAIL_USE_TLS"], found["EMAIL_USE_SSL"]) == (465, False, True)
