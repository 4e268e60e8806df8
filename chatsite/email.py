"""Where mail goes, from one URL."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

DEFAULT_SENDER = "chat@localhost"


def email_settings(url: str, var_dir: Path) -> dict[str, Any]:
    """Django's e-mail settings for `EMAIL_URL`.

    `console://` prints, `file://` writes to `var/mail`, and
    `smtp://user:password@host:587?from=chat@example.org` sends (`smtps://` with TLS
    from the first byte; `smtp://` asks for STARTTLS unless `?tls=off`).
    """
    parts = urlsplit(url)
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    found: dict[str, Any] = {"DEFAULT_FROM_EMAIL": query.get("from", DEFAULT_SENDER)}
    found["SERVER_EMAIL"] = found["DEFAULT_FROM_EMAIL"]
    if parts.scheme == "console":
        return found | {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
    if parts.scheme == "file":
        backend = "django.core.mail.backends.filebased.EmailBackend"
        return found | {"EMAIL_BACKEND": backend, "EMAIL_FILE_PATH": str(var_dir / "mail")}
    implicit_tls = parts.scheme == "smtps"
    return found | {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname or "localhost",
        "EMAIL_PORT": parts.port or (465 if implicit_tls else 587),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": implicit_tls,
        "EMAIL_USE_TLS": not implicit_tls and query.get("tls") != "off",
        "EMAIL_TIMEOUT": 10,
    }
