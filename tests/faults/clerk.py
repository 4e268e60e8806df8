"""A process beside the site that knows its database: it makes the scene, takes identities away and reads the truth.

It lives as long as the run, since each start of Django costs seconds. As a program it reads
commands from standard input, a JSON list a line, and answers each with a line of JSON.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

from tests.support.sites import ROOT


class Clerk:
    """`with Clerk(site.environ) as clerk: clerk.ask("revoke", person)`; may be asked from any thread."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.environ = environ
        self._one_at_a_time = threading.Lock()

    def __enter__(self) -> "Clerk":
        command = [sys.executable, "-m", "tests.faults.clerk"]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=self.environ, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.communicate()  # the end of its input is the end of its work

    def ask(self, command: str, *arguments: object) -> Any:
        """What the function of that name below returns; raises `RuntimeError` where it failed."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        with self._one_at_a_time:
            stdin.write(json.dumps([command, *arguments]) + "\n")
            stdin.flush()
            answer = json.loads(stdout.readline() or '{"problem": "the clerk has ended"}')
        if "problem" in answer:
            raise RuntimeError(f"{command}: {answer['problem']}")
        return answer["found"]


def serve() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatsite.settings")
    django.setup()
    from django.db import connection

    from tests.faults import scene, truth

    commands: dict[str, Callable[..., Any]] = {
        "make": scene.make,
        "revoke": scene.revoke,
        "deactivate": scene.deactivate,
        "renew": scene.renew,
        "truth": truth.from_database,
    }
    for line in sys.stdin:
        command, *arguments = json.loads(line)
        try:
            answer = {"found": commands[command](*arguments)}
        except Exception as error:
            answer = {"problem": repr(error)}
        finally:
            connection.close()
            if close_pool := getattr(connection, "close_pool", None):
                close_pool()  # whose connections a restart of PostgreSQL would have ended
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
