"""What RFC 6455 asks of a server, at the real `/ws/chat/`. The Autobahn cases proper: `python -m tests.conformance`."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import uuid4

import pytest

from tests.conformance.raw import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, RawSocket, close_payload
from tests.support.sites import Site

NORMAL, PROTOCOL_ERROR, INVALID_TEXT = 1000, 1002, 1007
MAY_BE_SENT = (1000, 1001, 1003, 1011, 3000, 4999)
ASK = b'{"type": "ping", "ref": "r"}'


@pytest.fixture
async def socket(shared_site: Site) -> AsyncIterator[RawSocket]:
    async with RawSocket(shared_site, shared_site.people["alice"]) as socket:
        yield socket


async def assert_it_answers(socket: RawSocket) -> None:
    socket.send(TEXT, ASK)
    assert await socket.answer() == {"type": "pong", "ref": "r"}


async def assert_closed_with(socket: RawSocket, code: int) -> None:
    assert (await socket.next_frame(CLOSE)).close_code == code
    socket.send(CLOSE, close_payload(code))
    await socket.hung_up()


async def assert_cut_off(socket: RawSocket, code: int) -> None:
    """Who says goodbye in the wrong way is cut off, maybe before hearing why; but goodbye is not returned."""
    with suppress(ConnectionResetError, asyncio.IncompleteReadError):
        assert (await socket.next_frame(CLOSE)).close_code == code
    await socket.hung_up()


async def test_a_command_in_fragments_with_pings_between_is_one_command(socket: RawSocket, shared_site: Site) -> None:
    post = {"type": "message.post", "room": shared_site.room["id"], "client_id": str(uuid4()), "body": "żółw 🐢"}
    text = json.dumps(post | {"ref": "r"}, ensure_ascii=False).encode()
    for at in range(0, len(text), 3):  # in the middle of characters, too
        socket.send(TEXT if at == 0 else CONTINUATION, text[at : at + 3], fin=False)
        socket.send(PING, str(at).encode())
        assert (await socket.next_frame(PONG)).payload == str(at).encode()
    socket.send(CONTINUATION)
    answer = await socket.answer()
    assert (answer["type"], answer["message"]["body"]) == ("ok", "żółw 🐢")


@pytest.mark.parametrize(("opcode", "payload"), [(TEXT, b""), (BINARY, b""), (BINARY, ASK), (TEXT, b"[" * 60_000)])
async def test_what_is_no_command_is_answered(socket: RawSocket, opcode: int, payload: bytes) -> None:
    socket.send(opcode, payload)
    assert (await socket.answer())["code"] == "bad_json"
    await assert_it_answers(socket)


async def test_a_message_over_64_kib_is_answered(socket: RawSocket) -> None:
    socket.send(TEXT, b"x" * 60_000, fin=False)
    socket.send(CONTINUATION, b"x" * 60_000)
    assert (await socket.answer())["code"] == "invalid"
    await assert_it_answers(socket)


@pytest.mark.parametrize("size", [0, 125])
async def test_a_ping_gets_its_own_bytes_back(socket: RawSocket, size: int) -> None:
    socket.send(PING, b"\xfe" * size)
    assert (await socket.next_frame(PONG)).payload == b"\xfe" * size


async def test_a_pong_that_nobody_asked_for_is_passed_over(socket: RawSocket) -> None:
    socket.send(PONG, b"here")
    await assert_it_answers(socket)


@pytest.mark.parametrize("text", [b"\xff", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80", b'"\xe2\x82'])
async def test_text_that_is_not_utf8_closes_with_1007(socket: RawSocket, text: bytes) -> None:
    socket.send(TEXT, text)
    await assert_closed_with(socket, INVALID_TEXT)


async def test_it_does_not_wait_for_the_end_of_a_text_that_is_not_utf8(socket: RawSocket) -> None:
    socket.send(TEXT, b'{"type": ', fin=False)
    socket.send(CONTINUATION, b"\xed\xa0\x80", fin=False)
    await assert_closed_with(socket, INVALID_TEXT)


@pytest.mark.parametrize("reserved", [1, 2, 4])
@pytest.mark.parametrize("opcode", [TEXT, PING, PONG])
async def test_it_refuses_reserved_bits(socket: RawSocket, opcode: int, reserved: int) -> None:
    socket.send(opcode, reserved=reserved)
    await assert_closed_with(socket, PROTOCOL_ERROR)


@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
async def test_it_refuses_unknown_opcodes(socket: RawSocket, opcode: int) -> None:
    socket.send(opcode)
    await assert_closed_with(socket, PROTOCOL_ERROR)


async def test_it_refuses_frames_without_a_mask(socket: RawSocket) -> None:
    socket.send(TEXT, ASK, mask=False)
    await assert_closed_with(socket, PROTOCOL_ERROR)


async def test_it_refuses_a_continuation_of_nothing(socket: RawSocket) -> None:
    socket.send(CONTINUATION, ASK)
    await assert_closed_with(socket, PROTOCOL_ERROR)


async def test_it_refuses_a_new_message_before_the_last_one_is_whole(socket: RawSocket) -> None:
    socket.send(TEXT, ASK[:5], fin=False)
    socket.send(TEXT, ASK)
    await assert_closed_with(socket, PROTOCOL_ERROR)


@pytest.mark.parametrize("opcode", [PING, PONG])
async def test_it_refuses_control_frames_that_are_long_or_in_pieces(
    socket: RawSocket, shared_site: Site, opcode: int
) -> None:
    socket.send(opcode, b"x" * 126)
    await assert_closed_with(socket, PROTOCOL_ERROR)
    async with RawSocket(shared_site, shared_site.people["alice"]) as another:
        another.send(opcode, fin=False)
        await assert_closed_with(another, PROTOCOL_ERROR)


@pytest.mark.parametrize("code", MAY_BE_SENT)
async def test_a_close_is_answered_and_the_connection_ended(socket: RawSocket, code: int) -> None:
    socket.send(CLOSE, close_payload(code, "bye…".encode()))
    assert (await socket.next_frame(CLOSE)).close_code in (NORMAL, code)
    await socket.hung_up()


async def test_a_close_without_a_code_is_answered(socket: RawSocket) -> None:
    socket.send(CLOSE)
    assert (await socket.next_frame(CLOSE)).close_code in (NORMAL, None)
    await socket.hung_up()


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535])
async def test_it_refuses_close_codes_that_nobody_may_send(socket: RawSocket, code: int) -> None:
    socket.send(CLOSE, close_payload(code))
    await assert_cut_off(socket, PROTOCOL_ERROR)


@pytest.mark.parametrize(("payload", "code"), [(b"\x03", PROTOCOL_ERROR), (close_payload(1000, b"\xff"), INVALID_TEXT)])
async def test_it_refuses_a_close_that_is_half_or_not_text(socket: RawSocket, payload: bytes, code: int) -> None:
    socket.send(CLOSE, payload)
    await assert_cut_off(socket, code)
