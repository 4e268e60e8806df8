"""The site's own server around an application that sends back what it gets.

The Autobahn cases are written for an echo; our sockets answer JSON. So the cases meet the server, the protocol
classes, the limits and the way out (`Outlet`) that the site has, and only the consumer is another one.
"""

from typing import Any

from django.conf import settings

import chatsite.asgi  # noqa: F401 - sets Django up
from chatsite.realtime.consumers import CLOSE_TOO_SLOW
from chatsite.realtime.delivery import outlet_for
from chatsite.server import Server, listen


async def echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    outlet = outlet_for(scope, send, on_overflow=lambda: outlet.close(CLOSE_TOO_SLOW))
    while (message := await receive())["type"] != "websocket.disconnect":
        if message["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})
        elif message.get("text") is not None:
            outlet.push(message["text"])
        else:
            await send({"type": "websocket.send", "bytes": message["bytes"]})


def main() -> None:
    listener = listen(settings.BIND, settings.PORT)
    Server(echo, listener, on_ready=lambda: print("ready", flush=True)).run()  # noqa: T201


if __name__ == "__main__":
    main()
