"""A million messages in 500 rooms: how long the database takes for what is asked of it all the time."""

import asyncio
import os
import statistics
import tempfile
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from tests.load.figures import Goal, Outcome, ms
from tests.support import servers, stack

if TYPE_CHECKING:
    from tests.support.questions import Question, Site

RUNS = 20
GOAL_SECONDS = 0.010
HEADER = ("what", "statements", "rows", "median", "max", "processor", "of these the slowest", "its first step")


async def run(quick: bool) -> Outcome:
    return await asyncio.to_thread(_measured, quick)


def _measured(quick: bool) -> Outcome:
    with ExitStack() as resources:
        folder = resources.enter_context(tempfile.TemporaryDirectory(prefix="chat-large-"))
        os.environ.update(VAR_DIR=folder, DATABASE_URL="", REDIS_URL="")
        if stack.STACK == "pg":
            os.environ["DATABASE_URL"] = resources.enter_context(servers.postgres_server(durable=True)).url
        _set_up(quick)
        from django.db import connections

        resources.callback(connections.close_all)
        return _answers(quick)


def _set_up(quick: bool) -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatsite.settings")
    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from tests.support.crowd import LARGE, SMALL, fill

    call_command("migrate", verbosity=0)
    size = SMALL if quick else LARGE
    began = time.monotonic()
    fill(size)
    print(f"{size}: filled in {time.monotonic() - began:.0f} s", flush=True)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE)")  # as autovacuum does within a minute
            cursor.execute("ALTER DATABASE postgres SET random_page_cost = 1.1")  # as docs/operations.md advises
        connection.close()
        connection.close_pool()  # new connections have that setting


def _answers(quick: bool) -> Outcome:
    from tests.support.crowd import LARGE, SMALL
    from tests.support.questions import QUESTIONS, site_of

    site = site_of(SMALL if quick else LARGE)
    rows, goals = [], []
    for question in QUESTIONS:
        row, seconds = _answer(question, site)
        rows.append(row)
        if question.has_goal:
            goals.append(Goal(f"{question.name}: {ms(seconds)} ≤ {ms(GOAL_SECONDS)}", seconds <= GOAL_SECONDS))
    return Outcome(HEADER, rows, goals)


def _answer(question: "Question", site: "Site") -> tuple[list[object], float]:
    """Its row and the median; each run is the sum of its statements, each of which is carried out alone."""
    from django.db import transaction

    from tests.support.statements import statements

    with transaction.atomic(), statements() as found:
        question.ask(site)
        transaction.set_rollback(True)
    spent = [[statement.carry_out() for _ in range(RUNS)] for statement in found]
    medians = [statistics.median(each.seconds for each in runs) for runs in spent]
    slowest = found[medians.index(max(medians))]
    sums = [sum(each.seconds for each in run) for run in zip(*spent, strict=True)]
    processor = statistics.median(sum(each.processor_seconds for each in run) for run in zip(*spent, strict=True))
    row = [
        question.name,
        len(found),
        sum(runs[0].rows for runs in spent),
        ms(statistics.median(sums)),
        ms(max(sums)),
        ms(processor),
        f"{slowest.sql.split()[0]} {slowest.table} {ms(max(medians))}",
        slowest.plan().beginning,
    ]
    return row, statistics.median(sums)
