"""What people do with attempts after they ended: annotate, settle, delete, restore, erase. Sends nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from kie import Track
from kie.json_values import clean
from studio.database.attempt_columns import SEARCHED
from studio.database.connection import Database
from studio.database.tables import IN_FLIGHT, attempts, batches, events
from studio.exceptions import NotSaved
from studio.library.leftovers import mark, merge_search_index
from studio.library.search import Search, this_attempt
from studio.library.search_query import LONGEST_ID, LONGEST_NOTE, LONGEST_USE, clean_tags
from studio.sending.attempt_store import add_event
from studio.sending.attempts import NotAllowed, Outcome, Settled, Status
from studio.sending.row_mapping import search_columns, track_columns

ERASED_AT_ONCE = 500
"""Rows that one transaction erases."""
MERGED_EVERY = 20_000
"""Erased rows after which the search index is merged: merging 100,000 at once would make writers wait for seconds."""


class Library(Search):
    """The attempts on file, to be found and changed; no method changes anything of another account.

    `erased` is called after `erase_account`, to remove what the database keeps of deleted texts.
    """

    def __init__(
        self,
        database: Database,
        unsaved: Mapping[str, Outcome] = MappingProxyType({}),
        erased: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(database, unsaved)
        self._erased = erased

    def annotate(
        self,
        account: str,
        attempt_id: str,
        *,
        note: str | None = None,
        tags: Sequence[str] | None = None,
        favourite: bool | None = None,
    ) -> None:
        """Write a person's note, tags or star; None leaves one as it is. Raises `ValueError` for what is too long."""
        values: dict[str, Any] = {}
        if note is not None:
            if len(note) > LONGEST_NOTE:
                raise ValueError(f"Note: it has {len(note):,} characters. Shorten it to {LONGEST_NOTE:,} or fewer.")
            values["note"] = clean(note)
        if tags is not None:
            values["tags"] = "\n".join(clean_tags(tags))
        if favourite is not None:
            values["favourite"] = favourite
        self._change(account, attempt_id, values)

    def record_track(self, account: str, attempt_id: str, track: Track) -> None:
        """Write what KIE says about an attempt's track."""
        self._change(account, attempt_id, track_columns(track))

    def not_made(self, account: str, attempt_id: str, author: str = "") -> None:
        """Settle an attempt: a person says that KIE made nothing. Raises `NotAllowed` unless it is unknown."""
        self._settle(account, attempt_id, Settled.NOT_MADE, Status.REFUSED, author)

    def found_by_hand(self, account: str, attempt_id: str, persona_id: str, author: str = "") -> None:
        """Settle an attempt with the persona ID that a person found. Raises `ValueError` and `NotAllowed`."""
        persona_id = persona_id.strip()
        if not persona_id or len(persona_id) > LONGEST_ID or not persona_id.isascii() or not persona_id.isprintable():
            raise ValueError("Persona ID: copy only the ID, as it stands in KIE’s logs.")
        if " " in persona_id:
            raise ValueError("Persona ID: it has a space in it. Copy only the ID.")
        self._settle(account, attempt_id, Settled.BY_HAND, Status.CREATED, author, persona_id=persona_id)

    def record_use(self, account: str, attempt_id: str, where: str, author: str = "") -> None:
        """Log what a persona was used for. Raises `ValueError`, and `NotAllowed` without a persona."""
        where = clean(" ".join(where.split()))
        if len(where) > LONGEST_USE:
            raise ValueError(f"Used for: it has {len(where):,} characters. Shorten it to {LONGEST_USE} or fewer.")
        with self.database.writing() as connection:
            if not self._row(connection, account, attempt_id).persona_id:
                raise NotAllowed("It has no persona that could have been used.")
            if where:
                add_event(connection, attempt_id, self.now(), "used", {"for": where}, author)

    def delete(self, account: str, attempt_id: str, author: str = "") -> None:
        """Mark an attempt as deleted, so that lists leave it out. Raises `NotAllowed` while it is in flight."""
        with self.database.writing() as connection:
            ended = sa.text(f"NOT ({IN_FLIGHT})")
            alive = sa.and_(this_attempt(account, attempt_id), attempts.c.deleted_at.is_(None), ended)
            if connection.execute(sa.update(attempts).where(alive).values(deleted_at=self.now())).rowcount:
                add_event(connection, attempt_id, self.now(), "deleted", {}, author)
            elif self._row(connection, account, attempt_id).deleted_at is None:
                raise NotAllowed("It is on its way. Wait for its outcome first.")

    def restore(self, account: str, attempt_id: str, author: str = "") -> None:
        """Undo `delete`."""
        with self.database.writing() as connection:
            gone = sa.and_(this_attempt(account, attempt_id), attempts.c.deleted_at.is_not(None))
            if connection.execute(sa.update(attempts).where(gone).values(deleted_at=None)).rowcount:
                add_event(connection, attempt_id, self.now(), "restored", {}, author)

    def erase_account(self, account: str) -> int:
        """Erase every row of an account, for good; return how many attempts that were.

        In several transactions, so that others do not wait long. Raises `NotAllowed` while an attempt is in flight, or
        if the database breaks off in between; then another call erases the rest.
        """
        erased, merged, over = 0, 0, False
        try:
            while not over:
                found, over = self._erase_some(account, erased)
                erased += found
                if erased - merged >= MERGED_EVERY:
                    merge_search_index(self.database)
                    merged = erased
        except NotSaved:
            if not erased:
                raise
            raise NotAllowed(f"The database broke off. Erased so far: {erased:,}. Press again for the rest.") from None
        finally:
            self._erased()
        return erased

    def _erase_some(self, account: str, erased: int) -> tuple[int, bool]:
        """Erase some rows; return how many attempts that were, and whether they were the last."""
        mine = attempts.c.account == account
        with self.database.writing() as connection:
            if connection.execute(sa.select(attempts.c.id).where(mine, sa.text(IN_FLIGHT)).limit(1)).first():
                so_far = f" Erased so far: {erased:,}." if erased else ""
                raise NotAllowed(f"An attempt is on its way. Wait for its outcome, or cancel it, first.{so_far}")
            ended = sa.select(attempts.c.id, attempts.c.makes).where(mine, sa.text(f"NOT ({IN_FLIGHT})"))
            rows = connection.execute(ended.limit(ERASED_AT_ONCE).with_for_update()).all()
            ids = [row.id for row in rows]
            connection.execute(sa.delete(events).where(events.c.attempt_id.in_(ids)))
            connection.execute(sa.delete(attempts).where(attempts.c.id.in_(ids)))
            mark(connection)
            if len(rows) < ERASED_AT_ONCE:
                connection.execute(sa.delete(batches).where(batches.c.account == account))
        return sum(1 for row in rows if row.makes != "text"), len(rows) < ERASED_AT_ONCE

    def _settle(self, account: str, attempt_id: str, how: Settled, status: Status, author: str, **found: str) -> None:
        with self.database.writing() as connection:
            row = self._row(connection, account, attempt_id)  # locked
            if row.status != Status.UNKNOWN.value:
                raise NotAllowed("Its outcome is known by now. Look at it again.")
            values = {"status": status.value, "settled": how.value, **found}
            values |= search_columns(dict(row._mapping) | values)
            connection.execute(sa.update(attempts).where(this_attempt(account, attempt_id)).values(values))
            add_event(connection, attempt_id, self.now(), how.value, found, author)

    def _change(self, account: str, attempt_id: str, values: dict[str, Any]) -> None:
        with self.database.writing() as connection:
            row = self._row(connection, account, attempt_id)
            if values.keys() & set(SEARCHED):
                values |= search_columns(dict(row._mapping) | values)
            if values:
                connection.execute(sa.update(attempts).where(this_attempt(account, attempt_id)).values(values))

    def _row(self, connection: sa.Connection, account: str, attempt_id: str) -> Any:
        row = connection.execute(sa.select(attempts).where(this_attempt(account, attempt_id)).with_for_update()).first()
        if row is None:
            raise NotAllowed("It is not in this library any more.")
        return row
