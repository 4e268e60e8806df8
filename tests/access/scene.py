"""Who loses what, how, and what they are answered from then on; and the real server that they lose it at."""

import http.client
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from typing import NamedTuple
from urllib.parse import urlencode

from tests.support.cast import Person
from tests.support.patching import Switches
from tests.support.sites import Site, frozen, run_python
from tests.support.sockets import WsClient

SIGNED_OUT = {"forbidden", "closed"}
CSRF = "c" * 32


class Loss(NamedTuple):
    who: str
    codes: set[str]  # the answers to their commands from then on; "closed" where there was none
    commands: tuple[str, ...]
    room: str = "room"
    by_token: bool = False
    reads_on: bool = False


WRITES = ("message.post", "message.edit", "reaction.add", "reaction.remove", "message.delete")
ALL = (*WRITES, "room.read", "typing.start", "stream.subscribe")
LOSSES = [
    Loss("signer", SIGNED_OUT, ALL),
    Loss("changer", SIGNED_OUT, ALL),
    Loss("closed", SIGNED_OUT, ALL),
    Loss("tokened", SIGNED_OUT, ALL, by_token=True),
    Loss("removed", {"not_found"}, ALL),
    Loss("outsider", {"not_found"}, ("stream.subscribe",), room="lobby"),
    Loss("muted", {"muted"}, (*WRITES, "typing.start"), reads_on=True),
    Loss("archived", {"archived"}, (*WRITES, "typing.start"), room="attic", reads_on=True),
    Loss("demoted", {"forbidden"}, ("message.delete of another's",), reads_on=True),
]


class Scene:
    """One site with its cast, the victims, and everything that is needed to reach a chosen process."""

    def __init__(self, site: Site, switches: Switches) -> None:
        self.site = site
        self.switches = switches
        found = json.loads(run_python(["-m", "tests.access.victims"], site.environ))
        self.people = site.people | {name: Person(*values) for name, values in found["people"].items()}
        self.ids: dict[str, int] = found["ids"] | {"room": site.room["id"]}
        self.processes = site.worker_pids() or [0]

    def revoke(self, loss: Loss) -> None:
        """Returns when the revocation was answered."""
        who, ids = self.people[loss.who], self.ids
        alice, room = self.people["alice"], ids["room"]
        match loss.who:
            case "signer":
                self.submit(who, "/accounts/logout/")
            case "changer":
                new = "another quiet lake"
                self.submit(who, "/accounts/password/change/", oldpassword=who.password, password1=new, password2=new)
            case "closed":
                self.administer("accounts/user/", action="deactivate", _selected_action=who.id, index=0)
            case "tokened":
                self.submit(who, f"/settings/tokens/{ids['token']}/revoke/")
            case "removed":
                assert self.site.call("DELETE", f"/api/rooms/{room}/members/{who.id}", alice) == (204, None)
            case "outsider":
                forms = {"memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}
                self.administer(f"chat/room/{ids['lobby']}/change/", name="Lobby", kind="private", **forms)
            case "muted":
                muted = {"muted_at_0": "2026-01-01", "muted_at_1": "00:00:00"}
                self.administer(f"chat/membership/{ids['membership']}/change/", role="member", **muted)
            case "archived":
                assert self.site.call("PATCH", f"/api/rooms/{ids['attic']}", alice, {"archived": True})[0] == 200
            case "demoted":
                body = {"user": who.id, "role": "member"}
                assert self.site.call("POST", f"/api/rooms/{room}/members", alice, body)[0] == 200

    def administer(self, path: str, **form: object) -> None:
        self.submit(self.people["admin"], f"/admin/{path}", **form)

    def submit(self, who: Person, path: str, **form: object) -> None:
        """Sends a page's form, which must be taken: answered with the way to the next page."""
        status, text = self.page(who, "POST", path, urlencode(form | {"csrfmiddlewaretoken": CSRF}))
        assert status == 302, text

    def page(self, who: Person, method: str, path: str, body: str | None = None) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.site.port, timeout=30)
        headers = {"Cookie": f"{who.cookie['Cookie']}; csrftoken={CSRF}"}
        headers |= {"Content-Type": "application/x-www-form-urlencoded"} if body is not None else {}
        with closing(connection):
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    @asynccontextmanager
    async def socket(self, who: Person, process: int, by_token: bool = False) -> AsyncIterator[WsClient]:
        """A socket that hangs on this process: the others are frozen until it is open."""
        client = WsClient(self.site.ws_url("/ws/chat/"), who.bearer if by_token else who.cookie)
        with frozen([pid for pid in self.processes if pid != process]):
            await client.__aenter__()
        try:
            yield client
        finally:
            await client.__aexit__(None, None, None)
