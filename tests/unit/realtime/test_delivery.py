"""The ways out of one socket: in order, bounded, and told when it is gone."""

import asyncio
from typing import Any

import pytest

from chatsite.realtime import delivery
from chatsite.realtime.delivery import EXTENSION, DirectOutlet, Outlet, Parcel, outlet_for
from tests.unit.realtime.test_frames import texts_in


class Server:
    """Takes what a socket's outlet gives it, and may have lost the connection."""

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.is_lost = False

    async def send(self, message: dict[str, Any]) -> None:
        self.write(message)

    def write(self, frames: Any) -> None:
        if self.is_lost:
            raise ConnectionAbortedError
        self.taken.append(frames)


@pytest.fixture
def server() -> Server:
    return Server()


def direct(server: Server, losses: list[str]) -> Outlet:
    scope = {"extensions": {EXTENSION: {"write": server.write}}}
    return outlet_for(scope, server.send, lambda: losses.append("slow"), lambda: losses.append("lost"))


async def test_a_parcel_is_one_write_at_once(server: Server) -> None:
    outlet = direct(server, [])
    assert isinstance(outlet, DirectOutlet)
    outlet.push_all(Parcel(["one", "two"]))
    assert [texts_in(frames) for frames in server.taken] == [["one", "two"]]


async def test_what_is_said_in_one_turn_is_one_write_in_order(server: Server) -> None:
    outlet = direct(server, [])
    outlet.push("one")
    outlet.push_all(Parcel(["two", "three"]))
    outlet.push("four")
    assert server.taken == []
    await asyncio.sleep(0)
    assert [texts_in(frames) for frames in server.taken] == [["one", "two", "three", "four"]]


async def test_closing_sends_first_what_was_said(server: Server) -> None:
    outlet = direct(server, [])
    outlet.push("one")
    outlet.close(4401)
    outlet.push("too late")
    outlet.push_all(Parcel(["too late"]))
    await outlet.flush()
    assert [texts_in(server.taken[0]), *server.taken[1:]] == [["one"], {"type": "websocket.close", "code": 4401}]


@pytest.mark.parametrize("way", ["push", "push_all"])
async def test_a_lost_connection_is_told_once(server: Server, way: str) -> None:
    losses: list[str] = []
    outlet = direct(server, losses)
    server.is_lost = True
    for _ in range(2):
        getattr(outlet, way)("one" if way == "push" else Parcel(["one"]))
        await asyncio.sleep(0)
    assert losses == ["lost"]


async def test_without_the_extension_asgi_s_send_does_it_in_order(server: Server) -> None:
    outlet = outlet_for({}, server.send, lambda: None)
    outlet.push("one")
    outlet.push_all(Parcel(["two", "three"]))
    await outlet.flush()
    assert [message["text"] for message in server.taken] == ["one", "two", "three"]


async def test_what_is_unsent_is_bounded(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "MAX_UNSENT_BYTES", 10)
    losses: list[str] = []
    outlet = Outlet(server.send, lambda: losses.append("slow"), lambda: losses.append("lost"))
    for _ in range(5):
        outlet.push("12345")
    await outlet.flush()
    assert losses == ["slow"]
