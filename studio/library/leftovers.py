"""What SQLite keeps of texts that were deleted, and its removal: the index's words, free pages, the write-ahead log.

`mark` notes it in the database itself, in the transaction that deletes, so that a crash forgets nothing.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable

import sqlalchemy as sa

from studio.database.connection import Database
from studio.exceptions import NotSaved

log = logging.getLogger(__name__)

MERGED_AT_ONCE = 500
"""Pages of the search index that one transaction merges."""
MOST_VACUUMED = 32 * 1024 * 1024
"""Bytes in use of a SQLite file that is written anew; nobody else can write meanwhile (0.2 s were measured)."""
USED = (
    "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
)


def mark(connection: sa.Connection) -> None:
    """Note in a transaction of SQLite's that it deletes texts. Each mark is another, so a newer one is noticed."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA user_version={1 + secrets.randbelow(2**31 - 1)}")


def merge_search_index(database: Database, closing: Callable[[], bool] = lambda: False) -> None:
    """Merge SQLite's index in steps: only then FTS5 drops the words of texts that were changed or deleted."""
    merge = "INSERT INTO attempts_words (attempts_words, rank) VALUES ('merge', {})"
    pages, more = -MERGED_AT_ONCE, database.kind == "sqlite"  # a negative number begins to merge the whole index
    while more and not closing():
        with database.writing() as connection:
            before = connection.exec_driver_sql("SELECT total_changes()").scalar_one()
            connection.exec_driver_sql(merge.format(pages))
            more = connection.exec_driver_sql("SELECT total_changes()").scalar_one() - before >= 2
        pages = MERGED_AT_ONCE


class Leftovers:
    """What was marked in a database. `closing` says whether the program ends."""

    def __init__(self, database: Database, closing: Callable[[], bool]) -> None:
        self._database = database
        self._closing = closing
        self._mark = 0
        self._steps: list[Callable[[], None]] = []
        """What is still to be done for this mark."""

    def remove(self) -> None:
        """Remove them. Raises `NotSaved` where a step has to wait; the next call goes on with that step."""
        if self._database.kind != "sqlite":
            return
        with self._database.reading() as connection:
            found = _mark_in(connection)
        if found != self._mark:
            self._mark = found
            self._steps = [self._merge, self._vacuum, self._empty_log] if found else []
        while self._steps and not self._closing():
            self._steps[0]()
            del self._steps[0]
        if found and not self._closing():
            with self._database.writing() as connection:
                if _mark_in(connection) == found:
                    connection.exec_driver_sql("PRAGMA user_version=0")

    def _merge(self) -> None:
        merge_search_index(self._database, self._closing)

    def _vacuum(self) -> None:
        """Write the file anew: connections overwrite what they delete, but copies of moved rows may be left."""
        with self._database.reading() as connection:
            used = connection.exec_driver_sql(USED).scalar_one()
        if used > MOST_VACUUMED:
            file = self._database.engine.url.database
            log.warning("Copies of the deleted text may be left in %s. Stop the server and VACUUM it.", file)
        else:
            self._database.outside_transaction("VACUUM")

    def _empty_log(self) -> None:
        # Most of it without a lock: behind a long reader it may have become as large as the database.
        self._database.outside_transaction("PRAGMA wal_checkpoint(PASSIVE)", locks=False)
        if self._database.outside_transaction("PRAGMA wal_checkpoint(TRUNCATE)")[0]:
            raise NotSaved("The write-ahead log is in use.")


def _mark_in(connection: sa.Connection) -> int:
    return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
