"""Whatever is sent, the answer is a clear refusal, the socket and the site live on, and nothing is lost."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.contracts.conftest import Caller
from tests.support.cast import Person
from tests.support.sites import Site
from tests.support.sockets import WsClient

TEN_MEGABYTES = 10 * 1024 * 1024
DEEP = 100_000
NOWHERE = 999_999


@pytest.fixture(scope="module", autouse=True)
def no_traceback(shared_site: Site) -> Iterator[None]:
    """Nothing in this module is our fault."""
    yield
    assert "Traceback" not in shared_site.log


@pytest.fixture
def alice(shared_site: Site) -> Person:
    return shared_site.people["alice"]


@pytest.fixture(scope="module")
def archived(shared_site: Site) -> int:
    alice = shared_site.people["alice"]
    _, room = shared_site.call("POST", "/api/rooms", alice, {"name": "Attic", "kind": "private"})
    shared_site.call("PATCH", f"/api/rooms/{room['id']}", alice, {"archived": True})
    return int(room["id"])


# --- Sockets ----------------------------------------------------------------

FRAMES: dict[str, tuple[str | bytes, str]] = {
    "not JSON": ("nonsense", "bad_json"),
    "empty": ("", "bad_json"),
    "blank": (" ", "bad_json"),
    "binary": (b'{"type":"ping"}', "bad_json"),
    "binary nonsense": (b"\x00\xff\xfe", "bad_json"),
    "empty binary": (b"", "bad_json"),
    "half an object": ('{"type":"ping"', "bad_json"),
    "two objects": ('{"type":"ping"}{"type":"ping"}', "bad_json"),
    "a list": ("[]", "bad_json"),
    "a text": ('"ping"', "bad_json"),
    "null": ("null", "bad_json"),
    "a number": ("7", "bad_json"),
    "not a number": ('{"type":"ping","x":NaN}', "bad_json"),
    "infinity": ('{"type":"ping","x":Infinity}', "bad_json"),
    "half a character": ('{"type":"ping","ref":"\\ud800"}', "bad_json"),
    "deep lists": ("[" * 30_000, "bad_json"),
    "deep objects": ('{"a":' * 10_000 + "1" + "}" * 10_000, "bad_json"),
    "10 MB": ('{"type":"ping","x":"' + "x" * TEN_MEGABYTES + '"}', "invalid"),
    "10 MB of binary": (b"x" * TEN_MEGABYTES, "bad_json"),
    "an empty object": ("{}", "bad_command"),
    "no type": ('{"ref":"r"}', "bad_command"),
    "a type that is no text": ('{"type":{"a":1}}', "bad_command"),
    "an unknown type": ('{"type":"message.destroy"}', "bad_command"),
    "a handler's name": ('{"type":"post"}', "bad_command"),
    "a huge type": (json.dumps({"type": "x" * 60_000}), "bad_command"),
    "a field too many": ('{"type":"ping","x":1}', "invalid"),
    "a ref that is no text": ('{"type":"ping","ref":7}', "invalid"),
    "a ref too long": (json.dumps({"type": "ping", "ref": "x" * 65}), "invalid"),
    "a huge integer": ('{"type":"ping","x":' + "9" * 4_000 + "}", "invalid"),
    "a huger integer": ('{"type":"ping","x":' + "9" * 50_000 + "}", "bad_json"),
    "a huge exponent": ('{"type":"ping","x":1e999}', "invalid"),
    "the same key twice": ('{"type":"ping","type":"pong"}', "bad_command"),
}


@pytest.mark.parametrize("path", ["/ws/chat/", "/ws/notifications/"])
@pytest.mark.parametrize("case", FRAMES)
async def test_a_frame_that_is_no_command_is_refused(shared_site: Site, alice: Person, path: str, case: str) -> None:
    frame, code = FRAMES[case]
    async with WsClient(shared_site.ws_url(path), alice.cookie) as client:
        await client.send_raw(frame)
        error = await client.next_event("error")
        assert (error["code"], bool(error["message"])) == (code, True)
        assert (await client.request("ping"))["type"] == "pong"
        assert [event for event in client.events if event["type"] != "presence.changed"] == []


def wrong_commands(site: Site, archived: int) -> dict[str, tuple[dict[str, Any], str, str | None]]:
    room = site.room["id"]
    post = {"type": "message.post", "room": room, "client_id": str(uuid4()), "body": "Hello"}
    follow = {"type": "stream.subscribe", "stream": f"room:{room}", "after": 0}
    return {
        "no body": (without(post, "body"), "invalid", "body"),
        "no client_id": (without(post, "client_id"), "invalid", "client_id"),
        "no room": (without(post, "room"), "invalid", "room"),
        "a body that is no text": (post | {"body": 7}, "invalid", "body"),
        "a body that is null": (post | {"body": None}, "invalid", "body"),
        "an empty body": (post | {"body": ""}, "invalid", "body"),
        "a blank body": (post | {"body": " \n"}, "invalid", "body"),
        "4,001 characters": (post | {"body": "x" * 4_001}, "invalid", "body"),
        "NUL": (post | {"body": "a\x00b"}, "invalid", "body"),
        "a client_id that is none": (post | {"client_id": "x"}, "invalid", "client_id"),
        "a client_id that is a number": (post | {"client_id": 7}, "invalid", "client_id"),
        "a room that is a text": (post | {"room": str(room)}, "invalid", "room"),
        "a room that is true": (post | {"room": True}, "invalid", "room"),
        "a room that is a list": (post | {"room": [room]}, "invalid", "room"),
        "a room that is a fraction": (post | {"room": room + 0.5}, "invalid", "room"),
        "room 0": (post | {"room": 0}, "invalid", "room"),
        "a negative room": (post | {"room": -1}, "invalid", "room"),
        "a huge room": (post | {"room": 10**30}, "invalid", "room"),
        "the first room too large": (post | {"room": 2**63}, "invalid", "room"),
        "the largest room": (post | {"room": 2**63 - 1}, "not_found", None),
        "no such room": (post | {"room": NOWHERE}, "not_found", None),
        "an archived room": (post | {"room": archived}, "archived", None),
        "an answer to nothing": (post | {"reply_to": NOWHERE}, "invalid", "reply_to"),
        "an answer to a text": (post | {"reply_to": "x"}, "invalid", "reply_to"),
        "an author": (post | {"author": 1}, "invalid", "author"),
        "a huge field": (post | {"x" * 50_000: 1}, "invalid", None),
        "no such message": ({"type": "message.edit", "message": NOWHERE, "body": "x"}, "not_found", None),
        "an emoji too long": ({"type": "reaction.add", "message": 1, "emoji": "👍" * 33}, "invalid", "emoji"),
        "an emoji with NUL": ({"type": "reaction.add", "message": 1, "emoji": "\x00"}, "invalid", "emoji"),
        "a mark that is negative": ({"type": "room.read", "room": room, "seq": -1}, "invalid", "seq"),
        "a mark that is huge": ({"type": "room.read", "room": room, "seq": 2**63}, "invalid", "seq"),
        "typing nowhere": ({"type": "typing.start", "room": NOWHERE}, "not_found", None),
        "a stream that is a number": (follow | {"stream": 7}, "invalid", "stream"),
        "a stream too long": (follow | {"stream": "room:" + "1" * 40}, "invalid", "stream"),
        "a stream of no kind": (follow | {"stream": "attic:1"}, "not_found", None),
        "a stream with NUL": (follow | {"stream": "room:1\x00"}, "not_found", None),
        "a stream that is nowhere": (follow | {"stream": f"room:{NOWHERE}"}, "not_found", None),
        "after that is a text": (follow | {"after": "0"}, "invalid", "after"),
        "after that is negative": (follow | {"after": -1}, "invalid", "after"),
        "after that is huge": (follow | {"after": 10**40}, "invalid", "after"),
        "an epoch that is a number": (follow | {"epoch": 7}, "invalid", "epoch"),
    }


def without(command: dict[str, Any], field: str) -> dict[str, Any]:
    return {key: value for key, value in command.items() if key != field}


async def test_a_wrong_command_is_refused_and_nothing_is_lost(shared_site: Site, alice: Person, archived: int) -> None:
    """All on one socket, with a good message after each; in the end each of those is there once."""
    room, said = shared_site.room["id"], []
    async with WsClient(shared_site.ws_url("/ws/chat/"), alice.cookie) as client:
        head = (await client.request("stream.subscribe", stream=f"room:{room}", after=None))["head"]
        for case, (command, code, field) in wrong_commands(shared_site, archived).items():
            await client.send(command | {"ref": case})
            error = await client.next_event(ref=case)
            assert (error["type"], error.get("code")) == ("error", code), case
            assert field is None or error["field"] == field, case
            ok = await client.request("message.post", room=room, client_id=str(uuid4()), body=f"After {case}")
            said.append(ok["message"])
        told = [await client.next_event("message.posted") for _ in said]
    assert [event["message"] for event in told] == said
    assert [event["seq"] for event in told] == list(range(head + 1, head + 1 + len(said)))


async def test_who_is_no_member_is_refused(shared_site: Site) -> None:
    room = shared_site.room["id"]
    async with WsClient(shared_site.ws_url("/ws/chat/"), shared_site.people["charlie"].cookie) as client:
        await client.send(
            {"type": "message.post", "ref": "a", "room": room, "client_id": str(uuid4()), "body": "Hello"}
        )
        assert (await client.next_event("error"))["code"] == "not_found"
        await client.send({"type": "stream.subscribe", "ref": "b", "stream": f"room:{room}", "after": 0})
        assert (await client.next_event("error"))["code"] == "not_found"
        await client.request("ping")


async def test_hostile_text_is_told_harmlessly(shared_site: Site, alice: Person) -> None:
    room = shared_site.room["id"]
    async with WsClient(shared_site.ws_url("/ws/chat/"), alice.cookie) as client:
        for body in ("<script>alert(1)</script>", "[x](javascript:alert(1))", "<img src=x onerror=alert(1)>"):
            ok = await client.request("message.post", room=room, client_id=str(uuid4()), body=body)
            assert ok["message"]["body"] == body
            assert not {"<script", "<img", "href"} & set(ok["message"]["html"].replace(" ", "\n").split())
            assert "<script" not in ok["message"]["html"]
            assert "href=" not in ok["message"]["html"]


async def test_the_longest_body_and_odd_text_are_taken(shared_site: Site, alice: Person) -> None:
    room = shared_site.room["id"]
    async with WsClient(shared_site.ws_url("/ws/chat/"), alice.cookie) as client:
        for body in ("x" * 4_000, "👩‍👩‍👧‍👦" * 500, "\u202eabc", "e\u0301", "\ufffe\uffff", "‮\x01\x7f"):
            ok = await client.request("message.post", room=room, client_id=str(uuid4()), body=body)
            assert len(ok["message"]["body"]) <= 4_000


async def test_the_same_client_id_twice_is_one_message(shared_site: Site, alice: Person) -> None:
    post = {"room": shared_site.room["id"], "client_id": str(uuid4()), "body": "Once"}
    async with WsClient(shared_site.ws_url("/ws/chat/"), alice.cookie) as client:
        first = await client.request("message.post", **post)
        assert (await client.request("message.post", **post))["message"] == first["message"]
    async with WsClient(shared_site.ws_url("/ws/chat/"), alice.cookie) as again:
        assert (await again.request("message.post", **post))["message"] == first["message"]


async def test_beyond_the_head_one_starts_afresh_and_then_hears(shared_site: Site, alice: Person) -> None:
    room = shared_site.room["id"]
    async with WsClient(shared_site.ws_url("/ws/chat/"), alice.cookie) as client:
        ok = await client.request("stream.subscribe", stream=f"room:{room}", after=2**62)
        assert ok["reset"] is True
        await client.request("message.post", room=room, client_id=str(uuid4()), body="Live")
        assert (await client.next_event("message.posted"))["seq"] == ok["head"] + 1


# --- HTTP -------------------------------------------------------------------

BODIES: dict[str, tuple[bytes, int, str]] = {
    "empty": (b"", 422, "invalid"),
    "not JSON": (b"nonsense", 400, "bad_json"),
    "not UTF-8": (b'{"body":"\xff"}', 400, "bad_json"),
    "a list": (b"[]", 422, "invalid"),
    "null": (b"null", 422, "invalid"),
    "a text": (b'"body"', 422, "invalid"),
    "an empty object": (b"{}", 422, "invalid"),
    "a body that is no text": (b'{"body":7}', 422, "invalid"),
    "a field too many": (b'{"body":"x","author":1}', 422, "invalid"),
    "4,001 characters": (json.dumps({"body": "x" * 4_001}).encode(), 422, "invalid"),
    "NUL": (b'{"body":"a\\u0000b"}', 422, "invalid"),
    "half a character": (b'{"body":"a\\ud800b"}', 422, "invalid"),
    "half a character in a name": (b'{"body":"x","\\ud800":1}', 422, "invalid"),
    "half a character in a value": (b'{"body":"x","client_id":"\\ud800"}', 422, "invalid"),
    "deep lists": (b'{"body":' + b"[" * DEEP, 400, "bad_json"),
    "deep objects": (b'{"body":' * DEEP + b"1" + b"}" * DEEP, 400, "bad_json"),
    "a huge integer": (b'{"body":"x","reply_to":' + b"9" * 100 + b"}", 422, "invalid"),
    "a huger integer": (b'{"body":"x","reply_to":' + b"9" * 50_000 + b"}", 400, "bad_json"),
    "not a number": (b'{"body":"x","reply_to":NaN}', 422, "invalid"),
    "an answer to nothing": (b'{"body":"x","reply_to":999999}', 422, "invalid"),
    "10 MB": (b'{"body":"' + b"x" * TEN_MEGABYTES + b'"}', 413, "too_large"),
}


@pytest.mark.parametrize("case", BODIES)
def test_a_body_that_is_wrong_is_refused(shared_site: Site, caller: Caller, alice: Person, case: str) -> None:
    data, status, code = BODIES[case]
    answer = caller.send("POST", f"/api/rooms/{shared_site.room['id']}/messages", alice, data)
    assert (answer.status, answer.json["code"], bool(answer.json["message"])) == (status, code, True)


ADDRESSES = [
    *[("GET", f"/api/rooms/{pk}", 422) for pk in ("0", "-1", "x", "1.5", str(2**63), "9" * 400, "%00")],
    ("GET", f"/api/rooms/{NOWHERE}", 404),
    ("GET", "/api/jobs/9223372036854775807", 404),
    ("GET", "/api/nothing", 404),
    *[("GET", f"/api/search?{query}", 422) for query in (
        "", "q=", "q=%00", f"q={'x' * 201}", "q=a&room=x", "q=a&room=0", f"q=a&from={2**63}", "q=a&before=x",
        "q=a&before=2026-02-31T00:00:00Z", "q=a&after=1e30", "q=a&before=99999999999999999999",
        "q=a&before=0001-01-01T00:00:00%2B23:59", "q=a&after=9999-12-31T23:59:59-23:59",
    )],
    *[("GET", f"/api/search?q=a&{query}", 200) for query in (
        "before=0001-01-01T00:00:00", "before=9999-12-31T23:59:59Z", "after=0001-01-01T00:00:00Z",
        "before=2026-01-01", "before=0", "after=-62135596800", "q=%ff", "room=999999",
    )],
    *[("GET", f"/api/rooms/{{room}}/messages?{query}", 422) for query in (
        "limit=0", "limit=101", "limit=x", "before=-1", f"before={2**63}", "after=x", "after=%00", "before=",
    )],
    ("GET", f"/api/rooms/{{room}}/messages?before={2**63 - 1}", 200),
    *[("GET", f"/api/notifications?{query}", 422) for query in ("after=0", "after=x", "unread=perhaps", "limit=-1")],
    *[("GET", f"/api/jobs?{query}", 422) for query in ("status=sleeping", "after=-1", f"after={2**64}")],
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "status"), ADDRESSES)
def test_an_address_that_is_wrong_is_refused(
    shared_site: Site, caller: Caller, alice: Person, method: str, path: str, status: int
) -> None:
    answer = caller.send(method, path.replace("{room}", str(shared_site.room["id"])), alice)
    assert answer.status == status, answer.data
    if status >= 400:
        assert {"code", "message"} <= set(answer.json)


JOBS = [
    ({"title": ""}, "title"),
    ({"title": " "}, "title"),
    ({"title": "x" * 201}, "title"),
    ({"title": "a\x00"}, "title"),
    ({"title": "x", "kind": "no such kind"}, "kind"),
    ({"title": "x", "kind": "simulated", "params": {"steps": 0}}, "params.steps"),
    ({"title": "x", "kind": "simulated", "params": {"steps": 10**30}}, "params.steps"),
    ({"title": "x", "kind": "simulated", "params": {"seconds": "x"}}, "params.seconds"),
    ({"title": "x", "kind": "simulated", "params": {"more": 1}}, "params.more"),
    ({"title": "x", "params": {"a": 1}}, "params"),
    ({"title": "x", "total": -1}, "total"),
    ({"title": "x", "total": 10**30}, "total"),
    ({"title": "x", "room": "x"}, "room"),
]


@pytest.mark.parametrize(("job", "field"), JOBS)
def test_a_job_that_is_wrong_is_refused(caller: Caller, alice: Person, job: dict[str, Any], field: str) -> None:
    answer = caller.send("POST", "/api/jobs", alice, json.dumps(job).encode())
    assert (answer.status, answer.json["code"], answer.json["field"]) == (422, "invalid", field)


PAGES = [
    *[f"{page}?q={query}" for page in ("/rooms/", "/people/", "/people/search", "/search")
      for query in ("%00", "%ff", "%ED%A0%80", quote("<script>"), "x" * 3_000)],
    "/rooms/%00/", "/rooms/%F0%9F%91%8D/", "/people/?page=x", "/people/?page=99999999999999999999",
    "/progress/history?before=0001-01-01T00:00:00%2B23:59", "/progress/history?before=x",
    "/progress/history?before=2026-02-31T00:00:00Z", "/notifications/older?before=99999999999999999999",
    "/notifications/?show=nothing", "/avatars/..%2f..%2fsecret_key", "/i18n/%00.js", "/static/..%2f..%2fsecret_key",
    "/nothing", "//evil.example", "/%00", "/accounts/confirm-email/%00/",
    "/settings/tokens/99999999999999999999/revoke/",
]  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_a_page_asked_for_wrongly_is_shown_or_not_found(caller: Caller, alice: Person, path: str) -> None:
    answer = caller.send("GET", path, alice, kind="text/html")
    assert answer.status in (200, 301, 302, 400, 404), answer.status
    assert b"<script>" not in answer.data


def test_a_person_who_cannot_be_is_not_found(shared_site: Site, alice: Person) -> None:
    """A form, as a browser sends it, with the token that belongs to it."""
    token = "x" * 32
    for user_id in (0, NOWHERE, 2**63, 10**30):
        connection = Caller(shared_site).connection
        headers = {"Cookie": f"sessionid={alice.session}; csrftoken={token}", "X-CSRFToken": token}
        connection.request("POST", f"/people/{user_id}/message/", body=b"", headers=headers)
        assert connection.getresponse().status == 404
