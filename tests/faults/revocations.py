"""Access taken away while everybody talks. The checker tells whether anything was read or written after it."""

import asyncio
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence

from tests.faults.access import READ_LIMIT_SECONDS
from tests.faults.client import Client
from tests.faults.crowd import SECOND_SOCKETS
from tests.faults.journal import SignedOut
from tests.faults.registry import Context, fault
from tests.faults.scene import PEOPLE, Resident

INSISTS_SECONDS = 0.05  # between two posts of somebody who may not any more
CLOSED_SECONDS = READ_LIMIT_SECONDS + 2.0  # with slack for a machine that is busy with the run itself
REMOVED_AT_ONCE = 3
CSRF = "a" * 32


@fault(essential=True)
async def remove_members(context: Context) -> None:
    """Some at once, from a room in which they talk."""
    room = context.stage.scene.rooms["cellar"]
    crowd = context.crowd
    stream = f"room:{room}"
    here = [
        person.id
        for place, person in enumerate(crowd.people)
        if place and stream in crowd.streams(place) and (person.id, stream) not in crowd.is_out
    ]
    leaving = context.rng.sample(here, min(REMOVED_AT_ONCE, len(here)))
    await asyncio.gather(*(crowd.let_go(person, room) for person in leaving))
    await context.wait(2, 6, 1.5)
    away = [absence for absence in crowd.absences if absence.stream == stream and absence.ended is None]
    await asyncio.gather(*(crowd.let_in(absence) for absence in away))


@fault(essential=True)
async def sign_out(context: Context) -> None:
    """At a browser: its other tabs' sockets end."""
    place = context.rng.randrange(1, PEOPLE)

    def at_the_browser(person: Resident) -> None:
        data = urllib.parse.urlencode({"csrfmiddlewaretoken": CSRF}).encode()
        headers = {"Cookie": f"sessionid={person.session}; csrftoken={CSRF}"}
        request = urllib.request.Request(f"{context.stage.site.origin}/accounts/logout/", data, headers)
        with urllib.request.urlopen(request, timeout=10):
            pass

    await _take_away(context, place, at_the_browser, "signed out", ("/session", "/inbox"))


@fault(essential=True)
async def deactivate(context: Context) -> None:
    """As an administrator does, from a process that serves nobody."""
    place = context.rng.randrange(1, PEOPLE)

    def at_the_office(person: Resident) -> None:
        context.stage.clerk.ask("deactivate", person.id)

    await _take_away(context, place, at_the_office, "deactivated", ("",))


@fault()
async def revoke_token(context: Context) -> None:
    place = context.rng.choice(SECOND_SOCKETS[1:])

    def at_the_office(person: Resident) -> None:
        context.stage.clerk.ask("revoke", person.id)

    await _take_away(context, place, at_the_office, "token revoked", ("/token",))


async def _take_away(
    context: Context, place: int, commit: Callable[[Resident], None], how: str, clients: Sequence[str]
) -> None:
    """Does it under load and posts on; then gives a new identity, with which what was not accepted goes out."""
    crowd = context.crowd
    person = crowd.people[place]
    concerned = [client for client in crowd.of(person.id) if client.journal.name.endswith(tuple(clients))]
    before = {client: client.connection_number for client in concerned}
    await asyncio.to_thread(commit, person)
    gone = SignedOut(time.monotonic(), how)
    for client in concerned:
        client.journal.note(gone)
    while time.monotonic() < gone.at + CLOSED_SECONDS and _still_there(before):
        for client in concerned:
            if client in crowd.chatting:
                context.load.post(client)
        await asyncio.sleep(INSISTS_SECONDS)
    for client in _still_there(before):
        context.verdict.accuse("outside", f"{client.journal.name} is still connected {CLOSED_SECONDS} s after {gone}")
    await context.wait(0.5, 3, 0.2)
    await crowd.give_keys(place)


def _still_there(before: dict[Client, int]) -> list[Client]:
    """Those whose socket is the one that they had."""
    return [
        client
        for client, number in before.items()
        if client.connection is not None and client.connection_number == number
    ]
