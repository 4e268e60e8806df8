"""The load generator (load/) as a process of its own, which says what it reaches."""

import json
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MISTAKES = {
    "lost": "{} deliveries lost",
    "extra": "{} deliveries too many",
    "disordered": "another order at {} members",
    "astray": "{} deliveries to the wrong place",
    "garbled": "{} frames not understood",
    "dropped": "{} connections dropped",
    "absent": "{} connections not made",
    "refused": "{} posts refused",
    "unanswered": "{} posts unanswered",
    "resets": "{} cursors not continued",
}


class GeneratorError(RuntimeError):
    """It could not do its work; the text has what it said."""


class Generator:
    """`with Generator(program, options) as generator: generator.until("ready")`

    `options` are those of load/main.c. Events come in this order: ready, begin and end of the
    measured time, report; in idle work ready, and report once `leave` was called.
    """

    def __init__(self, program: Path, options: Mapping[str, object]) -> None:
        words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
        self.command = [str(program), *words]

    def __enter__(self) -> "Generator":
        self.said = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.said, text=True
        )
        return self

    def __exit__(self, *exception: object) -> None:
        self.process.kill()
        self.process.wait()
        for file in (self.process.stdin, self.process.stdout, self.said):
            if file:
                file.close()

    def until(self, name: str) -> dict[str, Any]:
        """Waits for an event; returns what it says."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            event: dict[str, Any] = json.loads(line)
            if event["event"] == name:
                return event
        self.process.wait()
        raise GeneratorError(f"the load generator ended before “{name}”: {self._errors()}")

    def leave(self) -> None:
        """Ends idle work."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def _errors(self) -> str:
        self.said.seek(0)
        return self.said.read().strip() or f"exit code {self.process.returncode}"


def mistakes(report: Mapping[str, Any]) -> list[str]:
    """What was wrong in a run, in words; nothing where everybody heard everything once and in order."""
    return [text.format(f"{report[key]:,}") for key, text in MISTAKES.items() if report[key]]
