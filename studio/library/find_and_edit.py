"""The library: finding attempts among very many, and what people do with them afterwards. Sends nothing.

Every method takes the account first, and sees nothing of another one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSQUERY

from kie import Track
from kie.models import clean
from studio.database.attempt_columns import SEARCHED
from studio.database.connection import Database
from studio.database.search_words import words_in
from studio.database.tables import ALIVE, IN_FLIGHT, attempts, batches, events, number_at
from studio.exceptions import NotSaved
from studio.library.search_query import LONGEST_ID, LONGEST_NOTE, LONGEST_USE, Order, Query, clean_tags
from studio.sending.attempt_store import add_event
from studio.sending.attempts import Attempt, Event, NotAllowed, Outcome, Settled, Status
from studio.sending.row_mapping import LISTED, found_by, read, track_columns

MOST_WORDS = 50
"""Words of a search that count."""
CHUNK = 500
"""Rows of one look-up by ID."""

INDEX = sa.table("attempts_words", sa.column("rowid"), sa.column("attempts_words"))
"""SQLite's index of words (migration 0004): of all that is not deleted, with account, outcome, what it makes, star."""
ROWID = INDEX.c.rowid
"""An attempt's number there."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some attempts of a list, without their raw answers, and whether more follow."""

    attempts: list[Attempt]
    more: bool


class Library:
    """What is kept, by account. `unsaved` has outcomes that are known but could not be written yet, by attempt."""

    def __init__(self, database: Database, unsaved: Mapping[str, Outcome] = MappingProxyType({})) -> None:
        self.database = database
        self.reading, self._writing = database.reading, database.writing
        self.now = database.now
        self.unsaved = unsaved

    def find(self, account: str, query: Query, offset: int = 0, limit: int = 50) -> Page:
        """Return one page of a list."""
        with self.reading() as connection:
            rows = connection.execute(self._ordered(account, query, LISTED).offset(offset).limit(limit + 1)).all()
        return Page([self._overlaid(read(row)) for row in rows[:limit]], len(rows) > limit)

    def count(self, account: str, query: Query, most: int = 1000) -> int:
        """Count what a list holds, up to `most`."""
        wanted = self._ordered(account, query, [attempts.c.number])
        if indexed := self._indexed(account, query):
            wanted = sa.select(ROWID).where(*indexed)  # it knows all that is asked for
        if self.database.kind == "postgresql":
            wanted = wanted.order_by(None)  # SQLite would choose a worse index without an order, PostgreSQL with one
        some = wanted.limit(most).subquery()
        with self.reading() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(some)).scalar_one()

    def rows(self, account: str, query: Query, columns: Sequence[str]) -> Iterator[Any]:
        """Go through some columns of a whole list, in its order, without holding it."""
        wanted = self._ordered(account, query, [attempts.c[name] for name in columns])
        with self.reading() as connection:
            yield from connection.execution_options(yield_per=1000).execute(wanted)

    def stories(self, attempt_ids: Sequence[str]) -> dict[str, list[Event]]:
        """Return what was decided about some attempts, the oldest first. The IDs must come from this library."""
        found: dict[str, list[Event]] = {}
        with self.reading() as connection:
            query = sa.select(events).where(events.c.attempt_id.in_(attempt_ids)).order_by(events.c.id)
            for row in connection.execute(query):
                event = Event(row.at, row.kind, json.loads(row.detail or "{}"), row.author)
                found.setdefault(row.attempt_id, []).append(event)
        return found

    def events(self, account: str, attempt_id: str) -> list[Event]:
        """Return what was decided about an attempt, the oldest first."""
        with self.reading() as connection:
            mine = connection.execute(sa.select(attempts.c.id).where(_this(account, attempt_id))).scalar()
        return self.stories([mine]).get(mine, []) if mine else []

    def sent_again(self, account: str, attempt_id: str) -> list[Attempt]:
        """Return the attempts that repeat or replace this one, the oldest first."""
        replacing = sa.and_(sa.text("replaces <> ''"), attempts.c.replaces == attempt_id)
        query = sa.select(*LISTED).where(attempts.c.account == account, replacing)
        with self.reading() as connection:
            return [read(row) for row in connection.execute(query.order_by(attempts.c.number))]

    def of_tracks(self, account: str, audio_ids: Sequence[str]) -> dict[str, Attempt]:
        """Return what became of tracks, by audio ID: a persona or an open matter before a refusal, then the newest."""
        mine = sa.and_(attempts.c.account == account, attempts.c.makes == "persona")
        query = sa.select(*LISTED).where(mine, attempts.c.subject.in_(audio_ids))
        with self.reading() as connection:
            found = [read(row) for row in connection.execute(query.order_by(attempts.c.created_at))]
        return {
            each.request.audio_id: each for each in sorted(found, key=lambda each: each.status is not Status.REFUSED)
        }

    def tags(self, account: str) -> list[str]:
        """Return the tags that this account uses, sorted."""
        query = (
            sa.select(attempts.c.tags)
            .where(attempts.c.account == account, attempts.c.makes == "persona", sa.text(f"tags <> '' AND {ALIVE}"))
            .order_by(attempts.c.number.desc())
            .limit(1000)
        )
        with self.reading() as connection:
            used = connection.execute(query).scalars().all()
        return sorted({tag for tags in used for tag in tags.split("\n")}, key=str.casefold)

    def annotate(
        self,
        account: str,
        attempt_id: str,
        *,
        note: str | None = None,
        tags: Sequence[str] | None = None,
        favourite: bool | None = None,
    ) -> None:
        """Write what a person adds to an attempt; what is None stays. Raises `ValueError` for what is too long."""
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

    def know_track(self, account: str, attempt_id: str, track: Track) -> None:
        """Keep what KIE says of an attempt's track."""
        self._change(account, attempt_id, track_columns(track))

    def not_made(self, account: str, attempt_id: str, author: str = "") -> None:
        """Note that a person says that KIE made nothing. Raises `NotAllowed` unless the attempt is unknown."""
        values = {"status": Status.REFUSED.value, "settled": Settled.NOT_MADE.value}
        self._settle(account, attempt_id, values, "not_made", {}, author)

    def found_by_hand(self, account: str, attempt_id: str, persona_id: str, author: str = "") -> None:
        """Write a persona ID that a person found at KIE. Raises `ValueError`, and `NotAllowed` unless it is unknown."""
        persona_id = persona_id.strip()
        if not persona_id or len(persona_id) > LONGEST_ID or not persona_id.isascii() or not persona_id.isprintable():
            raise ValueError("Persona ID: copy only the ID, as it stands in KIE’s logs.")
        if " " in persona_id:
            raise ValueError("Persona ID: it has a space in it. Copy only the ID.")
        values = {"status": Status.CREATED.value, "settled": Settled.BY_HAND.value, "persona_id": persona_id}
        self._settle(account, attempt_id, values, "by_hand", {"persona_id": persona_id}, author)

    def used(self, account: str, attempt_id: str, where: str, author: str = "") -> None:
        """Note in the story what a persona was used for. Raises `ValueError`, and `NotAllowed` where there is none."""
        where = clean(" ".join(where.split()))
        if len(where) > LONGEST_USE:
            raise ValueError(f"Used for: it has {len(where):,} characters. Shorten it to {LONGEST_USE} or fewer.")
        with self._writing() as connection:
            if not self._row(connection, account, attempt_id).persona_id:
                raise NotAllowed("It has no persona that could have been used.")
            if where:
                add_event(connection, attempt_id, self.now(), "used", {"for": where}, author)

    def delete(self, account: str, attempt_id: str, author: str = "") -> None:
        """Take an attempt out of the library. Raises `NotAllowed` while it is on its way."""
        with self._writing() as connection:
            alive = sa.and_(
                _this(account, attempt_id),
                attempts.c.deleted_at.is_(None),
                sa.text(f"NOT ({IN_FLIGHT})"),
            )
            if connection.execute(sa.update(attempts).where(alive).values(deleted_at=self.now())).rowcount:
                add_event(connection, attempt_id, self.now(), "deleted", {}, author)
            elif self._row(connection, account, attempt_id).deleted_at is None:
                raise NotAllowed("It is on its way. Wait for its outcome first.")

    def restore(self, account: str, attempt_id: str, author: str = "") -> None:
        """Bring a deleted attempt back."""
        with self._writing() as connection:
            gone = sa.and_(_this(account, attempt_id), attempts.c.deleted_at.is_not(None))
            if connection.execute(sa.update(attempts).where(gone).values(deleted_at=None)).rowcount:
                add_event(connection, attempt_id, self.now(), "restored", {}, author)

    def forget(self, account: str) -> int:
        """Erase every row of an account, for good; return how many attempts that were.

        In portions, so that nobody else waits long for the database. Raises `NotAllowed` while an attempt is on its
        way, or if the database breaks off; what is left can be erased again.
        """
        erased = 0
        try:
            over = False
            while not over:
                found, over = self._forget_some(account, erased)
                erased += found
        except NotSaved:
            if not erased:
                raise
            raise NotAllowed(f"The database broke off. Erased so far: {erased:,}. Press again for the rest.") from None
        return erased

    def _forget_some(self, account: str, erased: int) -> tuple[int, bool]:
        """Erase one portion; return how many attempts that were, and whether it was the last."""
        mine = attempts.c.account == account
        with self._writing() as connection:
            if connection.execute(sa.select(attempts.c.id).where(mine, sa.text(IN_FLIGHT)).limit(1)).first():
                so_far = f" Erased so far: {erased:,}." if erased else ""
                raise NotAllowed(f"An attempt is on its way. Wait for its outcome, or cancel it, first.{so_far}")
            ended = sa.select(attempts.c.id, attempts.c.makes).where(mine, sa.text(f"NOT ({IN_FLIGHT})"))
            rows = connection.execute(ended.limit(CHUNK).with_for_update()).all()
            ids = [row.id for row in rows]
            connection.execute(sa.delete(events).where(events.c.attempt_id.in_(ids)))
            connection.execute(sa.delete(attempts).where(attempts.c.id.in_(ids)))
            if len(rows) < CHUNK:
                connection.execute(sa.delete(batches).where(batches.c.account == account))
        return sum(1 for row in rows if row.makes != "text"), len(rows) < CHUNK

    def _overlaid(self, attempt: Attempt) -> Attempt:
        return attempt.overlaid(self.unsaved.get(attempt.id))

    def _settle(
        self, account: str, attempt_id: str, values: dict[str, Any], kind: str, detail: dict[str, str], author: str
    ) -> None:
        with self._writing() as connection:
            row = self._row(connection, account, attempt_id)
            unknown = sa.and_(_this(account, attempt_id), attempts.c.status == Status.UNKNOWN.value)
            if (
                row.status != Status.UNKNOWN.value
                or not connection.execute(
                    sa.update(attempts).where(unknown).values(values | found_by(dict(row._mapping) | values))
                ).rowcount
            ):
                raise NotAllowed("Its outcome is known by now. Look at it again.")
            add_event(connection, attempt_id, self.now(), kind, detail, author)

    def _change(self, account: str, attempt_id: str, values: dict[str, Any]) -> None:
        with self._writing() as connection:
            row = self._row(connection, account, attempt_id)
            if values.keys() & set(SEARCHED):
                values |= found_by(dict(row._mapping) | values)
            if values:
                connection.execute(sa.update(attempts).where(_this(account, attempt_id)).values(values))

    def _row(self, connection: sa.Connection, account: str, attempt_id: str) -> Any:
        row = connection.execute(sa.select(attempts).where(_this(account, attempt_id)).with_for_update()).first()
        if row is None:
            raise NotAllowed("It is not in this library any more.")
        return row

    def _ordered(
        self, account: str, query: Query, columns: Sequence[sa.ColumnElement[Any]]
    ) -> sa.Select[tuple[Any, ...]]:
        conditions: list[sa.ColumnElement[Any]] = [attempts.c.account == account, attempts.c.makes == query.makes]
        conditions.append(attempts.c.deleted_at.is_not(None) if query.deleted else attempts.c.deleted_at.is_(None))
        if query.statuses:
            conditions.append(attempts.c.status.in_([status.value for status in query.statuses]))
        if query.favourites:
            conditions.append(sa.literal_column("attempts.favourite"))  # as the index has it
        if query.since is not None:
            conditions.append(attempts.c.number >= number_at(query.since, "000"))
        if query.until is not None:
            conditions.append(attempts.c.number < number_at(query.until, "000"))
        words = words_in(query.text)[:MOST_WORDS]
        place: sa.ColumnElement[Any] = attempts.c.number
        wanted = sa.select(*columns)
        if indexed := self._indexed(account, query):
            wanted = wanted.join_from(INDEX, attempts, attempts.c.number == ROWID)
            conditions += indexed
            place = ROWID
        elif words:
            conditions.append(self._has_all(words))
        orders: dict[Order, list[sa.ColumnElement[Any]]] = {
            Order.NEWEST: [place.desc()],
            Order.OLDEST: [place],
            Order.NAME: [attempts.c.sort_name, place],
            Order.NAME_BACK: [attempts.c.sort_name.desc(), place.desc()],
        }
        return wanted.where(*conditions).order_by(*orders[query.order])

    def _indexed(self, account: str, query: Query) -> list[sa.ColumnElement[bool]]:
        """Return what SQLite's index of words is asked for; nothing if it is of no use here."""
        words = words_in(query.text)[:MOST_WORDS]
        if not words or query.deleted or self.database.kind != "sqlite":
            return []
        conditions: list[sa.ColumnElement[bool]] = [
            INDEX.c.attempts_words.op("MATCH", is_comparison=True)(_match(account, query, words))
        ]
        if query.since is not None:
            conditions.append(number_at(query.since, "000") <= ROWID)
        if query.until is not None:
            conditions.append(number_at(query.until, "000") > ROWID)
        return conditions

    def _has_all(self, words: list[str]) -> sa.ColumnElement[bool]:
        if self.database.kind == "postgresql":
            terms = " & ".join(f"'{word}'" if len(word) <= 6 else f"'{word[:6]}' & '{word}':*" for word in words)
            return sa.literal_column("attempts.found").op("@@")(sa.cast(terms, TSQUERY))
        return sa.and_(*((" " + attempts.c.words).contains(f" {word}", autoescape=True) for word in words))


def _this(account: str, attempt_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(attempts.c.id == attempt_id, attempts.c.account == account)


def _match(account: str, query: Query, words: list[str]) -> str:
    """Return a full-text expression of SQLite for words and marks (see migration 0004)."""
    terms = [f'"\ue000{account}"', f'"\ue003{query.makes}"', *(f'"{word}"*' for word in words)]
    if query.favourites:
        terms.append('"\ue002"')
    if query.statuses:
        terms.append("(" + " OR ".join(f'"\ue001{status.value}"' for status in query.statuses) + ")")
    return " AND ".join(terms)
