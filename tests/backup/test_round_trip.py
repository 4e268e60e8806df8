"""A site goes into a file while people write, and comes out of it somewhere else."""

import asyncio
import stat
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.backup.contents import contents, epoch_of, execute, give_picture, history, refusal, run, run_python, say
from tests.support.cast import Person
from tests.support.sites import Site
from tests.support.sockets import WsClient

BEFORE = 20  # messages that are acknowledged when the backup begins


class Posting:
    """People who post without end; `acknowledged` has what was, in no particular order."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.acknowledged: list[str] = []
        self._news = asyncio.Condition()

    async def __aenter__(self) -> "Posting":
        self._tasks = [asyncio.create_task(self._post(self.site.people[name])) for name in ("alice", "bob")]
        await self.more(BEFORE)
        return self

    async def __aexit__(self, *exception: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def more(self, count: int) -> None:
        """Returns when that many more were acknowledged."""
        goal = len(self.acknowledged) + count
        async with self._news, asyncio.timeout(30):
            await self._news.wait_for(lambda: len(self.acknowledged) >= goal)

    async def _post(self, person: Person) -> None:
        async with WsClient(self.site.ws_url("/ws/chat/"), person.cookie) as client:
            while True:
                client_id = str(uuid.uuid4())
                await client.request("message.post", room=self.site.room["id"], client_id=client_id, body=client_id)
                async with self._news:
                    self.acknowledged.append(client_id)
                    self._news.notify_all()


async def test_a_backup_made_while_people_post_has_one_moment_of_the_site(
    make_site: Callable[..., Site], make_still_site: Callable[[], Site], file: Path
) -> None:
    site, other = make_site(RATE_LIMITS="off"), make_still_site()
    async with Posting(site) as posting:
        before = list(posting.acknowledged)
        await asyncio.to_thread(site.manage, "backup", str(file))
        await posting.more(BEFORE)  # the site goes on
    await asyncio.to_thread(other.manage, "restore", str(file), "--yes")
    await asyncio.to_thread(other.start)
    told, restored = await asyncio.to_thread(all_told, site), await asyncio.to_thread(all_told, other)
    assert restored == told[: len(restored)]
    assert set(before) <= {client_id for _, client_id in restored}
    assert len(restored) < len(told)


def all_told(site: Site) -> list[tuple[int, str]]:
    """The room's messages from the first on: (seq, client_id)."""
    told: list[tuple[int, str]] = []
    while True:
        after = told[-1][0] if told else 0
        path = f"/api/rooms/{site.room['id']}/messages?after={after}&limit=100"
        _, page = site.call("GET", path, site.people["alice"])
        told += [(message["seq"], message["client_id"]) for message in page["messages"]]
        if not page["messages"]:
            assert [seq for seq, _ in told] == list(range(1, len(told) + 1))
            return told


def test_what_comes_out_is_what_went_in(
    make_site: Callable[..., Site], make_still_site: Callable[[], Site], file: Path
) -> None:
    site, other = make_site(), make_still_site()
    say(site, "one", "two", "drei 🎉")
    give_picture(site, "avatars/1-00112233445566ff.webp", b"\0\xffRIFF" * 100_000)
    give_picture(site, "deep/er/empty.bin", b"")
    give_picture(other, "avatars/9-aaaaaaaaaaaaaaaa.webp", b"of nobody here")
    (other.var / "secret_key").write_text("another site's key, which is long enough to be one\n")
    asyncio.run(follows_room(site, site.people["alice"]))  # now it has an epoch
    site.stop()
    site.manage("backup", str(file))
    there = contents(site)
    assert len(there.tables["chat_message"]) == 3
    other.manage("restore", str(file), "--yes")
    assert contents(other) == there == contents(site)
    assert epoch_of(other) not in (None, epoch_of(site))
    assert leftovers(site) == leftovers(other) == []
    other.start()
    assert history(other) == ["one", "two", "drei 🎉"]
    assert asyncio.run(follows_room(other, other.people["bob"])) == 3  # by the session that was backed up


async def follows_room(site: Site, person: Person) -> int:
    """The room's head, for somebody with a browser's session."""
    async with WsClient(site.ws_url("/ws/chat/"), person.cookie) as client:
        ok = await client.request("stream.subscribe", stream=f"room:{site.room['id']}", after=0)
        return int(ok["head"])


def leftovers(site: Site) -> list[str]:
    hidden = [path.name for path in site.var.iterdir() if path.name.startswith(".")]
    return hidden + [path.name for path in site.var.parent.parent.glob(".*")]


@pytest.mark.one_stack
def test_only_the_owner_reads_a_backup_and_the_key_in_it(make_still_site: Callable[[], Site], file: Path) -> None:
    site, other = make_still_site(), make_still_site()
    umask = ["-c", "import os, sys; os.umask(0); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"]
    (other.var / "secret_key").write_text("another site's key, which is long enough to be one\n")
    assert run_python(site, *umask, "manage.py", "backup", str(file)).returncode == 0
    assert run_python(other, *umask, "manage.py", "restore", str(file), "--yes").returncode == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((other.var / "secret_key").stat().st_mode) == 0o600
    assert (other.var / "secret_key").read_bytes() == (site.var / "secret_key").read_bytes()


def test_an_older_backup_is_brought_up_to_date(make_still_site: Callable[[], Site], file: Path) -> None:
    site, other = make_still_site(), make_still_site()
    newest, applied = contents(site).tables.keys(), migrations_of(site)
    site.manage("migrate", "usersessions", "zero", "--verbosity=0")
    assert contents(site).tables.keys() != newest
    assert migrations_of(site) < applied
    site.manage("backup", str(file))
    other.manage("restore", str(file), "--yes")
    assert contents(other).tables.keys() == newest
    assert migrations_of(other) == applied


def migrations_of(site: Site) -> set[tuple[str, str]]:
    return set(site.rows("SELECT app, name FROM django_migrations"))


@pytest.mark.one_stack
def test_one_that_cannot_be_brought_up_to_date_changes_nothing(make_still_site: Callable[[], Site], file: Path) -> None:
    site, other = make_still_site(), make_still_site()
    site.manage("migrate", "usersessions", "zero", "--verbosity=0")
    execute(site, "CREATE TABLE usersessions_usersession (id integer)")  # in the migration's way
    give_picture(site, "avatars/1-00112233445566ff.webp", b"new")
    site.manage("backup", str(file))
    before, epoch = contents(other), epoch_of(other)
    assert "already exists" in refusal(other, "restore", str(file), "--yes")
    assert (contents(other), epoch_of(other)) == (before, epoch)


@pytest.mark.one_stack
def test_a_file_that_is_there_is_kept_unless_told(make_still_site: Callable[[], Site], file: Path) -> None:
    """Where there is no terminal nobody sees progress."""
    site = make_still_site()
    file.write_text("dear")
    assert (run(site, "backup", str(file)).returncode, file.read_text()) == (1, "dear")
    done = run(site, "backup", str(file), "--force")
    assert (done.returncode, done.stderr) == (0, "")
    assert file.read_bytes() != b"dear"
