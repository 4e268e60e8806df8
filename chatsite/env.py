"""Environment variables: read once, checked once, refused in one line.

Every variable of docs/protocol.md is read here and nowhere else. A wrong value
raises `EnvError`, whose text names the variable and says what is wrong with it.
"""

import ipaddress
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})
SECRET_MIN_CHARACTERS = 32
DATABASE_SCHEMES = ("sqlite", "postgres", "postgresql")
REDIS_SCHEMES = ("redis", "rediss", "unix")
EMAIL_SCHEMES = ("console", "file", "smtp", "smtps")
SWITCH = {
    "on": True,
    "1": True,
    "true": True,
    "yes": True,
    "off": False,
    "0": False,
    "false": False,
    "no": False,
    "": False,
}


class EnvError(ValueError):
    """A variable is wrong: `EnvError("PORT", "…")` reads “PORT: …”."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name}: {problem}")


class Env:
    """The environment as checked values.

    `environ` defaults to the process's own; `root` is the folder that relative
    paths start from.
    """

    def __init__(self, root: Path, environ: Mapping[str, str] | None = None) -> None:
        self.root = root
        self.environ = os.environ if environ is None else environ

    def text(self, name: str, default: str = "") -> str:
        return self.environ.get(name, "").strip() or default

    def switch(self, name: str, default: bool = False) -> bool:
        raw = self.environ.get(name)
        if raw is None:
            return default
        try:
            return SWITCH[raw.strip().lower()]
        except KeyError:
            raise EnvError(name, f"must be on or off, not {raw!r}") from None

    def choice(self, name: str, options: tuple[str, ...]) -> str:
        """The first option is the default."""
        value = self.text(name, options[0])
        if value not in options:
            raise EnvError(name, f"must be one of {', '.join(options)}, not {value!r}")
        return value

    def url(self, name: str, schemes: tuple[str, ...], default: str = "") -> str:
        value = self.text(name, default)
        if value and urlsplit(value).scheme not in schemes:
            raise EnvError(name, f"must start with {' or '.join(s + '://' for s in schemes)}")
        try:
            urlsplit(value).port  # noqa: B018 - urlsplit checks the port only when asked for it
        except ValueError as error:
            raise EnvError(name, f"has no usable port: {error}") from None
        return value

    def port(self, name: str = "PORT", default: int = 8000) -> int:
        raw = self.text(name, str(default))
        if not raw.isascii() or not raw.isdigit() or not 0 < int(raw) < 65536:
            raise EnvError(name, f"must be a number from 1 to 65535, not {raw!r}")
        return int(raw)

    def address(self, name: str = "BIND", default: str = "127.0.0.1") -> str:
        raw = self.text(name, default)
        try:
            ipaddress.ip_address(raw)
        except ValueError:
            raise EnvError(name, f"must be an IP address of this machine, not {raw!r}") from None
        return raw

    def hosts(self, name: str = "ALLOWED_HOSTS") -> list[str]:
        hosts = [part.strip() for part in self.text(name, "localhost,127.0.0.1,[::1]").split(",") if part.strip()]
        for host in hosts:
            if "*" in host:
                raise EnvError(name, "names the hosts one by one; * would let any site in")
            if "/" in host or " " in host:
                raise EnvError(name, f"holds host names without scheme or path, not {host!r}")
        return hosts

    def var_dir(self) -> Path:
        """The folder for everything that the site writes; made where it is missing."""
        path = (self.root / self.text("VAR_DIR", "var")).resolve()
        try:
            path.mkdir(parents=True, exist_ok=True)
            probe = path / f".probe-{os.getpid()}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise EnvError("VAR_DIR", f"{path} can't be written: {error.strerror}") from None
        return path

    def secret(self, name: str, kept_in: Path, length: int) -> str:
        """The variable's value, else the one kept in a file that only its owner reads.

        Two processes that start at once agree: only one of them creates the file.
        """
        if value := self.text(name):
            return value
        try:
            descriptor = os.open(kept_in, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            pass
        else:
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(length))
        value = kept_in.read_text().strip()
        if not value:
            raise EnvError(name, f"{kept_in} is empty; delete it or set {name}")
        return value


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only mean this machine."""
    if host in LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
