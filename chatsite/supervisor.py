"""Several serving processes on one listening socket, kept alive by a parent that serves nothing."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

STEADY_SECONDS = 5  # a child that lived shorter is not started again at once
PAUSE_SECONDS = 1
KILL_SECONDS = 15

Child = subprocess.Popen[bytes]


class Supervisor:
    """Starts `count` children, replaces those that die, and takes them down with it.

    Each child is a process of its own from the first instruction, so that no thread,
    event loop or database connection is shared. Its standard input is a pipe that we
    hold open: should we be killed, it reads the end and goes down as well.
    """

    def __init__(self, listener: socket.socket, count: int, manage: Path, warn: Callable[[str], None]) -> None:
        self.listener = listener
        self.count = count
        self.command = [sys.executable, str(manage), "serve", "--listen-fd", str(listener.fileno())]
        self.warn = warn
        self.children: dict[int, tuple[Child, float]] = {}
        self.stopping = False

    def run(self) -> None:
        """Returns when all children have ended after SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.go_down())
        signal.signal(signal.SIGALRM, lambda *_: self.tell_all(signal.SIGKILL))
        for _ in range(self.count):
            self.start_child()
        while self.children:
            pid, status = os.wait()
            child, started = self.children.pop(pid)
            child.returncode = os.waitstatus_to_exitcode(status)
            if not self.stopping:
                self.replace(child, time.monotonic() - started)

    def start_child(self) -> None:
        child = subprocess.Popen(self.command, stdin=subprocess.PIPE, pass_fds=[self.listener.fileno()])  # noqa: S603
        self.children[child.pid] = child, time.monotonic()
        if self.stopping:  # the signal came while it was being started
            child.send_signal(signal.SIGTERM)

    def replace(self, child: Child, lived_seconds: float) -> None:
        self.warn(f"Process {child.pid} ended with {child.returncode}; starting another")
        if child.stdin:
            child.stdin.close()
        if lived_seconds < STEADY_SECONDS:
            time.sleep(PAUSE_SECONDS)
        if not self.stopping:
            self.start_child()

    def go_down(self) -> None:
        if not self.stopping:
            self.stopping = True
            self.listener.close()
            signal.alarm(KILL_SECONDS)
        self.tell_all(signal.SIGTERM)

    def tell_all(self, number: signal.Signals) -> None:
        for child, _ in list(self.children.values()):
            child.send_signal(number)
