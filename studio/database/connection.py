"""Transactions, locks and time-outs of the database, and what its errors become. All reads and writes go through here.

Every statement ends within `PATIENCE` seconds, also on a frozen server. A transaction that failed after more than
`SOON` seconds lets others fail at once for `REST` seconds, so that not every page waits for the time-out; unless the
database has answered another meanwhile.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
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
"""Seconds to connect to PostgreSQL; its client rounds anything shorter up."""
SOON, REST = 0.5, 1.0
RESTED, TESTED = 1.0, 1.0
"""A connection that was idle for so many seconds is tested before it is used, for at most so many."""
CONNECTIONS = 24
"""Connections of a process, at most."""
POSTGRESQL = {
    "connect_timeout": CONNECT_PATIENCE,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds
}
"""So that a server that vanished without closing its connections is noticed."""

LOCK = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:about, 0))")


class CommitInDoubt(NotSaved):
    """The database broke off during the commit, so it is not known whether the transaction was written."""


class Database:
    """One database, shared by every process that uses it. Raises `studio.exceptions.DatabaseTooNew` when it is opened.

    `clock` returns the time for all that is written. `reading` and `writing` raise `NotSaved` if it cannot be used.
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
        self._rests_until, self._answered_at = 0.0, 0.0
        self.answers = True
        """Whether it answered when it was used last."""

    def close(self) -> None:
        """Close the connections."""
        self.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Read in one transaction."""
        with self._translating_errors(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Write in one transaction. Raises `CommitInDoubt` if it is not known whether that was committed.

        SQLite's writers of one process wait for a lock of ours, because SQLite itself lets them poll for its own.
        """
        with self._translating_errors(), self._writer_turn(), self._writer.connect() as connection:
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

    def outside_transaction(self, statement: str, *, locks: bool = True) -> Sequence[Any]:
        """Run a statement of SQLite's that no transaction may have; return the first row.

        One that `locks` runs in a writer's turn. It never waits for other connections: writers would wait with it.
        """
        turn = self._writer_turn() if locks else nullcontext()
        with self._translating_errors(), turn, closing(self.engine.raw_connection()) as connection:
            cursor = connection.cursor()
            patience = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
            cursor.execute("PRAGMA busy_timeout=0")
            try:
                return cursor.execute(statement).fetchone() or ()
            except sqlite3.Error as error:
                raise NotSaved from error
            finally:
                cursor.execute(f"PRAGMA busy_timeout={patience}")

    def serialize(self, connection: sa.Connection, *about: str) -> None:
        """Lock these words until the transaction ends. SQLite has one writer at a time anyway."""
        if self.kind == "postgresql":
            connection.execute(LOCK, {"about": " ".join(about)})

    def identity(self, connection: sa.Connection) -> str:
        """Return what a copy of this database has otherwise: the file's inode, or the table's OID in its server."""
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
    def _translating_errors(self) -> Iterator[None]:
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
                    log.error("The database does not answer: %s", str(cause).partition("\n")[0][:300])
                self.answers = False
                if time.monotonic() - began > SOON and self._answered_at < began:
                    self._rests_until = time.monotonic() + REST
            else:
                log.error("The database could not be used.", exc_info=error)
            if isinstance(error, CommitInDoubt):
                raise
            raise NotSaved from error
        self._rests_until, self._answered_at = 0.0, time.monotonic()
        if not self.answers:
            self.answers = True
            log.warning("The database answers again.")

    @contextmanager
    def _writer_turn(self) -> Iterator[None]:
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
    """Return an engine; on SQLite its writing transactions take the write lock when they begin."""
    address = _address(url)
    pool: dict[str, Any] = {"pool_size": CONNECTIONS // 2, "max_overflow": CONNECTIONS // 2, "pool_timeout": PATIENCE}
    if address.get_backend_name() != "sqlite":
        return _postgresql(address, patience, pool)
    if address.database and address.database != ":memory:" and "uri" not in address.query:
        Path(address.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        make_private(Path(address.database))
    return _sqlite(address, patience or 30.0, pool if address.database not in (None, "", ":memory:") else {})


def make_private(file: Path) -> None:
    """Make a SQLite file that only its owner can read and write; SQLite gives its `-wal` and `-shm` the same mode.

    The key of the browsers' cookies lies beside it, and is closed to others with it. A SQLite file that is
    there is never opened here: closing it would end this process's locks on it.
    """
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    if os.name != "posix":
        return
    beside = [Path(f"{file}{end}") for end in ("", "-wal", "-shm", "-cookie-key")]
    there = [path for path in beside if path.exists()]
    wide = [path for path in there if stat.S_IMODE(path.stat().st_mode) & 0o077]
    try:
        for path in wide:
            path.chmod(0o600)
    except OSError:
        log.error("Others on this machine may read %s, and its mode cannot be changed.", file)
    else:
        if wide:
            log.warning("Others on this machine could read %s; now only its owner can.", file)


def _address(url: str) -> sa.URL:
    """Parse DATABASE_URL. The name of a folder that exists is not decoded, even if it has a `%2F` in it."""
    address = make_url(url)
    if address.drivername in ("postgres", "postgresql"):
        return address.set(drivername="postgresql+psycopg")
    literally = url.partition(":///")[2].partition("?")[0]
    if address.get_backend_name() == "sqlite" and "%" in literally and Path(literally).parent.is_dir():
        return address.set(database=literally)
    return address


def _postgresql(address: sa.URL, most: float | None, pool: dict[str, Any]) -> sa.Engine:
    class Bounded(psycopg.Connection[Any]):
        """A connection whose statements time out even if the server is frozen; then it is closed."""

        patience = most

        def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
            try:
                return super().wait(gen, interval, timeout or self.patience)
            except psycopg.errors._WaitTimeout as error:
                self.pgconn.finish()
                raise psycopg.OperationalError("the database did not answer in time") from error

    options = dict(address.translate_connect_args(username="user", database="dbname")) | dict(address.query)
    # No statement is prepared: a plan for a common word is a hundred times too slow for a rare one.
    options = POSTGRESQL | options | {"prepare_threshold": None}
    engine = sa.create_engine(address, creator=lambda: Bounded.connect(**options), hide_parameters=True, **pool)

    @event.listens_for(engine, "checkin")
    def note(connection: Any, record: Any) -> None:
        record.info["used"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def ask(connection: Any, record: Any, proxy: object) -> None:
        """Test a connection that was idle; SQLAlchemy takes another one if it fails."""
        if time.monotonic() - record.info.get("used", time.monotonic()) > RESTED:
            connection.patience = TESTED
            try:
                connection.execute("")
                connection.rollback()
            except psycopg.Error as error:
                raise sa.exc.DisconnectionError from error
            connection.patience = most

    return engine


def sqlite_file(path: str) -> sa.Engine:
    """Return an engine for a SQLite file that may be lost: its commits do not wait for the disk."""
    make_private(Path(path))
    engine = sa.create_engine(sa.URL.create("sqlite", database=path), max_overflow=100, hide_parameters=True)
    _prepare_connections(engine, "IMMEDIATE", 30.0, "synchronous=OFF", "foreign_keys=ON")
    return engine


def _sqlite(address: sa.URL, patience: float, pool: dict[str, Any]) -> sa.Engine:
    engine = sa.create_engine(address, hide_parameters=True, **pool)  # what people wrote stays out of logs
    _prepare_connections(engine, None, patience, "synchronous=FULL", "secure_delete=ON")

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("write") else "BEGIN")

    return engine


def _prepare_connections(engine: sa.Engine, isolation_level: str | None, patience: float, *pragmas: str) -> None:
    @event.listens_for(engine, "connect")
    def prepare(connection: Any, record: object) -> None:
        connection.isolation_level = isolation_level
        connection.execute(f"PRAGMA busy_timeout={round(patience * 1000)}")
        for _ in range(200):  # while another process opens the same new file: SQLite does not wait for this lock
            with suppress(sqlite3.OperationalError):
                connection.execute("PRAGMA journal_mode=WAL")
                break
            time.sleep(0.05)
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")
