"""Frames as a library of others makes and takes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from chatsite.realtime.frames import framed, whole_text

SIZES = [0, 1, 2, 3, 4, 5, 125, 126, 127, 128, 65_534, 65_535]


def texts_in(data: bytes) -> list[str]:
    """What a client makes of what a server sent."""
    reader = StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    found = []
    while reader.buffer:
        parsing = Frame.parse(reader.read_exact, mask=False)
        with pytest.raises(StopIteration) as done:
            next(parsing)
        frame = done.value.value
        assert (frame.opcode, frame.fin) == (Opcode.TEXT, True)
        found.append(bytes(frame.data).decode())
    return found


def from_client(payload: bytes, opcode: Opcode = Opcode.TEXT, fin: bool = True) -> bytes:
    return Frame(opcode, payload, fin).serialize(mask=True)


@pytest.mark.parametrize("size", [*SIZES, 65_536, 70_000])
def test_what_is_framed_is_what_a_client_reads(size: int) -> None:
    assert texts_in(framed("x" * size) + framed("é")) == ["x" * size, "é"]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("behind", [b"", b"\x81", b"\x89\x80abcd"])
def test_a_whole_text_is_taken_and_nothing_behind_it(size: int, behind: bytes) -> None:
    data = from_client(b"x" * size)
    assert whole_text(data + behind) == ("x" * size, len(data))


@given(st.text(max_size=200))
def test_any_text_comes_as_it_was_sent(text: str) -> None:
    data = from_client(text.encode())
    assert whole_text(data) == (text, len(data))


@pytest.mark.parametrize("size", [0, 3, 130, 65_535])
def test_what_is_not_all_there_waits(size: int) -> None:
    data = from_client(b"x" * size)
    for end in {*range(min(len(data), 20)), len(data) // 2, len(data) - 1}:
        assert whole_text(data[:end]) is None


@pytest.mark.parametrize(
    "data",
    [
        from_client(b"x" * 65_536),
        from_client(b"x", Opcode.BINARY),
        from_client(b"x", Opcode.PING),
        from_client(b"x", Opcode.CONT),
        from_client(b"x", fin=False),
        *(bytes([0x81 | bit]) + from_client(b"x")[1:] for bit in (0x40, 0x20, 0x10)),
        from_client(b"\xc3"),
        from_client(b"\xed\xa0\x80"),
        Frame(Opcode.TEXT, b"unmasked").serialize(mask=False),
        b"\x81\xfe\x00\x05" + bytes(4) + b"12345",
        b"\x81\xff" + (5).to_bytes(8) + bytes(4) + b"12345",
    ],
    ids=["long", "binary", "ping", "continuation", "first", "rsv1", "rsv2", "rsv3", "cut character", "surrogate",
         "unmasked", "16 bits for few", "64 bits for few"],
)  # fmt: skip
def test_whatever_else_there_is_or_is_wrong_is_left_alone(data: bytes) -> None:
    assert whole_text(data) is None
