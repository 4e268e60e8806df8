"""ASGI servers around the site, with and without TLS.

Ours and Daphne are always there; the rest are tried where they are installed (`pip install uvicorn granian hypercorn`).
"""

import asyncio
import json
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.cookiejar import CookieJar
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.support.cast import Person
from tests.support.sites import ROOT, Site
from tests.support.sockets import WsClient
from tests.test_house_serving import until

APPLICATION = "chatsite.asgi:application"
ADDRESS = "127.0.0.1"
PATIENCE_SECONDS = 30


class Certificate(NamedTuple):
    """For 127.0.0.1, signed by itself."""

    path: Path
    key_path: Path

    @classmethod
    def made_in(cls, folder: Path) -> "Certificate":
        key = ec.generate_private_key(ec.SECP256R1())
        name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ADDRESS)]), datetime.now(UTC)
        addresses = x509.SubjectAlternativeName([x509.IPAddress(ip_address(ADDRESS))])
        building = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        building = building.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        signed = building.add_extension(addresses, critical=False).sign(key, hashes.SHA256())
        found = cls(folder / "certificate.pem", folder / "key.pem")
        found.path.write_bytes(signed.public_bytes(Encoding.PEM))
        found.key_path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return found

    def trusted(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.path))


class Server(NamedTuple):
    """What Python is given to run it, where {port}, {cert} and {key} are filled in."""

    name: str
    arguments: Sequence[str]
    flaw: str = ""  # why it leaves open what the application closes

    @property
    def has_tls(self) -> bool:
        return any("{cert}" in argument for argument in self.arguments)


def of_module(name: str, options: Sequence[str], tls: Sequence[str], flaw: str = "") -> list[Server]:
    """A server that takes the application's name, without TLS and with it; none where it isn't installed."""
    if not find_spec(name):
        return []
    start = ["-m", name, *options]
    return [
        Server(name, [*start, APPLICATION], flaw),
        Server(f"{name}-tls", [*start, *tls, APPLICATION], flaw),
    ]


BIND = ["--host", ADDRESS, "--port", "{port}"]
SSL_ENDPOINT = f"ssl:{{port}}:privateKey={{key}}:certKey={{cert}}:interface={ADDRESS}"
SERVERS = [
    Server("ours", ["manage.py", "serve"]),
    Server("daphne", ["-m", "daphne", "-b", ADDRESS, "-p", "{port}", APPLICATION]),
    Server("daphne-tls", ["-m", "daphne", "-e", SSL_ENDPOINT, APPLICATION]),
    *of_module("uvicorn", BIND, ["--ssl-keyfile", "{key}", "--ssl-certfile", "{cert}"]),
    *of_module(
        "granian", ["--interface", "asgi", *BIND], ["--ssl-keyfile", "{key}", "--ssl-certificate", "{cert}"],
        flaw="sends no close frame before the client says something, where the application waits to receive (2.8.7)",
    ),
    *of_module("hypercorn", ["--bind", f"{ADDRESS}:{{port}}"], ["--keyfile", "{key}", "--certfile", "{cert}"]),
]  # fmt: skip


class Serving:
    """The site as some server serves it, in one process on the site's own port."""

    def __init__(self, site: Site, server: Server, certificate: Certificate | None) -> None:
        self.site = site
        self.server = server
        self.trust = certificate.trusted() if certificate else None
        self.origin = site.origin if certificate is None else site.origin.replace("http:", "https:")

    def url(self, path: str) -> str:
        return self.origin + path

    def socket(self, path: str, headers: dict[str, str]) -> WsClient:
        """From one of the site's own pages."""
        return WsClient(self.url(path).replace("http", "ws", 1), headers, origin=self.origin, ssl=self.trust)

    def is_up(self) -> bool:
        with suppress(OSError):
            urllib.request.urlopen(self.url("/healthz"), timeout=PATIENCE_SECONDS, context=self.trust).close()
            return True
        return False

    async def call(self, person: Person, method: str, path: str, body: object) -> Any:
        """Of the API, as a program with a token; the JSON of the answer."""
        headers = {"Content-Type": "application/json", **person.bearer}
        request = urllib.request.Request(self.url(path), json.dumps(body).encode(), headers, method=method)

        def answer() -> Any:
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS, context=self.trust) as response:
                return json.load(response)

        return await asyncio.to_thread(answer)


class Browser:
    """Somebody at the site's pages."""

    def __init__(self, served: Serving) -> None:
        self.served = served
        self.jar = CookieJar()
        handlers = [urllib.request.HTTPCookieProcessor(self.jar), urllib.request.HTTPSHandler(context=served.trust)]
        self._opener = urllib.request.build_opener(*handlers)

    @property
    def cookie(self) -> dict[str, str]:
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies().items())}

    def open(self, path: str) -> str:
        """The page, or the one that it leads to."""
        with self._opener.open(self.served.url(path), timeout=PATIENCE_SECONDS) as response:
            return str(response.read().decode())

    def submit(self, path: str, **fields: str) -> str:
        """Fills in the form of a page; the page that comes then."""
        self.open(path)
        data = urlencode({"csrfmiddlewaretoken": self._cookies()["csrftoken"], **fields}).encode()
        request = urllib.request.Request(self.served.url(path), data, {"Referer": self.served.url(path)})
        with self._opener.open(request, timeout=PATIENCE_SECONDS) as response:
            return str(response.read().decode())

    def sign_in(self, person: Person) -> str:
        return self.submit("/accounts/login/", login=person.username, password=person.password)

    def _cookies(self) -> dict[str, str]:
        return {cookie.name: cookie.value or "" for cookie in self.jar}


@contextmanager
def serving(site: Site, server: Server, folder: Path) -> Iterator[Serving]:
    """In the place of the site's own server, which has been stopped."""
    certificate = Certificate.made_in(folder) if server.has_tls else None
    paths = {"cert": certificate.path, "key": certificate.key_path} if certificate else {}
    arguments = [argument.format(port=site.port, **paths) for argument in server.arguments]
    with site.log_path.open("ab") as log:
        process = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=site.environ, stdout=log, stderr=log)
    try:
        found = Serving(site, server, certificate)
        until(lambda: found.is_up() or process.poll() is not None, PATIENCE_SECONDS)
        assert process.poll() is None, site.log
        yield found
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE_SECONDS)
        finally:
            process.kill()
            process.wait()
