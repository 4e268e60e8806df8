"""The site's own server around an application that sends back what it gets.

The Autobahn cases are written for an echo; our sockets answer JSON. So the cases meet the server, the protocol
classes, the limits and the way out (`Outlet`) that the site has, and only the consumer is another one.
"""

from typing import Any

from django.conf import settings

from chatsite import serving  # sets Django up
from chatsite.realtime.consumers import CLOSE_TOO_SLOW
from chatsite.realtime.delivery import Outlet


async def echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    outlet = Outlet(send, on_overflow=lambda: outlet.close(CLOSE_TOO_SLOW))
    while (message := await receive())["type"] != "websocket.disconnect":
        if message["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})
        elif message.get("text") is not None:
            outlet.push(message["text"])
        else:
            await send({"type": "websocket.send", "bytes": message["bytes"]})


def main() -> None:
    listener = serving.listen(settings.BIND, settings.PORT)
    server = serving.SiteServer(listener.detach(), lambda _server: print("ready", flush=True))  # noqa: T201
    server.application = echo
    server.run()


if __name__ == "__main__":
    main()
