"""Finding attempts among very many: lists, counts, event logs, tags. Writes nothing.

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

from studio.database.connection import Database
from studio.database.search_words import words_in
from studio.database.tables import ALIVE, attempts, events, number_at
from studio.library.search_query import Order, Query
from studio.sending.attempts import Attempt, Event, Outcome, Status
from studio.sending.row_mapping import LISTED, attempt_of

MOST_SENT_AGAIN = 20
MOST_WORDS = 50
"""Words of a search that count."""

INDEX = sa.table("attempts_words", sa.column("rowid"), sa.column("attempts_words"))
"""SQLite's full-text index (migration 0004) of all that is not deleted. Its words begin with marks, see `_match`."""
ROWID = INDEX.c.rowid
"""An attempt's `number` is its row ID there."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some attempts of a list, without their raw answers, and whether more follow."""

    attempts: list[Attempt]
    more: bool


class Search:
    """The attempts of all accounts, to be read. `unsaved` has outcomes that could not be written yet, by attempt ID."""

    def __init__(self, database: Database, unsaved: Mapping[str, Outcome] = MappingProxyType({})) -> None:
        self.database = database
        self.reading = database.reading
        self.now = database.now
        self.unsaved = unsaved

    def find(self, account: str, query: Query, offset: int = 0, limit: int = 50) -> Page:
        """Return one page of a list."""
        with self.reading() as connection:
            rows = connection.execute(self._ordered(account, query, LISTED).offset(offset).limit(limit + 1)).all()
        return Page([attempt_of(row).with_unsaved(self.unsaved.get(row.id)) for row in rows[:limit]], len(rows) > limit)

    def count(self, account: str, query: Query, most: int = 1000) -> int:
        """Return the length of a list, or `most` if it is longer."""
        wanted = self._ordered(account, query, [attempts.c.number])
        if indexed := self._indexed(account, query):
            wanted = sa.select(ROWID).where(*indexed)  # it has all conditions of the query
        if self.database.kind == "postgresql":
            wanted = wanted.order_by(None)  # SQLite would choose a worse index without an order, PostgreSQL with one
        some = wanted.limit(most).subquery()
        with self.reading() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(some)).scalar_one()

    def rows(self, account: str, query: Query, columns: Sequence[str]) -> Iterator[Any]:
        """Yield some columns of a whole list, in its order, without keeping it in memory."""
        wanted = self._ordered(account, query, [attempts.c[name] for name in columns])
        with self.reading() as connection:
            yield from connection.execution_options(yield_per=1000).execute(wanted)

    def event_stream(self, attempt_ids: Sequence[str]) -> Iterator[tuple[str, Event]]:
        """Yield the events of attempts with their IDs, oldest first, without keeping them in memory.

        The IDs must come from this library.
        """
        query = sa.select(events).where(events.c.attempt_id.in_(attempt_ids)).order_by(events.c.id)
        with self.reading() as connection:
            for row in connection.execution_options(yield_per=1000).execute(query):
                yield row.attempt_id, _event_of(row)

    def events(
        self, account: str, attempt_id: str, *, kind: str = "", skip: int = 0, limit: int | None = None
    ) -> list[Event]:
        """Return the newest events of an attempt, perhaps of one kind, after skipping some; the oldest one first."""
        query = sa.select(events).where(*_log(account, attempt_id, kind)).order_by(events.c.id.desc())
        with self.reading() as connection:
            newest = connection.execute(query.offset(skip).limit(limit)).all()
        return [_event_of(row) for row in reversed(newest)]

    def count_events(self, account: str, attempt_id: str, *, kind: str = "") -> int:
        """Return how many events an attempt has, perhaps of one kind."""
        query = sa.select(sa.func.count()).select_from(events).where(*_log(account, attempt_id, kind))
        with self.reading() as connection:
            return connection.execute(query).scalar_one()

    def sent_again(self, account: str, attempt_id: str) -> list[Attempt]:
        """Return the attempts that repeat or replace this one: the first `MOST_SENT_AGAIN`, those from files last."""
        replacing = sa.and_(sa.text("replaces <> ''"), attempts.c.replaces == attempt_id)
        query = sa.select(*LISTED).where(attempts.c.account == account, replacing)
        with self.reading() as connection:
            first = query.order_by(sa.case((attempts.c.origin == "", 0), else_=1), attempts.c.number)
            return [attempt_of(row) for row in connection.execute(first.limit(MOST_SENT_AGAIN))]

    def of_tracks(self, account: str, audio_ids: Sequence[str]) -> dict[str, Attempt]:
        """Return one attempt for each track, by audio ID: the newest that was not refused, or else the newest."""
        mine = sa.and_(attempts.c.account == account, attempts.c.makes == "persona")
        query = sa.select(*LISTED).where(mine, attempts.c.subject.in_(audio_ids))
        with self.reading() as connection:
            found = [attempt_of(row) for row in connection.execute(query.order_by(attempts.c.created_at))]
        found.sort(key=lambda each: each.status is not Status.REFUSED)
        return {each.request.audio_id: each for each in found}

    def tags(self, account: str) -> list[str]:
        """Return the tags that this account uses, sorted."""
        mine = sa.and_(attempts.c.account == account, attempts.c.makes == "persona")
        query = sa.select(attempts.c.tags).where(mine, sa.text(f"tags <> '' AND {ALIVE}"))
        with self.reading() as connection:
            used = connection.execute(query.order_by(attempts.c.number.desc()).limit(1000)).scalars().all()
        return sorted({tag for tags in used for tag in tags.split("\n")}, key=str.casefold)

    def _ordered(self, account: str, query: Query, columns: Sequence[sa.ColumnElement[Any]]) -> sa.Select[Any]:
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
        number: sa.ColumnElement[Any] = attempts.c.number
        wanted = sa.select(*columns)
        if indexed := self._indexed(account, query):
            wanted = wanted.join_from(INDEX, attempts, attempts.c.number == ROWID)
            conditions += indexed
            number = ROWID
        elif words := words_in(query.text)[:MOST_WORDS]:
            conditions.append(self._has_all(words))
        orders: dict[Order, list[sa.ColumnElement[Any]]] = {
            Order.NEWEST: [number.desc()],
            Order.OLDEST: [number],
            Order.NAME: [attempts.c.sort_name, number],
            Order.NAME_BACK: [attempts.c.sort_name.desc(), number.desc()],
        }
        return wanted.where(*conditions).order_by(*orders[query.order])

    def _indexed(self, account: str, query: Query) -> list[sa.ColumnElement[bool]]:
        """Return the conditions on SQLite's full-text index, or none if the query does not use it."""
        words = words_in(query.text)[:MOST_WORDS]
        if not words or query.deleted or self.database.kind != "sqlite":
            return []
        match = INDEX.c.attempts_words.op("MATCH", is_comparison=True)
        conditions: list[sa.ColumnElement[bool]] = [match(_match(account, query, words))]
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


def this_attempt(account: str, attempt_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(attempts.c.id == attempt_id, attempts.c.account == account)


def _log(account: str, attempt_id: str, kind: str) -> list[sa.ColumnElement[bool]]:
    """Return the conditions on the events of an attempt of this account."""
    mine = sa.exists().where(this_attempt(account, attempt_id))
    return [events.c.attempt_id == attempt_id, mine, *([events.c.kind == kind] if kind else [])]


def _event_of(row: Any) -> Event:
    return Event(row.at, row.kind, json.loads(row.detail or "{}"), row.author)


def _match(account: str, query: Query, words: list[str]) -> str:
    """Return a full-text expression of SQLite: the words, and marks for account, kind, star and outcome."""
    terms = [f'"\ue000{account}"', f'"\ue003{query.makes}"', *(f'"{word}"*' for word in words)]
    if query.favourites:
        terms.append('"\ue002"')
    if query.statuses:
        terms.append("(" + " OR ".join(f'"\ue001{status.value}"' for status in query.statuses) + ")")
    return " AND ".join(terms)
