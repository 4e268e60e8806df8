"""The site as an ASGI application: pages and API by Django, sockets by Channels.

`daphne chatsite.asgi:application` and `manage.py serve` both end here.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any, cast

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatsite.settings")

from django.core.asgi import get_asgi_application

pages = get_asgi_application()  # sets Django up, so it comes before what follows

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path  # noqa: E402

from accounts.sockets import IdentityMiddleware  # noqa: E402
from chat.routing import websocket_urlpatterns as chat_sockets  # noqa: E402
from chatsite import vitals  # noqa: E402
from chatsite.backups.locks import hold_while_serving  # noqa: E402
from chatsite.checks import refuse_unsafe  # noqa: E402
from chatsite.request_threads import RequestThreads  # noqa: E402
from chatsite.turnstile import Turnstile  # noqa: E402
from notifications.jobs import start_runners  # noqa: E402
from notifications.routing import websocket_urlpatterns as notification_sockets  # noqa: E402

App = Callable[[dict[str, Any], Any, Any], Awaitable[None]]

refuse_unsafe()
hold_while_serving()


async def no_such_socket(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.close"})


class StartedAtFirstRequest:
    """Starts what runs beside requests as soon as there is a loop that serves some.

    ASGI servers differ in their lifespan events (Daphne has none), and processes that only
    import this module must not run jobs.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        vitals.start(asyncio.get_running_loop())
        start_runners()
        await self.app(scope, receive, send)


nowhere = path("<path:rest>", cast(Any, no_such_socket))  # Channels puts ASGI applications into Django's paths
sockets = URLRouter([*chat_sockets, *notification_sockets, nowhere])
protocols = ProtocolTypeRouter({"http": Turnstile(RequestThreads(pages)), "websocket": IdentityMiddleware(sockets)})
application = StartedAtFirstRequest(protocols)
