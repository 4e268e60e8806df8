"""HTTP calls of a run, with answers that may never come."""

import json
import urllib.error
import urllib.request
from typing import Any

TIMEOUT_SECONDS = 10.0


def call(
    origin: str, method: str, path: str, headers: dict[str, str], body: object = None, timeout: float = TIMEOUT_SECONDS
) -> tuple[int, Any]:
    """The status and the JSON; raises `OSError` where no whole answer comes."""
    data = None if body is None else json.dumps(body).encode()
    everything = {"Accept": "application/json", "Content-Type": "application/json", **headers}
    request = urllib.request.Request(origin + path, data, everything, method=method)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            text = response.read()
            return response.status, _json(text)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, _json(error.read())
    except Exception as error:  # http.client's own are no OSError
        raise OSError(repr(error)) from error


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
