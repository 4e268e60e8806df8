"""Clients that behave badly, in a process of their own: `python -m tests.load.nuisance KIND PORT ROOM < tokens`.

Each token is a client, which returns whenever it is thrown out. It runs until it is killed, and with low priority:
in life it would take another machine's time. Prints `thrown out` each time, and `sent N` twice a second.
"""

import itertools
import json
import os
import select
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator

from tests.load.wire import TEXT, frame, handshake

SMALL_BUFFER = 4096  # so that it is the server that has to keep what is not read
RETURN_SECONDS = 0.5
TELL_SECONDS = 0.5
HUGE = 15 * 1024 * 1024
PIECE = 64 * 1024
CONTINUATION = 0x0
FAR = 2**62

Connection = socket.socket

_sent = itertools.count()  # frames, by all clients


def never_reads(connection: Connection, room: int) -> None:
    """Follows the room and leaves everything where it is, until the server hangs up."""
    _send(connection, frame(TEXT, json.dumps({"type": "stream.subscribe", "stream": f"room:{room}"}).encode()))
    end = select.poll()
    end.register(connection, 0)  # hears of the end without reading
    end.poll()


def pings_unread(connection: Connection, room: int) -> None:
    """Commands as fast as the server takes them, with answers that it does not read."""
    _send_for_ever(connection, (frame(TEXT, b'{"type":"ping","ref":"%d"}' % number) for number in itertools.count()))


def commands(connection: Connection, room: int) -> None:
    """The same, and reads the answers."""
    _read_in_background(connection)
    pings_unread(connection, room)


def expensive(connection: Connection, room: int) -> None:
    """Commands that write: the mark goes along with the room's head."""
    _read_in_background(connection)
    ask = json.dumps({"type": "room.read", "room": room, "seq": FAR, "ref": "r"}).encode()
    _send_for_ever(connection, itertools.repeat(frame(TEXT, ask)))


def huge(connection: Connection, room: int) -> None:
    """Messages of 15 MB."""
    _read_in_background(connection)
    _send_for_ever(connection, itertools.repeat(frame(TEXT, b"x" * HUGE)))


def endless(connection: Connection, room: int) -> None:
    """One message in fragments that has no end."""
    _read_in_background(connection)
    piece = frame(TEXT, b"x" * PIECE)
    _send_for_ever(connection, itertools.chain([_as(TEXT, piece)], itertools.repeat(_as(CONTINUATION, piece))))


KINDS: dict[str, Callable[[Connection, int], None]] = {
    function.__name__.replace("_", "-"): function
    for function in (never_reads, pings_unread, commands, expensive, huge, endless)
}
READ_NOTHING = {"never-reads", "pings-unread"}


def _as(opcode: int, whole: bytes) -> bytes:
    """The same frame, not the last of its message."""
    return bytes([opcode]) + whole[1:]


def _send_for_ever(connection: Connection, frames: Iterator[bytes]) -> None:
    for each in frames:
        _send(connection, each)


def _send(connection: Connection, data: bytes) -> None:
    connection.sendall(data)
    next(_sent)


def _read_in_background(connection: Connection) -> None:
    def read() -> None:
        try:
            while connection.recv(PIECE):
                pass
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # who sends hears of it as well

    threading.Thread(target=read, daemon=True).start()


def _be(kind: str, port: int, token: str, room: int) -> None:
    while True:
        try:
            with socket.socket() as connection:
                if kind in READ_NOTHING:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
                connection.connect(("127.0.0.1", port))
                _shake_hands(connection, port, token)
                KINDS[kind](connection, room)
        except OSError:
            pass
        print("thrown out", flush=True)
        time.sleep(RETURN_SECONDS)


def _shake_hands(connection: Connection, port: int, token: str) -> None:
    connection.sendall(handshake("/ws/chat/", f"127.0.0.1:{port}", {"Authorization": f"Bearer {token}"}))
    if b" 101 " not in connection.recv(SMALL_BUFFER):
        raise ConnectionError("refused")


def main() -> None:
    kind, port, room = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    os.nice(10)
    threads = [
        threading.Thread(target=_be, args=(kind, port, token, room), daemon=True) for token in sys.stdin.read().split()
    ]
    for thread in threads:
        thread.start()
    while True:
        time.sleep(TELL_SECONDS)
        print("sent", repr(_sent)[len("count(") : -1], flush=True)


if __name__ == "__main__":
    main()
