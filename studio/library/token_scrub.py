"""Takes a token out of the database, wherever it stands in whatever account.

A bare token of 32 hex digits looks like a task ID, so somebody may have pasted it as one before it was used here.
"""

from __future__ import annotations

import hashlib
import logging
import re
import threading
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from studio.database.connection import PATIENCE, Database
from studio.database.tables import attempts, batches, events
from studio.exceptions import NotSaved
from studio.library.leftovers import Leftovers, mark
from studio.sending.attempts import IN_FLIGHT_STATUSES
from studio.sending.row_mapping import search_columns

log = logging.getLogger(__name__)

TAKEN_OUT = "(a token was taken out here)"
"""What stands in its place."""
SHORTEST = 16
"""Characters of a token that is looked for; a shorter one could be a word of anybody's text."""
PORTION = 5000
"""Rows that one statement looks through."""
AT_ONCE = 100
"""Rows that one transaction changes."""
AGAIN = 30.0
"""Seconds after which attempts that were in flight are looked at again, and what failed is tried again."""
BUSY = 1.0
"""The same for what SQLite keeps: another reader or process is in the way."""
TABLES: Mapping[sa.Table, sa.Column[Any]] = {
    attempts: attempts.c.number,
    events: events.c.id,
    batches: batches.c.id,
}
"""Where people's texts are, and the order in which each table is gone through."""


class TokenScrub:
    """Takes tokens out in a thread of its own, each once in the life of a process, while its attempts go on.

    An attempt in flight is changed after it has ended. Until then the token is in this object's memory.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._state = threading.Condition()
        self._known: set[str] = set()
        self._left: dict[str, list[str] | None] = {}
        """The attempts that still have a token; None before the whole database was gone through."""
        self._leftovers = Leftovers(database, lambda: self._closing)
        self._clean = False
        """Whether leftovers may have to be removed."""
        self._running = self._closing = self._look = False
        self._thread: threading.Thread | None = None

    def soon(self, token: str) -> None:
        """Have a token taken out that KIE accepted. Never call it for another text: that would be taken out too."""
        known = hashlib.sha256(token.encode()).hexdigest()
        with self._state:
            if len(token) < SHORTEST or known in self._known or self._closing:
                return
            self._known.add(known)
            self._left[token] = None
            self._start()

    def clean_up_soon(self) -> None:
        """Have removed what SQLite keeps of texts that were deleted: at the start, and after somebody erased rows."""
        with self._state:
            if not self._closing:
                self._clean = True
                self._start()

    def _start(self) -> None:
        self._look = True
        self._state.notify_all()
        if not self._running:
            self._running = True
            self._thread = threading.Thread(target=self._run, name="token-scrub", daemon=True)
            self._thread.start()

    def look_again(self) -> None:
        """Say that an attempt may have ended."""
        if self._running:
            with self._state:
                self._look = True
                self._state.notify_all()

    @property
    def at_work(self) -> bool:
        """Whether a token is still to be taken out, or something to be removed."""
        return self._running

    def close(self) -> None:
        """Stop; what is left is taken out after the next sign-in."""
        with self._state:
            self._closing = True
            self._state.notify_all()
        if self._thread is not None:
            self._thread.join(PATIENCE)

    def _run(self) -> None:
        while True:
            with self._state:
                if not self._look and (self._left or self._clean):
                    pause = BUSY if self._clean else AGAIN
                    self._state.wait_for(lambda: self._look or self._closing, timeout=pause)
                if self._closing or not (self._left or self._clean):
                    self._running = False
                    return
                self._look, tokens = False, dict(self._left)
            for token, ids in tokens.items():
                try:
                    left = self._take_out(token, ids)
                except (NotSaved, OSError) as error:
                    log.info("A token could not be taken out of the database now: %s", type(error).__name__)
                    continue
                except Exception as error:  # noqa: BLE001  # its text could quote the token
                    log.error("A token could not be taken out of the database: %s", type(error).__name__)
                    left = []
                with self._state:
                    if left:
                        self._left[token] = left
                    else:
                        del self._left[token]
                        self._clean = True  # not before: an attempt in flight has the token anyway
            self._remove_leftovers()

    def _remove_leftovers(self) -> None:
        with self._state:
            clean, self._clean = self._clean, False
        try:
            if clean:
                self._leftovers.remove()
        except (NotSaved, OSError) as error:
            log.info("What is left of deleted texts could not be removed now: %s", str(error) or type(error).__name__)
            self._clean = True
        except Exception:
            log.exception("What is left of deleted texts could not be removed.")

    def _take_out(self, token: str, ids: list[str] | None) -> list[str]:
        """Take the token out of the whole database, or of these attempts; return those that are in flight."""
        changed = 0
        left: list[str] = []
        for table in TABLES:
            if ids is None or table is not attempts:
                found = self._rows_with(token, table)
            else:
                left = self._in_flight(ids)
                found = [each for each in ids if each not in set(left)]
                if not found:
                    return left
            for first in range(0, len(found), AT_ONCE):
                with self._database.writing() as connection:
                    before = changed
                    for row in _locked(connection, table, found[first : first + AT_ONCE]):
                        if table is attempts and row["status"] in IN_FLIGHT_STATUSES:
                            left.append(row["id"])
                        elif values := _without(token, table, row):
                            connection.execute(sa.update(table).where(table.c.id == row["id"]).values(values))
                            changed += 1
                    if changed > before:
                        mark(connection)
                if self._closing:
                    return left
        if changed:
            log.warning("A token that is used here stood in %d rows as another text. It was taken out.", changed)
        return left

    def _rows_with(self, token: str, table: sa.Table) -> list[Any]:
        """Return the IDs of the rows of a table that have the token in any text."""
        order, after = TABLES[table], None
        found: list[Any] = []
        texts = [column for column in table.c if isinstance(column.type, sa.String)]
        # LIKE takes no notice of ASCII case on SQLite, where lower() would take twice as long.
        like = "contains" if self._database.kind == "sqlite" else "icontains"
        has = sa.or_(*(getattr(column, like)(token, autoescape=True) for column in texts))
        while True:
            behind = sa.true() if after is None else order > after
            with self._database.reading() as connection:
                ends = sa.select(order).where(behind).order_by(order).offset(PORTION - 1).limit(1)
                until = connection.execute(ends).scalar()
                here = sa.and_(behind, sa.true() if until is None else order <= until)
                found += connection.execute(sa.select(table.c.id).where(here, has)).scalars()
            if until is None or self._closing:
                return found
            after = until

    def _in_flight(self, ids: list[str]) -> list[str]:
        """Return those of these attempts that are in flight."""
        waiting = sa.and_(attempts.c.id.in_(ids), attempts.c.status.in_(IN_FLIGHT_STATUSES))
        with self._database.reading() as connection:
            return list(connection.execute(sa.select(attempts.c.id).where(waiting)).scalars())


def _locked(connection: sa.Connection, table: sa.Table, ids: list[Any]) -> list[dict[str, Any]]:
    query = sa.select(table).where(table.c.id.in_(ids)).with_for_update()
    return [dict(row._mapping) for row in connection.execute(query)]


def _without(token: str, table: sa.Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row's texts that have the token, without it. An ID that is it becomes one other everywhere."""
    instead = hashlib.sha256(f"token {token.lower()}".encode()).hexdigest()[:32]
    values: dict[str, Any] = {}
    for name, text in row.items():
        if isinstance(text, str) and token.lower() in text.lower():
            its_id = getattr(table.c[name].type, "length", None) == len(instead)
            values[name] = re.sub(re.escape(token), instead if its_id else TAKEN_OUT, text, flags=re.IGNORECASE)
    if values and table is attempts:
        values |= search_columns({**row, **values})
    return values
