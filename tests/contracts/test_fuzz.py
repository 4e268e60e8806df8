"""Anything at all, thrown at both sockets and at the HTTP API of the real site.

Every command with a `ref` gets one reply, the socket lives, no answer is `internal` or 5xx, and
the server's log has no traceback.
"""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contracts.conftest import Caller
from tests.support.cast import Person
from tests.support.sites import Site
from tests.support.sockets import WsClient

EXAMPLES = 400
quickly = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,  # a failure is the commit's, not the day's
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)

ODD = [
    *("", "\x00", "\ud800", "<script>", "javascript:alert(1)", "x" * 4_001, "room:1", "inbox:1", "é" * 65, "\u202e"),
    *(0, -1, 1, 2**31, 2**63 - 1, 2**63, 10**30, 0.5, 1e308, True, False, None, [], {}, [[]], {"id": 1}),
]
texts = st.text(st.characters(), max_size=30)
leaves = st.one_of(st.sampled_from(ODD), texts, st.integers(), st.floats(allow_nan=False, allow_infinity=False))
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6
)


@pytest.fixture(scope="module", autouse=True)
def no_traceback(shared_site: Site) -> Iterator[None]:
    yield
    assert "Traceback" not in shared_site.log


@pytest.fixture
def bob(shared_site: Site) -> Person:
    return shared_site.people["bob"]


# --- Sockets ----------------------------------------------------------------


def valid_commands(site: Site) -> list[dict[str, Any]]:
    room, bob = site.room["id"], site.people["bob"].id
    return [
        {"type": "stream.subscribe", "stream": f"room:{room}", "after": 0, "epoch": None},
        {"type": "stream.subscribe", "stream": f"inbox:{bob}", "after": 0},
        {"type": "stream.unsubscribe", "stream": f"room:{room}"},
        {"type": "message.post", "room": room, "client_id": str(uuid4()), "body": "Hello", "reply_to": None},
        {"type": "message.edit", "message": 1, "body": "Hello again"},
        {"type": "message.delete", "message": 2},
        {"type": "reaction.add", "message": 1, "emoji": "👍"},
        {"type": "reaction.remove", "message": 1, "emoji": "👍"},
        {"type": "room.read", "room": room, "seq": 1},
        {"type": "typing.start", "room": room},
        {"type": "ping"},
    ]


@st.composite
def mutated(draw: st.DrawFn, valid: list[dict[str, Any]]) -> dict[str, Any]:
    """A command of the contract with some of its fields dropped, added or replaced."""
    command = dict(draw(st.sampled_from(valid)))
    for name in draw(st.lists(st.sampled_from(sorted(command)), max_size=2, unique=True)):
        if draw(st.booleans()):
            command[name] = draw(values)
        else:
            del command[name]
    if draw(st.integers(0, 4)) == 0:
        command[draw(texts)] = draw(values)
    return command


def frames(valid: list[dict[str, Any]]) -> st.SearchStrategy[Any]:
    """Commands as dicts, to be given a `ref`; whatever else goes out as it is."""
    return st.one_of(
        mutated(valid),
        mutated(valid),
        st.dictionaries(texts, values, max_size=4),
        values.map(json.dumps),
        st.text(st.characters(codec="utf-8"), max_size=60),
        st.binary(max_size=60),
        st.sampled_from(valid).map(json.dumps).flatmap(lambda text: st.integers(0, len(text)).map(lambda n: text[:n])),
    )


class Talk:
    """One socket that stays open from example to example, and the loop that it lives in."""

    def __init__(self, site: Site, path: str) -> None:
        self.runner = asyncio.Runner()
        self.client = WsClient(site.ws_url(path), site.people["bob"].cookie)
        self.rounds = 0
        self.runner.run(self.client.__aenter__())

    def close(self) -> None:
        self.runner.run(self.client.__aexit__())
        self.runner.close()

    def send(self, sent: list[Any]) -> None:
        """Sends them all, then a ping, which is answered last; judges what came until then."""
        self.rounds += 1
        self.client.events.clear()
        self.runner.run(self._exchange(sent))
        came = [event for event in self.client.events if event["type"] in ("ok", "error", "pong")]
        assert not [event for event in came if event.get("code") == "internal"]
        refs = Counter(event["ref"] for event in came if event.get("ref") is not None)
        expected = [f"{self.rounds}-{n}" for n, frame in enumerate(sent) if is_json(frame)]
        assert refs == Counter(expected), (refs, sent)
        unasked = [event for event in came if event["type"] == "error" and event["ref"] is None]
        assert len(unasked) <= len(sent) - len(expected)

    async def _exchange(self, sent: list[Any]) -> None:
        for number, frame in enumerate(sent):
            if isinstance(frame, dict):
                await self.client.send(frame | {"ref": f"{self.rounds}-{number}"})
            else:
                await self.client.send_raw(frame)
        await self.client.send({"type": "ping", "ref": "end"})
        await self.client.next_event("pong", ref="end")


def is_json(frame: Any) -> bool:
    """Whether its `ref` can be read: JSON with half a character in it is none."""
    return isinstance(frame, dict) and not re.search("[\ud800-\udfff]", json.dumps(frame, ensure_ascii=False))


@pytest.mark.parametrize("path", ["/ws/chat/", "/ws/notifications/"])
def test_anything_thrown_at_a_socket_is_answered(shared_site: Site, path: str) -> None:
    talk = Talk(shared_site, path)

    @quickly
    @given(st.lists(frames(valid_commands(shared_site)), min_size=1, max_size=5))
    def throw(sent: list[Any]) -> None:
        talk.send(sent)

    try:
        throw()
    finally:
        talk.close()


# --- HTTP -------------------------------------------------------------------


def operations(site: Site) -> list[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    """Each call of the site's schema: method, path, query's properties, body's properties."""
    caller = Caller(site)
    schema = caller.send("GET", "/api/openapi.json", site.people["bob"]).json
    found = []
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            query = {p["name"]: p["schema"] for p in operation.get("parameters", []) if p["in"] == "query"}
            body = {}
            if wanted := operation.get("requestBody"):
                name = wanted["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
                body = schema["components"]["schemas"][name]["properties"]
            found.append((method.upper(), path, query, body))
    return found


LIKELY = {
    "kind": "private",
    "title": "Stitch",
    "name": "Garden",
    "body": "Hello",
    "status": "running",
    "role": "member",
}


@st.composite
def requests(
    draw: st.DrawFn, calls: list[tuple[str, str, dict[str, Any], dict[str, Any]]]
) -> tuple[str, str, bytes | None]:
    method, template, query, body = draw(st.sampled_from(calls))
    ids = st.one_of(
        st.integers(1, 4).map(str),
        st.sampled_from(["0", "-1", "x", str(2**63), "9" * 30]),
        texts.filter(lambda t: "\n" not in t),
    )
    path = re.sub(r"\{\w+\}", lambda _: quote(draw(ids).encode("utf-8", "surrogatepass"), safe="") or "%20", template)
    asked = {name: draw(leaves) for name in draw(st.lists(st.sampled_from(sorted(query)), max_size=3))} if query else {}
    if asked:
        path += "?" + urlencode({name: str(value).encode("utf-8", "surrogatepass") for name, value in asked.items()})
    return method, path, draw(bodies(body)) if method in ("POST", "PATCH") else None


@st.composite
def bodies(draw: st.DrawFn, properties: dict[str, Any]) -> bytes:
    """Mostly objects with the call's own fields, rightly or wrongly filled."""
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return draw(st.binary(max_size=40))
    if kind == 1 or not properties:
        return json.dumps(draw(values)).encode()
    fields = {}
    for name in draw(st.lists(st.sampled_from(sorted(properties)), unique=True)):
        likely = st.just(LIKELY[name]) if name in LIKELY else st.integers(1, 5)
        fields[name] = draw(st.one_of(likely, values))
    if kind == 2:
        fields[draw(texts)] = draw(values)
    return json.dumps(fields).encode()


def test_anything_thrown_at_the_api_is_answered(shared_site: Site, caller: Caller, bob: Person) -> None:
    @settings(quickly, max_examples=4 * EXAMPLES)
    @given(requests(operations(shared_site)))
    def throw(request: tuple[str, str, bytes | None]) -> None:
        method, path, data = request
        answer = caller.send(method, path, bob, data)
        assert answer.status < 500, answer
        if answer.status >= 400 and answer.status != 405:
            assert {"code", "message"} <= set(answer.json), answer

    throw()


def test_the_site_goes_on_working(shared_site: Site) -> None:
    """After all that."""
    alice = shared_site.people["alice"]
    status, message = shared_site.call(
        "POST", f"/api/rooms/{shared_site.room['id']}/messages", alice, {"body": "Well?"}
    )
    assert (status, message["body"]) == (201, "Well?")
