"""Whose turn it is to write, that nobody keeps it, and what an error does to a file that is kept open."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError, close_old_connections, connection, transaction

from accounts.models import User
from chatsite.sqlite3 import base
from chatsite.sqlite3.turns import Turn, turn_of
from tests.support import stack

WAIT_SECONDS = 20

on_sqlite = pytest.mark.skipif(stack.STACK != "sqlite", reason="SQLite's writers")


def test_it_is_given_in_the_order_of_asking() -> None:
    turn, order = Turn(), list[int]()
    assert turn.take(0)

    def stand(number: int) -> None:
        assert turn.take(WAIT_SECONDS)
        order.append(number)
        turn.give()

    line = []
    for number in range(5):
        line.append(threading.Thread(target=stand, args=(number,)))
        line[-1].start()
        while len(turn._waiting) <= number:
            line[-1].join(0.001)
    turn.give()
    for thread in line:
        thread.join(WAIT_SECONDS)
    assert order == [0, 1, 2, 3, 4]
    assert turn.take(0)


def test_who_waited_too_long_leaves_the_line() -> None:
    turn = Turn()
    assert turn.take(0)
    assert not turn.take(0.01)
    turn.give()
    assert turn.take(0)


@on_sqlite
@pytest.mark.django_db(transaction=True)
def test_the_turn_is_given_back_however_a_transaction_ends(alice: User) -> None:
    turn = turn_of(connection.settings_dict["NAME"])
    with transaction.atomic():
        User.objects.filter(pk=alice.pk).update(display_name="Alicia")
        assert not turn.take(0)
    assert is_free(turn)
    with pytest.raises(ValueError), transaction.atomic():
        raise ValueError
    assert is_free(turn)
    with pytest.raises(OperationalError), transaction.atomic():
        connection.cursor().execute("UPDATE nowhere SET a = 1")
    assert is_free(turn)
    User.objects.filter(pk=alice.pk).update(display_name="Alice")
    assert is_free(turn)
    with transaction.atomic():
        connection.close()
    assert is_free(turn)


def is_free(turn: Turn) -> bool:
    if free := turn.take(0):
        turn.give()
    return free


@on_sqlite
@pytest.mark.django_db(transaction=True)
def test_who_gets_no_turn_hears_that_the_database_is_busy(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "BUSY_SECONDS", 0.05)

    def write_elsewhere() -> None:
        try:
            User.objects.filter(pk=alice.pk).update(display_name="Alicia")
        finally:
            connection.close()

    def read_elsewhere() -> str:
        try:
            return User.objects.get(pk=alice.pk).display_name
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        User.objects.filter(pk=alice.pk).update(display_name="Al")
        with pytest.raises(OperationalError) as refused:
            pool.submit(write_elsewhere).result(WAIT_SECONDS)
        assert base.is_busy(refused.value)
        assert pool.submit(read_elsewhere).result(WAIT_SECONDS) == "Alice"  # who reads waits for nobody


@on_sqlite
@pytest.mark.django_db(transaction=True)
def test_a_kept_file_is_opened_anew_after_an_error() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    kept = connection.connection
    close_old_connections()
    assert connection.connection is kept
    with pytest.raises(OperationalError), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM nowhere")
    close_old_connections()
    assert connection.connection is None
