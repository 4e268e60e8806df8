"""Several serving processes on one listening socket, kept alive by a parent that serves nothing."""

import math
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

STEADY_SECONDS = 5  # a child that lived shorter is not started again at once
PAUSE_SECONDS = 1
KILL_SECONDS = 15
# Sent to parent and children alike; children never get them, and the parent passes on what they need.
OF_TERMINALS = {signal.SIGINT, signal.SIGHUP}


@dataclass(eq=False)
class Child:
    """One serving process, and the pipe into which it writes as soon as it answers."""

    process: "subprocess.Popen[bytes]"
    ready: int
    started: float = field(default_factory=time.monotonic)
    answers: bool = False
    kill_at: float = math.inf  # until it was told to go

    def hear(self) -> None:
        """Reads the pipe's one byte; its end means that the process is gone."""
        self.answers = os.read(self.ready, 1) != b""
        os.close(self.ready)
        self.ready = -1

    def go_down(self) -> None:
        self.process.terminate()
        self.kill_at = min(self.kill_at, time.monotonic() + KILL_SECONDS)

    def forget(self) -> None:
        if self.process.stdin:
            self.process.stdin.close()
        if self.ready >= 0:
            os.close(self.ready)


class Supervisor:
    """Starts `count` children, replaces those that die, and takes them down with it.

    Each child is a process of its own from the first instruction, so that no thread,
    event loop or database connection is shared. Its standard input is a pipe that we
    hold open: should we be killed, it reads the end and goes down as well.

    SIGHUP replaces the children one after another: a new one is started, and only when it
    answers an old one goes down, the next one when that is gone. All share the listening
    socket, so that nobody is refused meanwhile.
    """

    def __init__(self, listener: socket.socket, count: int, manage: Path, warn: Callable[[str], None]) -> None:
        self.listener = listener
        self.count = count
        self.command = [sys.executable, str(manage), "serve", "--listen-fd", str(listener.fileno())]
        self.warn = warn
        self.children: list[Child] = []
        self.outdated: list[Child] = []  # to be replaced, the first of them now
        self.substitute: Child | None = None  # for the first of them
        self.signals: list[int] = []
        self.is_stopping = False

    def run(self) -> None:
        """Returns when all children have ended after SIGTERM or SIGINT."""
        wakeup = self.watch_signals()
        self.fill_up()
        while self.children:
            self.wait(wakeup)
            self.obey_signals()
            self.reap()
            if not self.is_stopping:
                self.replace_the_outdated()
                self.fill_up()

    def watch_signals(self) -> int:
        """Gives a descriptor that can be read after a signal."""
        reader, writer = os.pipe()
        for end in (reader, writer):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(writer)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, lambda number, _frame: self.signals.append(number))
        return reader

    def wait(self, wakeup: int) -> None:
        """Until a signal came, a child answers, or one has to be killed."""
        unheard = {child.ready: child for child in self.children if child.ready >= 0}
        next_kill = min((child.kill_at for child in self.children), default=math.inf)
        seconds = None if next_kill == math.inf else max(0.0, next_kill - time.monotonic())
        readable, _, _ = select.select([wakeup, *unheard], [], [], seconds)
        for descriptor in readable:
            if descriptor == wakeup:
                os.read(wakeup, 1024)
            else:
                unheard[descriptor].hear()

    def obey_signals(self) -> None:
        while self.signals:
            number = self.signals.pop(0)
            if number in (signal.SIGTERM, signal.SIGINT):
                self.go_down()
            elif number == signal.SIGHUP:
                self.outdated = list(self.staying)

    def go_down(self) -> None:
        if not self.is_stopping:
            self.is_stopping = True
            self.listener.close()
        for child in self.children:
            child.go_down()

    @property
    def staying(self) -> list[Child]:
        return [child for child in self.children if child.kill_at == math.inf]

    def reap(self) -> None:
        """Takes note of the children that have ended, and ends those that should have."""
        for child in list(self.children):
            if child.process.poll() is not None:
                self.children.remove(child)
                child.forget()
                if child.kill_at == math.inf and not self.is_stopping:
                    self.mourn(child)
            elif time.monotonic() >= child.kill_at:
                child.process.kill()

    def mourn(self, child: Child) -> None:
        self.warn(f"Process {child.process.pid} ended with {child.process.returncode}; starting another")
        if child is self.substitute:
            self.warn("The processes are left as they are: the new one does not start")
            self.outdated, self.substitute = [], None
        elif time.monotonic() - child.started < STEADY_SECONDS:
            time.sleep(PAUSE_SECONDS)

    def replace_the_outdated(self) -> None:
        """Takes the next step, if it is time."""
        if self.outdated and self.outdated[0] not in self.children:
            self.outdated.pop(0)
            self.substitute = None
        if self.outdated and self.substitute is None:
            self.substitute = self.start_child()
        elif self.substitute and self.substitute.answers and self.outdated[0] in self.staying:
            self.outdated[0].go_down()

    def fill_up(self) -> None:
        while len(self.staying) < self.count:
            self.start_child()

    def start_child(self) -> Child:
        ready, theirs = os.pipe()
        command = [*self.command, "--ready-fd", str(theirs)]
        descriptors = [self.listener.fileno(), theirs]
        signal.pthread_sigmask(signal.SIG_BLOCK, OF_TERMINALS)
        try:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=descriptors)  # noqa: S603
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, OF_TERMINALS)
            os.close(theirs)
        self.children.append(Child(process, ready))
        return self.children[-1]
