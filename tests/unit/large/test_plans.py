"""However large a site is, what is asked all the time is answered from indexes.

Structure, not time: the real functions run on a site of some ten thousand rows, and of each statement that
they send the database tells how it means to carry it out. `python -m tests.load large` measures the times.
"""

from collections.abc import Iterator

import pytest
from django.db import connection, transaction
from pytest_django.plugin import DjangoDbBlocker

from tests.support.crowd import SMALL, fill
from tests.support.questions import QUESTIONS, Question, Site, site_of
from tests.support.statements import Plan, Statement, statements

pytestmark = pytest.mark.django_db

KEPT = [question for question in QUESTIONS if question.has_goal]
READ_WHOLE = {
    # All rooms are listed; of a room's numbered members (Django calls them so) the first are; the rest are parameters.
    "sqlite": {"chat_room", "qualify", "given", "json_each"},
    "postgresql": {"chat_room", "accounts_user", "accounts_accesstoken", "notifications_job", "realtime_deployment"},
}
NEVER_SORTED = {"chat_message", "notifications_notification", "notifications_inboxevent"}
INDEXES = ["message_own", "message_gone", "notification_of_user", "notification_unread", "notification_of_room"]
CONSTRAINTS = {
    "message_dense_seq": "chat_message",
    "message_changed_seq": "chat_message",
    "aside_once": "chat_aside",
    "reaction_once": "chat_reaction",
    "inboxevent_dense_seq": "notifications_inboxevent",
}


@pytest.fixture(scope="module")
def site(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Site]:
    """Filled once for this module, in a transaction that is taken back.

    PostgreSQL reads small tables whole and joins them by hashing, since that is faster there. Told to do so only
    where nothing else is possible, it shows whether something else is. Still it may choose so for the tables that
    are small here, which READ_WHOLE has therefore. SQLite has no statistics here, as on a site.
    """
    with django_db_blocker.unblock(), transaction.atomic():
        fill(SMALL)
        connection.check_constraints()
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE")
                for way in ("seqscan", "hashjoin", "mergejoin"):
                    cursor.execute(f"SET LOCAL enable_{way} = off")
                cursor.execute("SET LOCAL random_page_cost = 1.1")  # as with everything in memory
        yield site_of(SMALL)
        transaction.set_rollback(True)


def asked(question: Question, site: Site) -> list[Statement]:
    with transaction.atomic(), statements() as found:
        question.ask(site)
        transaction.set_rollback(True)
    return found


def complaints(question: Question, site: Site) -> list[str]:
    """What is wrong with how a question is answered."""
    found = asked(question, site)
    plans = [(statement, statement.plan()) for statement in found if not statement.writes]
    wrong = [f"{fault}: {statement.sql}\n{plan.text}" for statement, plan in plans for fault in faults(statement, plan)]
    if missing := question.indexes - {name for _, plan in plans for name in plan.indexes}:
        wrong.append(f"without {missing}: {[(statement.sql, plan.text) for statement, plan in plans]}")
    if len(found) > question.statements:
        wrong.append(f"{len(found)} statements")
    return wrong


def faults(statement: Statement, plan: Plan) -> Iterator[str]:
    if scanned := set(plan.scans) - READ_WHOLE[connection.vendor]:
        yield f"reads {scanned} whole"
    if plan.sorts and statement.table in NEVER_SORTED:
        yield "sorts"


@pytest.mark.parametrize("question", KEPT, ids=[question.name for question in KEPT])
def test_it_is_answered_from_indexes(site: Site, question: Question) -> None:
    assert complaints(question, site) == []


@pytest.mark.parametrize("index", [*INDEXES, *CONSTRAINTS])
def test_it_is_noticed_when_an_index_is_gone(site: Site, index: str) -> None:
    """The check above can fail. SQLite's constraints cannot be taken away."""
    if index in CONSTRAINTS and connection.vendor == "sqlite":
        pytest.skip("SQLite keeps a table's constraints")
    with transaction.atomic(), connection.cursor() as cursor:
        is_index = index in INDEXES
        cursor.execute(
            f"DROP INDEX {index}" if is_index else f"ALTER TABLE {CONSTRAINTS[index]} DROP CONSTRAINT {index}"
        )
        needing = next(question for question in KEPT if index in question.indexes)
        assert complaints(needing, site)
        transaction.set_rollback(True)
