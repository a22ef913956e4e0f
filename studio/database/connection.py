"""How the database is read and written, for everything here: transactions, locks, time-outs, and what an error becomes.

Every statement ends within `PATIENCE` seconds, also on a server that is frozen. After a database did not answer, pages
are told so at once for `REST` seconds instead of each waiting for it again; one that fails `SOON` is asked each time.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy import event, make_url

from studio.database.tables import upgrade
from studio.exceptions import NotSaved

log = logging.getLogger(__name__)

PATIENCE = 3.0
"""Seconds for a statement, for a lock, and for a free connection."""
CONNECT_PATIENCE = 2
"""Seconds for a connection to PostgreSQL; no shorter time is kept by its client."""
SOON, REST = 0.5, 1.0
RESTED = 1.0
"""Seconds after which a connection is asked whether it is still there, before it is used."""
CONNECTIONS = 24
"""Connections that a process has at most."""
POSTGRESQL = {
    "connect_timeout": CONNECT_PATIENCE,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds
}
"""So that a server that is gone without a word is noticed."""

LOCK = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:about, 0))")


class CommitInDoubt(NotSaved):
    """The database broke off during the commit: what was to be written may be on file, or may not."""


class Database:
    """One database, shared by every process that uses it. Raises `studio.exceptions.DatabaseTooNew` when it is opened.

    `clock` gives the time that is written. `reading` and `writing` raise `NotSaved` if the database cannot be used.
    """

    def __init__(self, url: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.now = clock
        opening = engine_for(url, patience=None)  # bringing a large library up to date may take minutes
        try:
            upgrade(opening)
        finally:
            opening.dispose()
        self.engine = engine_for(url)
        self.kind = self.engine.dialect.name
        self._writer = self.engine.execution_options(write=True)
        self._turn = threading.Lock()
        self._rests_until = 0.0
        self.answers = True
        """Whether it did when it was used last."""

    def close(self) -> None:
        """Close the connections."""
        self.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Read in one transaction."""
        with self._watched(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Write in one transaction: all of it or nothing. Raises `CommitInDoubt` if nobody can say which.

        SQLite's writers of one process take turns here, because SQLite itself lets them ask again and again.
        """
        with self._watched(), self._my_turn(), self._writer.connect() as connection:
            transaction = connection.begin()
            try:
                yield connection
            except BaseException:
                with suppress(sa.exc.SQLAlchemyError):
                    transaction.rollback()
                raise
            try:
                transaction.commit()
            except sa.exc.IntegrityError:
                raise
            except sa.exc.SQLAlchemyError as error:
                raise CommitInDoubt from error

    def one_at_a_time(self, connection: sa.Connection, *about: str) -> None:
        """Let one transaction at a time decide about the same thing; SQLite's writers take turns anyway."""
        if self.kind == "postgresql":
            connection.execute(LOCK, {"about": " ".join(about)})

    def identity(self, connection: sa.Connection) -> str:
        """Return what tells this database from a copy: the file's number on its disk, or the table's in its server."""
        if self.kind == "postgresql":
            database = "(SELECT oid FROM pg_database WHERE datname = current_database())"
            query = sa.text(f"SELECT {database} || ' ' || 'attempts'::regclass::oid")
            return str(connection.execute(query).scalar())
        name = self.engine.url.database
        if not name or name == ":memory:":
            return ""
        file = Path(name).stat()
        return f"{file.st_dev} {file.st_ino}"

    @contextmanager
    def _watched(self) -> Iterator[None]:
        began = time.monotonic()
        if began < self._rests_until:
            raise NotSaved
        try:
            yield
        except sa.exc.IntegrityError:
            raise
        except (sa.exc.SQLAlchemyError, CommitInDoubt) as error:
            cause = error.__cause__ if isinstance(error, CommitInDoubt) else error
            if isinstance(cause, sa.exc.OperationalError | sa.exc.InterfaceError | sa.exc.TimeoutError):
                if self.answers:
                    log.error("The database does not answer: %s", _first_line(cause))
                self.answers = False
                if time.monotonic() - began > SOON:
                    self._rests_until = time.monotonic() + REST
            else:
                log.error("The database could not be used.", exc_info=error)
            if isinstance(error, CommitInDoubt):
                raise
            raise NotSaved from error
        if not self.answers:
            self.answers = True
            log.warning("The database answers again.")

    @contextmanager
    def _my_turn(self) -> Iterator[None]:
        if self.kind != "sqlite":
            yield
            return
        if not self._turn.acquire(timeout=PATIENCE):
            raise sa.exc.TimeoutError("another writer of this process did not finish in time")
        try:
            yield
        finally:
            self._turn.release()


def engine_for(url: str, patience: float | None = PATIENCE) -> sa.Engine:
    """Return an engine whose transactions are real ones on SQLite too: its writers take their turn from the start."""
    address = _address(url)
    pool: dict[str, Any] = {"pool_size": CONNECTIONS // 2, "max_overflow": CONNECTIONS // 2, "pool_timeout": PATIENCE}
    if address.get_backend_name() != "sqlite":
        return _postgresql(address, patience, pool)
    if address.database and address.database != ":memory:":
        Path(address.database).parent.mkdir(parents=True, exist_ok=True)
    return _sqlite(address, patience or 30.0, pool if address.database not in (None, "", ":memory:") else {})


def _address(url: str) -> sa.URL:
    """Read DATABASE_URL. A folder that is really called `a%2Fb` is meant as it is, although addresses are coded."""
    address = make_url(url)
    if address.drivername in ("postgres", "postgresql"):
        return address.set(drivername="postgresql+psycopg")
    literally = url.partition(":///")[2].partition("?")[0]
    if address.get_backend_name() == "sqlite" and "%" in literally and Path(literally).parent.is_dir():
        return address.set(database=literally)
    return address


def _postgresql(address: sa.URL, patience: float | None, pool: dict[str, Any]) -> sa.Engine:
    class Bounded(psycopg.Connection[Any]):
        """A connection whose statements end also if the server does not answer; one that did not is closed."""

        def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
            try:
                return super().wait(gen, interval, timeout or patience)
            except psycopg.errors._WaitTimeout as error:
                self.pgconn.finish()
                raise psycopg.OperationalError("the database did not answer in time") from error

    options = dict(address.translate_connect_args(username="user", database="dbname")) | dict(address.query)
    # Nothing is prepared: a plan that suits a common word is a hundred times too slow for a rare one.
    options = POSTGRESQL | options | {"prepare_threshold": None}
    engine = sa.create_engine(address, creator=lambda: Bounded.connect(**options), hide_parameters=True, **pool)

    @event.listens_for(engine, "checkin")
    def note(connection: Any, record: Any) -> None:
        record.info["used"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def ask(connection: Any, record: Any, proxy: object) -> None:
        """Ask a connection that rested whether it is still there; SQLAlchemy takes another one if not."""
        if time.monotonic() - record.info.get("used", time.monotonic()) > RESTED:
            try:
                connection.execute("")
                connection.rollback()
            except psycopg.Error as error:
                raise sa.exc.DisconnectionError from error

    return engine


def sqlite_file(path: str) -> sa.Engine:
    """Return an engine for a file beside the database whose loss costs nothing: no commit of it waits for the disk."""
    engine = sa.create_engine(sa.URL.create("sqlite", database=path), max_overflow=100, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, record: object) -> None:
        connection.isolation_level = "IMMEDIATE"
        connection.execute("PRAGMA busy_timeout=30000")
        _write_ahead(connection)
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA foreign_keys=ON")

    return engine


def _sqlite(address: sa.URL, patience: float, pool: dict[str, Any]) -> sa.Engine:
    engine = sa.create_engine(address, hide_parameters=True, **pool)  # a log is no place for what people wrote

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, record: object) -> None:
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout={round(patience * 1000)}")
        _write_ahead(connection)
        connection.execute("PRAGMA synchronous=FULL")

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("write") else "BEGIN")

    return engine


def _write_ahead(connection: Any) -> None:
    """Ask again while another process opens the same new file: for this one change SQLite does not wait."""
    for _ in range(200):
        with suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA journal_mode=WAL")
            return
        time.sleep(0.05)


def _first_line(error: BaseException | None) -> str:
    return str(error).partition("\n")[0][:300]
