"""Who may do what: every address and every command, for everybody who may come along.

One row an action, one column a person: nobody (not signed in), Charlie the outsider, Erin who was
a member and is no more, Bob the member, Dina the moderator, and the administrator, who is in no room.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from django.contrib import admin
from django.db import transaction
from django.test import Client
from django.urls import URLResolver, get_resolver, resolve

from accounts import avatars, tokens
from accounts.models import Scope, User
from chat.consumers import ChatConsumer
from chat.models import Membership, Room
from chatsite.api import api
from chatsite.realtime.threads import in_database
from notifications.consumers import NotificationsConsumer
from notifications.services.jobs import start_job
from tests.support import cast
from tests.support.local import HandshakeRefusedError, LocalClient
from tests.support.sockets import RefusedError
from tests.unit.chat.conftest import speak

WHO = ("nobody", "charlie", "erin", "bob", "dina", "admin")


class Row(NamedTuple):
    """`expected` is a status for each of `WHO`; `scope` what a token needs."""

    call: str
    expected: str
    body: dict[str, Any] | None = None
    scope: str = ""


# {room} is private and {lobby} public; Alice owns both. {theirs} is a message of hers in {room}; {job} and {token} are
# Bob's; Frank is a member, a guest is not. 404 is the answer about what one may not know of, 403 about what one
# knows and may not do.
API = [
    #   call                                         nobody charlie erin bob dina admin
    Row("GET /api/me",                                 "401 200 200 200 200 200", scope="read"),
    Row("GET /api/rooms",                              "401 200 200 200 200 200", scope="read"),
    Row("POST /api/rooms",                             "401 201 201 201 201 201",
        {"name": "Garden", "kind": "private"}, "write"),
    Row("GET /api/rooms/{room}",                       "401 404 404 200 200 404", scope="read"),
    Row("GET /api/rooms/{lobby}",                      "401 200 200 200 200 200", scope="read"),
    Row("GET /api/rooms/999999",                       "401 404 404 404 404 404", scope="read"),
    Row("PATCH /api/rooms/{room}",                     "401 404 404 403 200 404", {"topic": "Autumn"}, "write"),
    Row("PATCH /api/rooms/{lobby}",                    "401 403 403 403 200 403", {"topic": "Autumn"}, "write"),
    Row("PATCH /api/rooms/{room}",                     "401 404 404 403 200 404", {"archived": True}, "write"),
    Row("GET /api/rooms/{room}/members",               "401 404 404 200 200 404", scope="read"),
    Row("GET /api/rooms/{lobby}/members",              "401 200 200 200 200 200", scope="read"),
    Row("POST /api/rooms/{room}/members",              "401 404 404 403 201 404", {"user": "{guest}"}, "write"),
    Row("POST /api/rooms/{room}/members",              "401 404 404 200 200 404", {"user": "{me}"}, "write"),
    Row("POST /api/rooms/{lobby}/members",             "401 201 201 200 200 201", {"user": "{me}"}, "write"),
    Row("POST /api/rooms/{lobby}/members",             "401 403 403 201 201 403", {"user": "{guest}"}, "write"),
    Row("POST /api/rooms/{room}/members",              "401 404 404 403 403 404",
        {"user": "{me}", "role": "owner"}, "write"),
    Row("DELETE /api/rooms/{room}/members/{alice}",    "401 404 404 403 403 404", scope="write"),
    Row("DELETE /api/rooms/{room}/members/{frank}",    "401 404 404 403 204 404", scope="write"),
    Row("DELETE /api/rooms/{room}/members/{me}",       "401 404 404 204 204 404", scope="write"),
    Row("DELETE /api/rooms/{lobby}/members/{frank}",   "401 403 403 403 204 403", scope="write"),
    Row("GET /api/rooms/{room}/messages",              "401 404 404 200 200 404", scope="read"),
    Row("GET /api/rooms/{lobby}/messages",             "401 200 200 200 200 200", scope="read"),
    Row("POST /api/rooms/{room}/messages",             "401 404 404 201 201 404", {"body": "Hello"}, "write"),
    Row("POST /api/rooms/{lobby}/messages",            "401 403 403 201 201 403", {"body": "Hello"}, "write"),
    Row("POST /api/rooms/{archived}/messages",         "401 404 404 409 409 404", {"body": "Hello"}, "write"),
    Row("GET /api/search?q=apple",                     "401 200 200 200 200 200", scope="read"),
    Row("GET /api/notifications",                      "401 200 200 200 200 200", scope="read"),
    Row("POST /api/notifications/read",                "401 200 200 200 200 200", {"ids": []}, "write"),
    Row("POST /api/jobs",                              "401 201 201 201 201 201", {"title": "Stitch"}, "jobs"),
    Row("POST /api/jobs",                              "401 404 404 201 201 404",
        {"title": "Stitch", "room": "{room}"}, "jobs"),
    Row("GET /api/jobs",                               "401 200 200 200 200 200", scope="read"),
    Row("GET /api/jobs/{job}",                         "401 404 404 200 404 404", scope="read"),
    Row("PATCH /api/jobs/{job}",                       "401 404 404 200 404 404", {"done": 1}, "jobs"),
    Row("GET /api/jobs/{job}/log",                     "401 404 404 200 404 404", scope="read"),
    Row("POST /api/jobs/{job}/cancel",                 "401 404 404 200 404 404", scope="jobs"),
    Row("POST /api/jobs/{job}/retry",                  "401 404 404 409 404 404", scope="jobs"),
]  # fmt: skip

PAGES = [
    #   page                                         nobody charlie erin bob dina admin
    Row("GET /",                                       "302 200 200 200 200 200"),
    Row("GET /rooms/",                                 "302 200 200 200 200 200"),
    Row("GET /rooms/{slug}/",                          "302 404 404 200 200 404"),
    Row("GET /rooms/{lobby_slug}/",                    "302 200 200 200 200 200"),
    Row("GET /people/",                                "302 200 200 200 200 200"),
    Row("GET /people/search?q=a",                      "302 200 200 200 200 200"),
    Row("POST /people/{alice}/message/",               "302 302 302 302 302 302"),
    Row("GET /search?q=apple",                         "302 200 200 200 200 200"),
    Row("GET /progress",                               "302 200 200 200 200 200"),
    Row("GET /progress/history",                       "302 200 200 200 200 200"),
    Row("GET /progress/vitals",                        "401 200 200 200 200 200"),
    Row("GET /notifications/",                         "302 200 200 200 200 200"),
    Row("GET /notifications/waiting",                  "302 200 200 200 200 200"),
    Row("GET /notifications/older",                    "302 200 200 200 200 200"),
    Row("GET /avatars/{avatar}",                       "302 200 200 200 200 200"),
    Row("GET /welcome/",                               "404 404 404 404 404 404"),
    Row("POST /welcome/",                              "404 404 404 404 404 404"),
    Row("GET /settings/",                              "302 200 200 200 200 200"),
    Row("POST /settings/",                             "302 200 200 200 200 200"),
    Row("POST /settings/picture/remove/",              "302 302 302 302 302 302"),
    Row("GET /settings/appearance/",                   "302 200 200 200 200 200"),
    Row("GET /settings/security/",                     "302 200 200 200 200 200"),
    Row("GET /settings/tokens/",                       "302 200 200 200 200 200"),
    Row("GET /settings/tokens/new/",                   "302 302 302 302 302 302"),  # asks for the password once more
    Row("GET /settings/tokens/{token}/revoke/",        "302 404 404 200 404 404"),
    Row("POST /settings/tokens/{token}/revoke/",       "302 404 404 302 404 404"),
    Row("GET /i18n/es.js",                             "200 200 200 200 200 200"),
    Row("POST /i18n/setlang/",                         "302 302 302 302 302 302"),
    Row("GET /favicon.ico",                            "302 302 302 302 302 302"),
    Row("GET /healthz",                                "200 200 200 200 200 200"),
    Row("GET /readyz",                                 "200 200 200 200 200 200"),
    Row("GET /metrics",                                "200 200 200 200 200 200"),  # from this machine, whoever asks
    Row("GET /api/",                                   "404 404 404 404 404 404"),
    Row("GET /api/nothing",                            "404 404 404 404 404 404"),
    Row("GET /api/docs",                               "200 200 200 200 200 200"),
    Row("GET /api/openapi.json",                       "200 200 200 200 200 200"),
]  # fmt: skip

ACCOUNTS = [
    #   page                                         nobody charlie erin bob dina admin
    Row("GET /accounts/login/",                        "200 302 302 302 302 302"),
    Row("GET /accounts/signup/",                       "200 302 302 302 302 302"),
    Row("GET /accounts/inactive/",                     "200 200 200 200 200 200"),
    Row("GET /accounts/logout/",                       "302 200 200 200 200 200"),
    Row("POST /accounts/logout/",                      "302 302 302 302 302 302"),
    Row("GET /accounts/reauthenticate/",               "302 200 200 200 200 200"),
    Row("GET /accounts/email/",                        "302 200 200 200 200 200"),
    Row("GET /accounts/confirm-email/",                "200 200 200 200 200 200"),
    Row("GET /accounts/confirm-email/nonsense/",       "200 200 200 200 200 200"),
    Row("GET /accounts/password/change/",              "302 200 200 200 200 200"),
    Row("GET /accounts/password/set/",                 "302 302 302 302 302 302"),
    Row("GET /accounts/password/reset/",               "200 200 200 200 200 200"),
    Row("GET /accounts/password/reset/done/",          "200 200 200 200 200 200"),
    Row("GET /accounts/password/reset/key/1-x/",       "200 200 200 200 200 200"),
    Row("GET /accounts/password/reset/key/done/",      "200 200 200 200 200 200"),
    Row("GET /accounts/login/code/confirm/",           "302 302 302 302 302 302"),
    Row("GET /accounts/sessions/",                     "302 200 200 200 200 200"),
    Row("GET /accounts/2fa/",                          "302 302 302 302 302 302"),
    Row("GET /accounts/2fa/authenticate/",             "302 302 302 302 302 302"),
    Row("GET /accounts/2fa/reauthenticate/",           "302 302 302 302 302 302"),
    Row("GET /accounts/2fa/totp/activate/",            "302 302 302 302 302 302"),
    Row("GET /accounts/2fa/totp/deactivate/",          "302 404 404 404 404 404"),
    Row("GET /accounts/2fa/recovery-codes/",           "302 404 404 404 404 404"),
    Row("GET /accounts/2fa/recovery-codes/generate/",  "302 302 302 302 302 302"),
    Row("GET /accounts/2fa/recovery-codes/download/",  "302 404 404 404 404 404"),
    Row("GET /accounts/2fa/webauthn/",                 "302 200 200 200 200 200"),
    Row("GET /accounts/2fa/webauthn/add/",             "302 302 302 302 302 302"),
    Row("GET /accounts/2fa/webauthn/reauthenticate/",  "302 302 302 302 302 302"),
    Row("GET /accounts/2fa/webauthn/keys/1/remove/",   "302 302 302 302 302 302"),
    Row("GET /accounts/2fa/webauthn/keys/1/edit/",     "302 302 302 302 302 302"),
    Row("GET /accounts/2fa/webauthn/login/",           "302 302 302 302 302 302"),
]  # fmt: skip

# Beside these the pages of each model, which open to the administrator only.
ADMIN = [
    #   page                                         nobody charlie erin bob dina admin
    Row("GET /admin/",                                 "302 302 302 302 302 200"),
    Row("GET /admin/login/",                           "302 403 403 403 403 302"),
    Row("POST /admin/logout/",                         "302 302 302 302 302 200"),
    Row("GET /admin/password_change/",                 "302 302 302 302 302 200"),
    Row("GET /admin/password_change/done/",            "302 302 302 302 302 200"),
    Row("GET /admin/autocomplete/",                    "302 302 302 302 302 403"),
    Row("GET /admin/jsi18n/",                          "302 302 302 302 302 200"),
    Row("GET /admin/r/1/1/",                           "302 302 302 302 302 404"),
    Row("GET /admin/chat/",                            "302 302 302 302 302 200"),
    Row("GET /admin/nonsense",                         "302 302 302 302 302 404"),
    Row("GET /admin/accounts/user/{guest}/password/",  "302 302 302 302 302 200"),
]  # fmt: skip
MODEL_PAGES = {"changelist": "", "add": "add/", "history": "1/history/", "delete": "1/delete/", "change": "1/change/"}

COMMANDS = [
    #   command                                           charlie    erin       bob        dina       admin
    ("stream.subscribe", {"stream": "room:{room}"},      "not_found  not_found  ok         ok         not_found"),
    ("stream.subscribe", {"stream": "room:{lobby}"},     "ok         ok         ok         ok         ok"),
    ("stream.subscribe", {"stream": "inbox:{bob}"},      "not_found  not_found  not_found  not_found  not_found"),
    ("stream.unsubscribe", {"stream": "room:{room}"},    "ok         ok         ok         ok         ok"),
    ("ping", {},                                         "pong       pong       pong       pong       pong"),
    ("message.post", {"room": "{room}"},                 "not_found  not_found  ok         ok         not_found"),
    ("message.post", {"room": "{lobby}"},                "forbidden  forbidden  ok         ok         forbidden"),
    ("message.post", {"room": "{archived}"},             "not_found  not_found  archived   archived   not_found"),
    ("message.edit", {"message": "{theirs}"},            "not_found  not_found  forbidden  forbidden  not_found"),
    ("message.edit", {"message": "{bobs}"},              "not_found  not_found  ok         forbidden  not_found"),
    ("message.edit", {"message": "{erins}"},             "not_found  not_found  forbidden  forbidden  not_found"),
    ("message.delete", {"message": "{theirs}"},          "not_found  not_found  forbidden  ok         not_found"),
    ("message.delete", {"message": "{bobs}"},            "not_found  not_found  ok         ok         not_found"),
    ("message.delete", {"message": "{erins}"},           "not_found  not_found  forbidden  ok         not_found"),
    ("reaction.add", {"message": "{theirs}"},            "not_found  not_found  ok         ok         not_found"),
    ("reaction.remove", {"message": "{theirs}"},         "not_found  not_found  ok         ok         not_found"),
    ("room.read", {"room": "{room}"},                    "not_found  not_found  ok         ok         not_found"),
    ("room.read", {"room": "{lobby}"},                   "not_found  not_found  ok         ok         not_found"),
    ("typing.start", {"room": "{room}"},                 "not_found  not_found  ok         ok         not_found"),
    ("typing.start", {"room": "{lobby}"},                "forbidden  forbidden  ok         ok         forbidden"),
]  # fmt: skip
INBOX_COMMANDS = [
    ("stream.subscribe", {"stream": "inbox:{bob}"},      "not_found  not_found  ok         not_found  not_found"),
    ("stream.subscribe", {"stream": "room:{room}"},      "not_found  not_found  not_found  not_found  not_found"),
    ("stream.unsubscribe", {"stream": "inbox:{bob}"},    "ok         ok         ok         ok         ok"),
    ("ping", {},                                         "pong       pong       pong       pong       pong"),
]  # fmt: skip


class House:
    """The cast in their rooms, and the numbers that the rows speak of."""

    def __init__(self) -> None:
        make = {name: cast.make_user(name) for name in ("alice", "bob", "charlie", "dina", "erin", "frank", "guest")}
        make["admin"] = cast.make_user("admin", is_staff=True, is_superuser=True)
        self.people = make
        alice, bob = make["alice"], make["bob"]
        members = [bob, make["erin"], make["frank"]]
        self.room = cast.make_room("green-room", alice, members)
        lobby = cast.make_room("lobby", alice, members, kind=Room.Kind.PUBLIC)
        archived = cast.make_room("attic", alice, [bob])
        for room in (self.room, lobby, archived):
            cast.add_member(room, make["dina"], Membership.Role.MODERATOR)
        self.numbers: dict[str, int | str] = {name: user.pk for name, user in make.items()}
        for name, author in (("theirs", alice), ("bobs", bob), ("erins", make["erin"])):
            self.numbers[name] = speak(author, self.room, "A secret apple")["id"]
        Membership.objects.filter(user=make["erin"]).delete()
        Room.objects.filter(pk=archived.pk).update(archived_at=archived.created_at)
        self.numbers |= {"room": self.room.pk, "lobby": lobby.pk, "archived": archived.pk}
        self.numbers |= {"slug": self.room.slug, "lobby_slug": lobby.slug}
        self.numbers["job"] = start_job(bob, title="Stitch")[0].pk
        self.numbers["token"] = tokens.create(bob, "tests", ["read"])[0].pk

    def fill(self, value: Any, who: str) -> Any:
        """The value with its {names} replaced; a text that is nothing but one becomes the number."""
        numbers = self.numbers | {"me": self.numbers.get(who, 0)}
        if isinstance(value, dict):
            return {key: self.fill(part, who) for key, part in value.items()}
        if not isinstance(value, str):
            return value
        if alone := re.fullmatch(r"\{(\w+)\}", value):
            return numbers[alone[1]]
        return re.sub(r"\{(\w+)\}", lambda found: str(numbers[found[1]]), value)

    def status(self, row: Row, who: str, **headers: str) -> int:
        """What that person is answered, by session or with the headers given; nothing of it stays."""
        method, path = row.call.split()
        body = {} if row.body is None else {"data": self.fill(row.body, who), "content_type": "application/json"}
        with transaction.atomic():
            client = Client(raise_request_exception=False)
            if who != "nobody" and not headers:
                client.force_login(self.people[who])
            answer = getattr(client, method.lower())(self.fill(path, who), headers=headers, **body)
            transaction.set_rollback(True)
        if answer.status_code >= 400 and row in API:
            assert {"code", "message"} <= set(answer.json())
        return int(answer.status_code)


@pytest.fixture
def house(db: None, tmp_path: Any, settings: Any) -> House:
    settings.MEDIA_ROOT = tmp_path
    house = House()
    alice = house.people["alice"]
    avatars.store(alice, b"a picture")
    house.numbers["avatar"] = alice.avatar.name.removeprefix("avatars/")
    return house


@pytest.mark.parametrize("row", [*API, *PAGES, *ACCOUNTS, *ADMIN], ids=lambda row: row.call)
def test_everybody_is_answered_as_the_table_says(house: House, row: Row) -> None:
    assert {who: house.status(row, who) for who in WHO} == dict(zip(WHO, map(int, row.expected.split()), strict=True))


@pytest.mark.parametrize("row", API, ids=lambda row: row.call)
def test_a_token_does_only_what_its_scope_says(house: House, row: Row) -> None:
    bob = house.people["bob"]
    expected = dict(zip(WHO, map(int, row.expected.split()), strict=True))["bob"]
    _, without = tokens.create(bob, "all others", set(Scope.values) - {row.scope})
    _, with_it = tokens.create(bob, "this one", [row.scope])
    assert house.status(row, "bob", Authorization=f"Bearer {without}") == 403
    assert house.status(row, "bob", Authorization=f"Bearer {with_it}") == expected


def test_a_key_that_is_wrong_is_not_helped_by_a_cookie(house: House) -> None:
    client = Client()
    client.force_login(house.people["bob"])
    assert client.get("/api/me", headers={"Authorization": "Bearer chat_nonsense"}).status_code == 401


def test_a_change_by_session_needs_the_pages_own_token(house: House) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(house.people["bob"])
    answer = client.post(f"/api/rooms/{house.room.pk}/messages", {"body": "x"}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_metrics_are_for_tokens_or_this_machine(house: House) -> None:
    metrics = Row("GET /metrics", "")
    keys = {scope: tokens.create(house.people["bob"], scope, [scope])[1] for scope in Scope.values}
    statuses = {scope: house.status(metrics, "nobody", Authorization=f"Bearer {key}") for scope, key in keys.items()}
    assert statuses == dict.fromkeys(Scope.values, 403) | {"metrics": 200}
    assert house.status(metrics, "nobody", **{"X-Forwarded-For": "192.0.2.7"}) == 403
    assert Client(REMOTE_ADDR="192.0.2.7").get("/metrics").status_code == 403


def test_search_and_lists_show_only_what_one_may_see(house: House) -> None:
    found: dict[str, tuple[int, int]] = {}
    for who in WHO[1:]:
        client = Client()
        client.force_login(house.people[who])
        found[who] = (
            len(client.get("/api/search?q=apple").json()["messages"]),
            len(client.get("/api/rooms").json()["rooms"]),
        )
    assert found == {"charlie": (0, 1), "erin": (0, 1), "bob": (3, 3), "dina": (3, 3), "admin": (0, 1)}


@pytest.mark.parametrize("model", [str(model._meta) for model in sorted(admin.site._registry, key=str)])
def test_pages_of_a_model_open_to_the_administrator_only(house: House, model: str) -> None:
    for path in MODEL_PAGES.values():
        row = Row(f"GET /admin/{model.replace('.', '/')}/{path}", "")
        statuses = {who: house.status(row, who) for who in WHO}
        assert statuses.pop("admin") in (200, 302, 403), row.call
        assert set(statuses.values()) == {302}, row.call


def test_every_address_has_its_row() -> None:
    fillings = {"avatar": "1-0123456789abcdef.webp", "slug": "x", "lobby_slug": "x"}
    known = set()
    for row in [*API, *PAGES, *ACCOUNTS, *ADMIN]:
        path = re.sub(r"\{(\w+)\}", lambda found: fillings.get(found[1], "1"), row.call.split()[1]).partition("?")[0]
        known.add(resolve(path).route.removeprefix("^"))
    of_models = re.compile(r"admin/\w+/\w+/(<path:object_id>/(history/|delete/|change/)?|add/)?$")
    assert {route for route in routes() if not of_models.match(route)} - known == set()


def test_every_method_of_the_api_has_its_row() -> None:
    paths = api.get_openapi_schema()["paths"]
    calls = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    names = {"lobby": "room", "archived": "room", "job": "job_id"} | dict.fromkeys(("alice", "frank", "me"), "user")
    known = {
        re.sub(r"\{(\w+)\}", lambda found: f"{{{names.get(found[1], found[1])}}}", row.call).partition("?")[0]
        for row in API
    }
    assert calls - known == set()


def routes(patterns: Any = None, prefix: str = "") -> Iterator[str]:
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + str(pattern.pattern).removeprefix("^")
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        else:
            yield route


# --- Sockets ----------------------------------------------------------------


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("path", "row"),
    [*[("/ws/chat/", row) for row in COMMANDS], *[("/ws/notifications/", row) for row in INBOX_COMMANDS]],
    ids=lambda value: value if isinstance(value, str) else f"{value[0]} {value[1]}",
)
async def test_every_command_is_answered_as_the_table_says(
    transactional_db: None, path: str, row: tuple[str, dict[str, Any], str]
) -> None:
    type_, fields, expected = row
    more = {"message.post": {"client_id": "", "body": "x"}, "message.edit": {"body": "x"}, "room.read": {"seq": 0}}
    more |= {"reaction.add": {"emoji": "👍"}, "reaction.remove": {"emoji": "👍"}}
    house = await in_database(House)
    answers = {}
    for who in WHO[1:]:
        command = house.fill(fields, who) | more.get(type_, {})
        if "client_id" in command:
            command["client_id"] = str(uuid4())
        async with LocalClient(house.people[who], path) as client:
            try:
                answers[who] = (await client.request(type_, **command))["type"]
            except RefusedError as refused:
                answers[who] = refused.code
    assert answers == dict(zip(WHO[1:], expected.split(), strict=True))


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("path", ["/ws/chat/", "/ws/notifications/"])
async def test_nobody_gets_no_socket(alice: User, path: str) -> None:
    with pytest.raises(HandshakeRefusedError):
        async with LocalClient(alice, path, headers={"Cookie": ""}):
            pass


def test_every_command_has_its_row() -> None:
    assert {row[0] for row in COMMANDS} == set(ChatConsumer.handlers)
    assert {row[0] for row in INBOX_COMMANDS} == set(NotificationsConsumer.handlers)
