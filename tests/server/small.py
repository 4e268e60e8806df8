"""Our server around an application that misbehaves on request; a process of its own, without Django.

`python -m tests.server.small '{"ping_seconds": 0.2}' [proxies]` prints its port.
"""

import asyncio
import itertools
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from chatsite.limits import Limits
from chatsite.realtime.delivery import DirectOutlet, Parcel, outlet_for
from chatsite.server import Server, listen

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

ENDED = "/ended"  # how the sockets ended, as JSON: [path, code]

ended: list[tuple[str, int]] = []
eaten: list[int] = []
server: Server


# --- Sockets ----------------------------------------------------------------


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Says how long each message was, and what it began and ended with."""
    while (message := await receive())["type"] == "websocket.receive":
        content = message.get("text") or (message.get("bytes") or b"").decode("latin-1")
        await say(send, {"length": len(content.encode()), "ends": content[:4] + content[-4:]})


async def wordy(scope: Scope, receive: Receive, send: Send) -> None:
    """Talks until nobody takes it any more, whatever the client does."""
    try:
        while True:
            await say(send, {"nothing": "x" * 10_000})
            await asyncio.sleep(0)
    except OSError:
        await receive()


async def deaf(scope: Scope, receive: Receive, send: Send) -> None:
    """Takes nothing until the server goes down."""
    await asyncio.Event().wait()


async def slow(scope: Scope, receive: Receive, send: Send) -> None:
    """Takes its time over each message, and answers it."""
    while (message := await receive())["type"] == "websocket.receive":
        await asyncio.sleep(0.02)
        await say(send, {"taken": message["text"]})


async def crashing(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    raise RuntimeError("crashed on request")


async def poison(scope: Scope, receive: Receive, send: Send) -> None:
    """Puts a connection beside this one that fails at everything."""
    server.connections[object()] = {}
    await echo(scope, receive, send)


async def counting(scope: Scope, receive: Receive, send: Send) -> None:
    """At each message counts on to so many, by all the ways out, then says where it was offered the direct one."""
    outlet = outlet_for(scope, send, on_overflow=lambda: None)
    numbers = itertools.count()
    while (message := await receive())["type"] == "websocket.receive":
        for first in range(0, int(message["text"]), 10):
            ten = [json.dumps({"number": next(numbers), "filling": "ä" * 700}) for _ in range(10)]
            outlet.push_all(Parcel(ten[:4]))
            outlet.push(ten[4])
            outlet.push(ten[5])
            outlet.push_all(Parcel(ten[6:]))
            if first % 50 == 0:
                await asyncio.sleep(0)
        outlet.push(json.dumps({"direct": isinstance(outlet, DirectOutlet)}))


SOCKETS = {f"/{app.__name__}": app for app in (echo, wordy, deaf, slow, crashing, poison, counting)}


async def say(send: Send, message: Any) -> None:
    await send({"type": "websocket.send", "text": json.dumps(message)})


# --- Pages ------------------------------------------------------------------


async def page(scope: Scope, receive: Receive, send: Send) -> None:
    length = 0
    while (message := await receive()).get("more_body"):
        length += len(message["body"])
    if scope["path"] == "/half":
        await start(send)
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise RuntimeError("failed half-way on request")
    if scope["path"] == "/later":
        await asyncio.sleep(1)
    if scope["path"] == "/eat":
        eat_descriptors()
    elif scope["path"] == "/spit":
        for descriptor in eaten:
            os.close(descriptor)
        eaten.clear()
    await start(send)
    await send({"type": "http.response.body", "body": json.dumps(ended).encode()})


async def start(send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})


def eat_descriptors() -> None:
    try:
        while True:
            eaten.append(os.dup(1))
    except OSError:
        return


# --- The whole --------------------------------------------------------------


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await page(scope, receive, send)
        return
    await receive()
    if scope["path"] == "/undecided":
        await receive()
        return
    await send({"type": "websocket.accept"})
    told: list[dict[str, Any]] = []

    async def heard() -> dict[str, Any]:
        told.append(await receive())
        if told[-1]["type"] == "websocket.disconnect":
            ended.append((scope["path"], told[-1]["code"]))
        return told.pop()

    await SOCKETS[scope["path"]](scope, heard, send)


def main() -> None:
    global server
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    proxies = int(sys.argv[2]) if len(sys.argv) > 2 else 0

    def ready() -> None:
        server.loop.add_signal_handler(signal.SIGTERM, server.go_down)
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()

    server = Server(application, listener, Limits(**json.loads(sys.argv[1])), proxies=proxies, on_ready=ready)
    server.run()


if __name__ == "__main__":
    main()
