"""docs/protocol.md and the code say the same: nothing undocumented, nothing documented that isn't there."""

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest
from django.core.management import get_commands
from django.db import models
from django.test import Client
from django.urls import resolve

from accounts.models import User
from accounts.payloads import person
from chat.api import ROOMS_BURST
from chat.consumers import ChatConsumer
from chat.models import Membership, Message, Room
from chat.payloads import member_payload
from chat.queries import room_detail
from chat.services.changing import add_reaction
from chatsite import sockets
from chatsite.api import STATUS_OF, api
from chatsite.realtime import consumers, hub, identity
from chatsite.realtime.events import EVENT_TYPES, DurableEvent
from notifications.consumers import NotificationsConsumer
from notifications.models import Job, Notification
from notifications.payloads import job_payload, notification_payload
from notifications.services import notify
from notifications.services.jobs import start_job
from tests.support.sites import ROOT
from tests.unit.chat.conftest import speak

DOCUMENT = (ROOT / "docs" / "protocol.md").read_text()
APPS = ("accounts", "chat", "chatsite", "notifications")


def tables(heading: str) -> Iterator[list[list[str]]]:
    """The rows of each table under a heading, without the table's own."""
    (section,) = re.findall(rf"^{heading}$(.*?)(?=^#|\Z)", DOCUMENT, re.S | re.M)
    for block in re.findall(r"(?:^\|.*\n)+", section, re.M):
        rows = [[cell.strip() for cell in line[1:-1].split("|")] for line in block.splitlines()]
        yield rows[2:]


def table_of(heading: str, index: int = 0) -> list[list[str]]:
    return list(tables(heading))[index]


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def firsts(rows: list[list[str]]) -> set[str]:
    """What the first column names."""
    return {name for row in rows for name in named(row[0])}


def test_every_command_is_documented_and_no_other() -> None:
    both, chat, _codes = tables("### Commands")
    assert firsts(both) == set(NotificationsConsumer.handlers)
    assert firsts(both) | firsts(chat) == set(ChatConsumer.handlers)


@pytest.mark.parametrize("consumer", [ChatConsumer, NotificationsConsumer])
def test_every_field_of_a_command_is_documented(consumer: type[consumers.StreamConsumer]) -> None:
    both, chat, _codes = tables("### Commands")
    documented = {name: set(named(row[1])) for row in [*both, *chat] for name in named(row[0])}
    for type_, (method, _scope) in consumer.handlers.items():
        schema = getattr(consumer, method).command[0]
        assert set(schema.model_fields) - {"type", "ref"} == documented[type_], type_


def test_tokens_need_the_scopes_that_are_documented() -> None:
    both, chat, _codes = tables("### Commands")
    scopes = dict.fromkeys(firsts(both), "read") | dict.fromkeys(firsts(chat), "write")
    assert {type_: scope for type_, (_method, scope) in ChatConsumer.handlers.items()} == scopes


def test_every_event_is_documented_with_its_keys_and_no_other() -> None:
    for heading, durable in (("### Durable events", True), ("### Ephemeral events", False)):
        documented = {named(row[0])[0]: row[2] for row in table_of(heading)}
        events = {type_: event for type_, event in EVENT_TYPES.items() if issubclass(event, DurableEvent) is durable}
        assert set(documented) == set(events)
        for type_, event in events.items():
            keys = {field.name for field in fields(event)}
            assert keys <= set(named(documented[type_])), type_


def test_every_error_code_of_the_sockets_is_documented() -> None:
    codes = firsts(list(tables("### Commands"))[2])
    http_only = {"unauthenticated", "conflict", "too_large"}
    assert codes - {"bad_command"} == set(STATUS_OF) - http_only
    raised = {code for source in sources() for code in re.findall(r'CommandError\(\s*"(\w+)"', source)}
    assert raised <= codes | http_only


def test_every_status_of_the_api_is_documented() -> None:
    documented = {
        code: int(row[0]) for row in list(tables("## 2. HTTP API"))[1] for code in named(row[1]) if "-" not in code
    }
    assert documented == STATUS_OF


def test_a_call_that_fails_is_answered_like_any_refusal(
    alice: User, client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("chat.api.visible_rooms", lambda user: 1 / 0)
    client.force_login(alice)
    answer = client.get("/api/rooms")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "ZeroDivisionError" in caplog.text


def test_who_is_refused_for_haste_is_told_when_to_come_back(alice: User, client: Client) -> None:
    client.force_login(alice)
    for _ in range(ROOMS_BURST + 1):
        answer = client.post("/api/rooms", {"name": "Garden", "kind": "private"}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
    assert int(answer["Retry-After"]) >= answer.json()["retry_after"] > 0


def test_every_close_code_is_documented() -> None:
    documented = {int(row[0]) for row in list(tables("## 1. WebSockets"))[1]}
    closing = {consumers.CLOSE_TOO_SLOW, hub.CLOSE_START_AFRESH, sockets.CLOSE_GOING_DOWN, sockets.CLOSE_TOO_LARGE}
    assert documented == closing | {identity.CLOSE_IDENTITY_LOST}


def test_every_call_is_documented_and_no_other() -> None:
    paths = api.get_openapi_schema()["paths"]
    calls = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert firsts(table_of("## 2. HTTP API")) == calls


def test_every_parameter_of_a_call_is_documented_and_no_other() -> None:
    schema = api.get_openapi_schema()
    documented = {named(row[0])[0]: row[1] for row in table_of("## 2. HTTP API")}
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            words = documented[f"{method.upper()} {path}"]
            queries = {p["name"] for p in operation.get("parameters", []) if p["in"] == "query"}
            asked = re.match(r"`\?([^`]*)`", words)
            assert queries == (set(re.findall(r"(\w+)=", asked[1])) if asked else set()), (method, path)
            if body := operation.get("requestBody"):
                name = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
                listed = re.match(r"`\{([^}]*)\}`", words)
                assert listed is not None, (method, path)
                spoken = {field.partition(":")[0].strip().rstrip("?") for field in listed[1].split(", ")}
                assert spoken == set(schema["components"]["schemas"][name]["properties"]), (method, path)


def test_every_page_of_the_table_is_there() -> None:
    for page in firsts(table_of("## 3. Pages")) - {"/accounts/"}:
        assert resolve(page.replace("<slug>", "lobby"))


def test_every_environment_variable_is_documented_and_no_other() -> None:
    read = {name for source in sources() for name in variables_in(source)} | set(
        variables_in((ROOT / "dev.py").read_text())
    )
    assert firsts(table_of("## 4. Environment")) == read


def test_every_own_command_is_documented_and_no_other() -> None:
    own = {name for name, app in get_commands().items() if app in APPS}
    documented = {line.split()[2] for line in firsts(table_of("## 5. Commands")) if line.startswith("python manage.py")}
    assert documented == own


# --- What things carry -------------------------------------------------------


def documented_keys(thing: str) -> set[str]:
    (row,) = [row for row in table_of("### What they carry") if row[0] == thing]
    return set(named(row[1]))


def test_a_message_has_the_keys_of_the_contract(alice: User, room: Room) -> None:
    message = add_reaction(alice, speak(alice, room)["id"], "👍")
    assert set(message) == documented_keys("message")
    assert set(message["author"]) == documented_keys("person") == set(person(alice))
    assert set(message["reactions"][0]) == {"emoji", "users"}


def test_a_room_and_its_members_have_the_keys_of_the_contract(alice: User, room: Room) -> None:
    assert set(room_detail(alice, room.pk)) == documented_keys("room")
    assert set(member_payload(Membership.objects.select_related("user").get(user=alice))) == documented_keys("member")


def test_a_job_and_a_notification_have_the_keys_of_the_contract(alice: User) -> None:
    job, _new = start_job(alice, title="Stitch")
    notify(users=[alice.pk], kind="job.failed", url="/progress", job=job)
    notification = notification_payload(Notification.objects.select_related("actor", "job").get())
    assert set(job_payload(job)) == documented_keys("job")
    assert set(job_payload(job)["owner"]) == {"id", "name"}
    assert set(notification) == documented_keys("notification")
    assert set(notification["job"]) == {"id", "title", "status"}


@pytest.mark.parametrize(
    "choices", [Message.Kind, Room.Kind, Membership.Role, Notification.Kind, Job.Status], ids=lambda c: c.__qualname__
)
def test_every_choice_is_documented(choices: type[models.TextChoices]) -> None:
    assert set(choices.values) <= set(named(DOCUMENT))


# --- Reading the code ----------------------------------------------------------


def sources() -> Iterator[str]:
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            yield path.read_text()


def variables_in(source: str) -> Iterator[str]:
    """Names that are read from the environment, directly or by `chatsite.env.Env`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = ast.unparse(node.func.value)
            if owner in ("env", "self", "os.environ", "self.environ") and node.func.attr != "setdefault":
                yield from upper(node.args[:1])
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
            yield from upper([node.slice])
        elif isinstance(node, ast.arguments):
            yield from upper(node.defaults)


def upper(nodes: list[Any]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch("[A-Z][A-Z_]+", node.value):
            yield node.value
