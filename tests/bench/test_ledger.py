"""What the load generator says of servers that deliver wrongly."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from bench.generator import mistakes

pytestmark = pytest.mark.one_stack

CONNECTIONS, ROOMS = 8, 2  # the first of each room sends
SAME_ROOM, OTHER_ROOM = {"/1": "/1", "/2": "/2"}, {"/1": "/2", "/2": "/1"}
AT = 20  # the message of each room with which something goes wrong
# What the member `index` of the room at `path` gets when a message came; `logs` has all rooms' messages so far.
Delivery = Callable[[str, int, dict[str, list[str]]], list[str]]


def honest(path: str, index: int, logs: dict[str, list[str]]) -> list[str]:
    return [logs[path][-1]]


def loses_one(path: str, index: int, logs: dict[str, list[str]]) -> list[str]:
    return [] if index == 2 and len(logs[path]) == AT else [logs[path][-1]]


def repeats_one(path: str, index: int, logs: dict[str, list[str]]) -> list[str]:
    return [logs[path][-1]] * (2 if index == 2 and len(logs[path]) == AT else 1)


def swaps_two_for_one_member(path: str, index: int, logs: dict[str, list[str]]) -> list[str]:
    if index == 2 and len(logs[path]) == AT:
        return []
    return [logs[path][-1], *(logs[path][-2:-1] if index == 2 and len(logs[path]) == AT + 1 else [])]


def repeats_one_in_place_of_the_next(path: str, index: int, logs: dict[str, list[str]]) -> list[str]:
    return [logs[path][-2 if index == 2 and len(logs[path]) == AT else -1]]


def swaps_two_for_all(path: str, index: int, logs: dict[str, list[str]]) -> list[str]:
    if len(logs[path]) == AT:
        return []
    return [logs[path][-1], *(logs[path][-2:-1] if len(logs[path]) == AT + 1 else [])]


def crosses_rooms(path: str, index: int, logs: dict[str, list[str]]) -> list[str]:
    return [logs["/1"][-1] if path == "/2" and len(logs[path]) == AT else logs[path][-1]]


async def report_on(
    load: Path, delivery: Delivery, route: Mapping[str, str] = SAME_ROOM, **options: object
) -> dict[str, Any]:
    """Lets the generator talk to a server that delivers like this, into the room that `route` names."""
    members: dict[str, list[ServerConnection]] = defaultdict(list)
    logs: dict[str, list[str]] = defaultdict(list)

    async def take(socket: ServerConnection) -> None:
        assert socket.request is not None
        path = socket.request.path
        members[path].append(socket)
        with suppress(ConnectionClosed):  # the generator hangs up without a word
            async for text in socket:
                logs[path].append(str(text))
                for index, member in enumerate(members[route[path]]):
                    for out in delivery(path, index, logs):
                        await member.send(out)

    async with serve(take, "127.0.0.1", 0, compression=None) as server:
        settings = {"dialect": "plain", "path": "/%d", "port": server.sockets[0].getsockname()[1]}
        settings |= {"connections": CONNECTIONS, "rooms": ROOMS, "senders": ROOMS, "connect-window": 1}
        settings |= {"rate": 100, "seconds": 0.8, "warm-up": 0.1, "patience": 0.5, **options}
        words = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
        process = await asyncio.create_subprocess_exec(str(load), *words, stdout=asyncio.subprocess.PIPE)
        said, _ = await process.communicate()
    report: dict[str, Any] = json.loads(said.splitlines()[-1])
    assert report["event"] == "report"
    assert report["posted"] > (AT + 1) * ROOMS
    return report


async def test_it_has_nothing_to_say_of_an_honest_server(load: Path) -> None:
    report = await report_on(load, honest)
    assert mistakes(report) == []
    assert report["heard"] == report["expected"] == report["posted"] * CONNECTIONS / ROOMS


async def test_in_a_closed_loop_each_answer_makes_room_for_the_next_post(load: Path) -> None:
    report = await report_on(load, honest, rate=0, window=2)
    assert mistakes(report) == []
    assert report["acks"] > ROOMS * 2
    assert report["answer_ms"]["count"] > 0
    assert report["delivery_ms"]["count"] > 0


@pytest.mark.parametrize(
    ("delivery", "said"),
    [
        (loses_one, {"lost": ROOMS}),
        (repeats_one, {"extra": ROOMS}),
        (swaps_two_for_one_member, {"disordered": ROOMS}),
        (repeats_one_in_place_of_the_next, {"disordered": ROOMS}),
        (swaps_two_for_all, {"astray": ROOMS}),
        (crosses_rooms, {"astray": 1}),
    ],
)
async def test_it_tells_what_went_wrong(load: Path, delivery: Delivery, said: dict[str, int]) -> None:
    report = await report_on(load, delivery)
    wrong = ("lost", "extra", "disordered", "astray")
    assert {key: report[key] for key in wrong if report[key]} == said
    assert len(mistakes(report)) == 1


async def test_it_tells_when_rooms_are_mistaken_for_each_other(load: Path) -> None:
    report = await report_on(load, honest, OTHER_ROOM)
    assert report["astray"] == report["posted"]


async def test_it_tells_of_connections_that_were_dropped(load: Path) -> None:
    async def drop(socket: ServerConnection) -> None:
        await socket.recv()

    async with serve(drop, "127.0.0.1", 0, compression=None) as server:
        port = server.sockets[0].getsockname()[1]
        words = f"--dialect plain --port {port} --connections 2 --senders 1 --rate 50 --seconds 0.3 --patience 0.2"
        process = await asyncio.create_subprocess_exec(str(load), *words.split(), stdout=asyncio.subprocess.PIPE)
        said, _ = await process.communicate()
    assert json.loads(said.splitlines()[-1])["dropped"] == 1


async def test_who_is_cut_off_before_being_in_tries_again_a_few_times(load: Path) -> None:
    tries = 0

    async def cut_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal tries
        tries += 1
        writer.close()

    async with await asyncio.start_server(cut_off, "127.0.0.1", 0) as server:
        words = f"--dialect plain --port {server.sockets[0].getsockname()[1]} --connections 2 --senders 1"
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(str(load), *words.split(), stdout=pipe, stderr=pipe)
        said, complaint = await process.communicate()
    assert tries == 2 * 5
    assert said == b""
    assert complaint.strip() == b"0 of 2 connections are ready"
