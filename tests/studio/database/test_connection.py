"""What a database that does not answer means for the transactions that follow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from studio.database import connection
from studio.database.connection import REST, SOON, Database
from studio.exceptions import NotSaved

GONE = sa.exc.OperationalError("SELECT 1", {}, Exception("the server is gone"))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The time of the transactions, which a test sets."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(connection, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


@pytest.fixture
def database(clock: SimpleNamespace, tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/studio.db")
    yield database
    database.close()


def works(database: Database) -> bool:
    try:
        with database.reading() as reader:
            return reader.execute(sa.text("SELECT 1")).scalar() == 1
    except NotSaved:
        return False


def fail(database: Database, clock: SimpleNamespace, seconds: float, *, answers_another: bool = False) -> None:
    """Let a transaction fail after so many seconds, in which the database answers another or not."""
    with suppress(NotSaved), database.reading():
        clock.now += seconds
        if answers_another:
            assert works(database)
        raise GONE


def test_after_a_long_failure_others_fail_at_once_for_a_moment(database: Database, clock: SimpleNamespace) -> None:
    fail(database, clock, SOON * 2)
    assert not works(database)
    clock.now += REST
    assert works(database)


def test_after_a_short_failure_they_do_not(database: Database, clock: SimpleNamespace) -> None:
    fail(database, clock, SOON / 2)
    assert works(database)


def test_nor_if_the_database_answered_another_meanwhile(database: Database, clock: SimpleNamespace) -> None:
    fail(database, clock, SOON * 2, answers_another=True)
    assert works(database)
