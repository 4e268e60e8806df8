"""HTTP calls, as cheap for the caller as can be."""

import asyncio
import json
from typing import Any

Message = dict[str, Any]


async def call(port: int, method: str, path: str, headers: dict[str, str], body: object = None) -> tuple[int, bytes]:
    """On a connection of its own; the status and the content of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request(port, method, path, headers | {"Connection": "close"}, body))
        answered, _, rest = (await reader.read()).partition(b"\r\n\r\n")
        return int(answered[9:12]), rest
    finally:
        writer.transport.abort()


def request(port: int, method: str, path: str, headers: dict[str, str], body: object = None) -> bytes:
    """As it goes over a connection; `body` becomes JSON."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = {"Host": f"127.0.0.1:{port}", "Content-Length": str(len(content))} | headers
    if content:
        lines["Content-Type"] = "application/json"
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + content
