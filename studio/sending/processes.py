"""The processes at work on a database, told by their heartbeats: which are alive, and which are gone."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from studio.database.connection import Database
from studio.database.tables import executors
from studio.sending import rate_limit, sql_statements

LEASE = timedelta(seconds=8)
"""A process without a heartbeat for this long is gone. Being wrong sends nothing twice: see `Store.finish`."""


class Processes:
    """The processes of one database, by their IDs. Raises `NotSaved` where the database cannot be used."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._now = database.now

    def heartbeat(self, executor: str) -> None:
        """Note that this process is alive, and delete departures that count for no rate limit any more."""
        with self._database.writing() as connection:
            connection.execute(rate_limit.FORGET_OLD_DEPARTURES, {"old": self._now() - rate_limit.MOST_KEPT})
            if not connection.execute(sql_statements.STILL_ALIVE, {"this": executor, "now": self._now()}).rowcount:
                connection.execute(sa.insert(executors).values(id=executor, seen_at=self._now()))

    def unregister(self, executor: str) -> None:
        """Take a process off the list."""
        with self._database.writing() as connection:
            connection.execute(sa.delete(executors).where(executors.c.id == executor))

    def unregister_if_gone(self, executor: str) -> bool:
        """Take a process off the list if it is gone; return whether it was, and this caller took it off."""
        with self._database.writing() as connection:
            gone = sa.and_(executors.c.id == executor, executors.c.seen_at <= self._now() - LEASE)
            return bool(connection.execute(sa.delete(executors).where(gone)).rowcount)

    def listed(self) -> set[str]:
        """Return the processes that are on the list, gone or not."""
        with self._database.reading() as connection:
            return set(connection.execute(sa.select(executors.c.id)).scalars())

    def gone(self) -> list[str]:
        """Return the processes on the list whose last heartbeat is older than `LEASE`."""
        with self._database.reading() as connection:
            return list(connection.execute(sql_statements.GONE_PROCESSES, {"moment": self._now() - LEASE}).scalars())
