"""What browsers are told about every page: which content may run in it, and what it may use."""

import secrets
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

NONCE_BYTES = 16

CONTENT_POLICY = {
    "default-src": "'none'",
    "style-src": "'self'",
    "img-src": "'self' data: blob:",
    "font-src": "'self'",
    "media-src": "'self'",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "worker-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
TRUSTED_TYPES = "require-trusted-types-for 'script'; trusted-types app"
PERMISSIONS_POLICY = ", ".join(
    [
        *(f"{feature}=()" for feature in ("camera", "geolocation", "microphone", "payment", "usb")),
        "clipboard-write=(self)",
        "publickey-credentials-create=(self)",
        "publickey-credentials-get=(self)",
    ]
)


class ContentSecurityPolicyMiddleware:
    """Only our own files run. `request.csp_nonce` lets the one inline script in: the import map.

    The admin's own scripts write markup as text, so that Trusted Types are asked for elsewhere only.
    A view that needs another policy sets the header itself.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        nonce = secrets.token_urlsafe(NONCE_BYTES)
        request.csp_nonce = nonce  # type: ignore[attr-defined]
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", content_policy(request.path, nonce))
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        return response


def content_policy(path: str, nonce: str) -> str:
    directives = [f"{name} {value}" for name, value in CONTENT_POLICY.items()]
    directives.insert(1, f"script-src 'self' 'nonce-{nonce}'")
    if not path.startswith("/admin/"):
        directives.append(TRUSTED_TYPES)
    return "; ".join(directives)
