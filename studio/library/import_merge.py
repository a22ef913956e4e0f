"""Importing a file's records: `preview_import` says what is new, and only `import_records` writes.

A record with an ID is the attempt of that ID. One without gets an ID made of all that it says, so that it is found
again; it also matches any attempt of the same persona or, if it has none, of the same track and name, unless that one
matches an earlier record of the file. Importing a file twice changes nothing. Nothing here is ever sent to KIE.

A file is a stranger's word. What was sent from here, and what KIE answered here, no file changes (`_kept_columns`).
Where people sign in, a new row's story says who imported it, and the authors in the file are marked as claimed.

Both go through the file in portions, and keep no more of it in memory. Rows are looked up before the write lock is
taken, and written in short transactions; if another writer came in between, the portion is matched again. So a file
whose import broke off can be imported again, and is then complete.
"""

from __future__ import annotations

import json
import math
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from time import monotonic, sleep
from typing import Any, TypeVar

import sqlalchemy as sa

from studio.database.attempt_columns import COLUMNS
from studio.database.tables import attempts, events, number_at
from studio.exceptions import NotSaved
from studio.library.import_reader import FirstSeen, Record
from studio.library.search import Search
from studio.library.search_query import Order, claimed, unclaimed
from studio.sending.attempts import IN_FLIGHT_STATUSES, Settled, Status
from studio.sending.kinds import kind_named
from studio.sending.row_mapping import blank_row, search_columns

T = TypeVar("T")
NAMESPACE = uuid.UUID("6f1d2a0e-51c4-4b3e-9d43-0c3a6a7f5b21")
PORTION = 500
"""Records that are matched together, and are in memory, at most."""
LOOKED_UP_AT_ONCE = 500
"""Values of one query's IN list."""
PORTION_SIZE = 2 * 1024 * 1024
"""Bytes of the file after which a portion ends."""
FEWEST_ROWS, ROWS_AT_FIRST = 25, 100
"""Rows of one transaction; after the first, so many that it takes about `AIM` seconds, at most a portion."""
AIM = 0.15
PAUSE = 0.1
"""Seconds between two transactions on SQLite, where a waiting writer tries at least that often."""
SHOWN = 100
"""New records, and conflicts, that a preview has in full."""
SHOWN_TEXT = 300
"""Characters of a text in a preview."""
MOST_ALIKE, MOST_OF_ONE = 5000, 20
"""Attempts that may match the records of one portion, and one record, at most; libraries are far from that."""
TRIES = 5
"""How often a portion is matched if another writer came in between."""
NEAR = 250_000 * 1024
"""A quarter of a second in `number`s: so far a number may be from its row's time (see `_Numbers`)."""
SENT = frozenset(column.name for column in COLUMNS if column.part in ("request", "track")) | {
    *("kind", "body", "author", "sent_at", "repeats", "replaces", "credits_before", "credits_after")
}
"""What was sent, and what is known of its making: no file changes it in an attempt that was made here."""
ANSWERED = frozenset(column.name for column in COLUMNS if column.part == "outcome") | {"ended_at", "settled"}
"""The outcome: nor does any change it where KIE has given the persona."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A record that the library has with other content: what differs, as column → (here, in the file)."""

    place: str
    attempt_id: str
    differs: dict[str, tuple[Any, Any]]


@dataclass(slots=True)
class Preview:
    """What an import would do: how many records are new, here already, or here with other content."""

    new: int = 0
    same: int = 0
    different: int = 0
    kept: int = 0
    """Those of the same and the different of which the file says otherwise what was sent or answered here."""
    on_their_way: int = 0
    """Attempts that were in flight when the file was made; they are left out."""
    first_new: list[Record] = field(default_factory=list)
    """The first ones, with long texts cut."""
    first_conflicts: list[Conflict] = field(default_factory=list)


def preview_import(
    library: Search, account: str, records: Iterable[Record], progress: Callable[[int], object] = lambda done: None
) -> Preview:
    """Return what is new, the same, or in conflict. Writes nothing. Raises `BadFile`.

    `progress` is called after each portion with how much of the file was read (the sum of `Record.size`).
    """
    preview, matched, done = Preview(), FirstSeen(), 0
    for portion in _portions(records):
        ended = [record for record in portion if record.values["status"] not in IN_FLIGHT_STATUSES]
        preview.on_their_way += len(portion) - len(ended)
        for match in _match_records(library, account, ended, matched):
            preview.kept += match.kept
            if not match.differs and not match.kept:
                matched.first(match.attempt_id)
            if not match.here:
                preview.new += 1
                if len(preview.first_new) < SHOWN:
                    values = {name: _cut_text(value) for name, value in match.record.values.items()}
                    preview.first_new.append(replace(match.record, values=values, events=()))
            elif not match.differs:
                preview.same += 1
            else:
                preview.different += 1
                if len(preview.first_conflicts) < SHOWN:
                    differs = {name: (_cut_text(a), _cut_text(b)) for name, (a, b) in match.differs.items()}
                    preview.first_conflicts.append(Conflict(match.record.place, match.attempt_id, differs))
        done += sum(record.size for record in portion)
        progress(done)
    return preview


def import_records(
    library: Search,
    account: str,
    records: Iterable[Record],
    overwrite: bool = False,
    author: str = "",
    order: Order | None = None,
) -> int:
    """Write what is new, and with `overwrite` the file's version of what is in conflict; return how many rows.

    What is overwritten goes to the attempt's event log; an attempt in flight is never overwritten. `author` is who
    imports, where people sign in. `order` is the file's, or None. If the database fails, what was written before stays,
    and the text of the `NotSaved` that is raised says so: the file can be imported again. Raises `BadFile`.
    """
    matched, numbers, transactions = FirstSeen(), _Numbers(order), _Transactions(library)
    written = 0
    try:
        for portion in _portions(records):
            ended = [record for record in portion if record.values["status"] not in IN_FLIGHT_STATUSES]
            for _ in range(TRIES):
                matches = _match_records(library, account, ended, matched)
                new = _new_rows(library, account, matches, numbers, author)
                with suppress(sa.exc.IntegrityError):  # another writer added one of them
                    for rows in transactions.pieces(new):
                        written += _write(transactions, account, rows, author)
                    break
            else:
                raise NotSaved("Somebody else is changing the library at this moment.")
            conflicts = [each for each in matches if each.here and each.differs] if overwrite else []
            for some in transactions.pieces(conflicts):
                written += _overwrite(transactions, account, some, author)
            numbers.keep()
            for each in matches:
                if not each.differs and not each.kept:
                    matched.first(each.attempt_id)
    except NotSaved as error:
        if written:
            raise NotSaved(
                f"The database broke off. Brought in so far: {written:,}, and they stay. Bring the same file in again "
                "for the rest."
            ) from error
        raise
    return written


def _portions(records: Iterable[Record]) -> Iterator[list[Record]]:
    portion: list[Record] = []
    size = 0
    for record in records:
        portion.append(record)
        size += record.size
        if len(portion) == PORTION or size >= PORTION_SIZE:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _cut_text(value: Any) -> Any:
    return value[:SHOWN_TEXT] if isinstance(value, str) else value


# Which row of the library matches a record.


@dataclass(frozen=True, slots=True)
class _Match:
    """A record, and the ID of the row that matches it (`here`), or that it will have."""

    record: Record
    attempt_id: str
    here: bool
    differs: dict[str, tuple[Any, Any]]
    kept: bool = False
    """Whether the file also says otherwise what no file changes."""


def _match_records(library: Search, account: str, records: Sequence[Record], matched: FirstSeen) -> list[_Match]:
    """Match each record with a row. `matched` has the rows that have all that earlier records of the file say."""
    ids = [_ids(account, record) for record in records]
    rows, alike, foreign = _look_up(library, account, records, ids)
    logs = _logs(library, list(rows), records)
    fresh: set[str] = set()
    matches = []
    for record, (its_id, copy_id) in zip(records, ids, strict=True):
        mine = [rows[one] for one in dict.fromkeys((its_id, copy_id)) if one in rows]
        double = False
        if not mine and not record.values.get("id"):
            double = its_id in fresh or its_id in matched
            mine = [rows[one] for one in alike.get(_match_key(record), ()) if one not in fresh and one not in matched]
        found = [_compare(record, row, logs.get(row["id"], set())) for row in mine]
        same = next((match.attempt_id for match in found if not match.differs and not match.kept), "")
        same = same or (its_id if double else "")
        if found and not same:
            matches.append(next((match for match in found if not match.differs), found[-1]))
            continue
        free = re.fullmatch("[0-9a-f]{32}", its_id) and its_id not in foreign
        matches.append(_Match(record, same or (its_id if free else copy_id), bool(same), {}))
        fresh.add(matches[-1].attempt_id)
    return matches


def _own_id(account: str, given: str) -> str:
    """Return the ID of a record in this account if its own is another account's, or not of our form."""
    return uuid.uuid5(NAMESPACE, f"{account} {given}").hex


def _ids(account: str, record: Record) -> tuple[str, str]:
    """Return a record's ID, and the one that it gets if that is another account's, or not of our form."""
    given = record.values.get("id")
    if given:
        return given, _own_id(account, given)
    content = repr(sorted((name, value) for name, value in record.values.items() if name not in ("id", "created_at")))
    made = _own_id(account, f"row {content}")
    return made, made


def _match_key(record: Record) -> tuple[str, ...]:
    values = record.values
    if values.get("persona_id"):
        return "persona", values["persona_id"], values.get("audio_id", "")
    return "request", values.get("audio_id", ""), values.get("task_id", ""), values.get("name", "")


def _look_up(
    library: Search, account: str, records: Sequence[Record], ids: Sequence[tuple[str, str]]
) -> tuple[dict[str, dict[str, Any]], dict[tuple[str, ...], list[str]], set[str]]:
    """Return the rows that may match, by ID; their IDs by key, the oldest first; and IDs that other accounts have."""
    wanted = sorted({one for both in ids for one in both})
    with library.reading() as connection:
        owners = dict(_some(connection, [attempts.c.id, attempts.c.account], wanted))
        mine = [one for one, owner in owners.items() if owner == account]
        keys = {
            _match_key(record)
            for record, both in zip(records, ids, strict=True)
            if not record.values.get("id") and both[0] not in owners
        }
        alike = _alike(connection, account, keys)
        wanted = sorted({*mine, *(one for found in alike.values() for one in found)})
        rows = {row.id: dict(row._mapping) for row in _some(connection, list(attempts.c), wanted)}
    return rows, alike, owners.keys() - set(mine)


def _alike(connection: sa.Connection, account: str, keys: Set[tuple[str, ...]]) -> dict[tuple[str, ...], list[str]]:
    """Return the IDs of this account's rows by their keys."""
    personas = sorted({key[1] for key in keys if key[0] == "persona"})
    tracks = sorted({key[1] for key in keys if key[0] == "request"} - {""})
    start: sa.ColumnElement[str] = sa.literal_column("substr(persona_id, 1, 200)")  # as its index has it
    starts = sa.and_(start.in_([persona[:200] for persona in personas]), sa.literal_column("persona_id <> ''"))
    conditions = sa.and_(starts, attempts.c.persona_id.in_(personas)), attempts.c.subject.in_(tracks)
    columns = [attempts.c[name] for name in ("number", "id", "persona_id", "audio_id", "task_id", "name")]
    found: dict[tuple[str, ...], list[str]] = {}
    for condition, values in zip(conditions, (personas, tracks), strict=True):
        query = sa.select(*columns).where(attempts.c.account == account, condition).limit(MOST_ALIKE)
        for _, row_id, persona_id, audio_id, task_id, name in sorted(connection.execute(query)) if values else ():
            its_keys = [("persona", persona_id, audio_id), ("persona", persona_id, "")]
            for key in keys & {*its_keys, ("request", audio_id, task_id, name)}:
                found.setdefault(key, []).append(row_id)
    return {key: row_ids[-MOST_OF_ONE:] for key, row_ids in found.items()}


def _some(connection: sa.Connection, columns: Sequence[sa.Column[Any]], values: Sequence[Any]) -> Iterator[Any]:
    """Yield the rows in which the first of these columns has one of these values."""
    for first in range(0, len(values), LOOKED_UP_AT_ONCE):
        some = values[first : first + LOOKED_UP_AT_ONCE]
        yield from connection.execute(sa.select(*columns).where(columns[0].in_(some)))


def _compare(record: Record, row: dict[str, Any], log: set[tuple[object, ...]]) -> _Match:
    """Compare a record with the row that matches it."""
    differs = {
        name: (row[name], value)
        for name, value in record.values.items()
        if name not in ("id", "created_at")
        and not _equal(row[name], value)
        and not (name == "replaces" and value and row[name] == _own_id(row["account"], value))
        and not (name == "author" and unclaimed(row[name]) == unclaimed(value))
    }
    kept = differs.keys() & _kept_columns(row)
    for name in kept:
        del differs[name]
    if not {_event_key(**event) for event in record.events} <= log:
        differs["story"] = ("", f"{len(record.events)} entries")
    return _Match(record, row["id"], True, differs, bool(kept))


def _kept_columns(row: Mapping[str, Any]) -> Set[str]:
    """Return the columns of a row that no file changes: none in one that came from a file itself."""
    if row["origin"]:
        return frozenset()
    given_by_kie = row["status"] == Status.CREATED.value and row["settled"] != Settled.BY_HAND.value
    return SENT | ANSWERED if given_by_kie else SENT


def _equal(here: Any, there: Any) -> bool:
    if isinstance(here, datetime) and isinstance(there, datetime):
        return abs(here - there) < timedelta(seconds=1)  # a CSV has whole seconds
    if isinstance(here, float) and isinstance(there, float):
        return math.isclose(here, there, rel_tol=1e-9)
    return bool(here == there) or (here in ("", None) and there in ("", None))


# Writing.


def _derived(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"subject": row["audio_id"] or row["id"], "makes": kind_named(row["kind"]).makes, **search_columns(row)}


def _new_rows(
    library: Search, account: str, matches: Sequence[_Match], numbers: _Numbers, author: str
) -> list[tuple[_Match, dict[str, Any]]]:
    blank = blank_row() | dict.fromkeys(("task_id", "audio_id", "name", "description"), "")
    blank |= {"origin": "import", "account": account}
    rows = ((each, blank | each.record.values | {"id": each.attempt_id}) for each in matches if not each.here)
    new = [(each, _marked(row, author)) for each, row in rows]
    new = [(each, row | _derived(row)) for each, row in new]
    copies = {each.record.values["id"]: each.attempt_id for each, _ in new if each.record.values.get("id")}
    links = {_own_id(account, row["replaces"]): row["replaces"] for _, row in new if row["replaces"]}
    with library.reading() as connection:
        numbers.give(connection, [row for _, row in new])
        for (copy_id,) in _some(connection, [attempts.c.id], list(links)):
            copies.setdefault(links[copy_id], copy_id)
    for _, row in new:
        row["replaces"] = copies.get(row["replaces"], row["replaces"])
    return new


def _marked(values: dict[str, Any], importer: str) -> dict[str, Any]:
    """Return columns with their author marked as claimed, where people sign in."""
    return values | {"author": claimed(values["author"])} if importer and values.get("author") else values


class _Transactions:
    """The transactions of one import, with pauses for other writers between them."""

    def __init__(self, library: Search) -> None:
        self.now = library.now
        self._writing = library.database.writing
        self._pause = PAUSE if library.database.kind == "sqlite" else 0.0
        self._over = -math.inf
        self._rows = ROWS_AT_FIRST

    def pieces(self, rows: Sequence[T]) -> Iterator[Sequence[T]]:
        """Split what is to be written into transactions that are short enough."""
        first = 0
        while piece := rows[first : first + self._rows]:
            first += len(piece)
            yield piece

    def imported(self, author: str) -> list[dict[str, Any]]:
        """Return the event that says who imported something, where people sign in."""
        return [{"at": self.now(), "kind": "imported", "detail": "{}", "author": author}] if author else []

    @contextmanager
    def writing(self, rows: int) -> Iterator[sa.Connection]:
        """Write so many rows in one transaction, a pause after the one before."""
        sleep(max(0.0, self._over + self._pause - monotonic()))
        started = monotonic()
        try:
            with self._writing() as connection:
                yield connection
        finally:
            self._over = monotonic()
            if 2 * rows > self._rows:
                fitting = round(rows * AIM / max(self._over - started, 0.001))
                self._rows = max(FEWEST_ROWS, min(fitting, PORTION))


def _write(transactions: _Transactions, account: str, new: Sequence[tuple[_Match, dict[str, Any]]], author: str) -> int:
    """Insert new rows; return how many. Raises `IntegrityError` if one is there by now."""
    logs = []
    for each, row in new:
        story = [*_event_rows(each.record, author), *transactions.imported(author)]
        logs += [event | {"attempt_id": row["id"]} for event in story]
    copies = [
        {"its_copy": row["id"], "its_id": each.record.values["id"]}
        for each, row in new
        if each.record.values.get("id") not in (None, "", row["id"])
    ]
    with transactions.writing(len(new)) as connection:
        connection.execute(sa.insert(attempts), [row for _, row in new])
        if copies:  # rows that were imported before and link to them
            mine = sa.update(attempts).where(attempts.c.account == account, sa.text("replaces <> ''"))
            linked = mine.where(attempts.c.replaces == sa.bindparam("its_id"), attempts.c.origin != "")
            connection.execute(linked.values(replaces=sa.bindparam("its_copy")), copies)
        if logs:
            connection.execute(sa.insert(events), logs)
    return len(new)


class _Numbers:
    """Gives new rows unique `number`s that keep the order of the file.

    Rows of one moment follow one another as in the file. In a file that is sorted by time, so do rows whose times are
    within `NEAR`, because their numbers may have been moved for rows of one moment when they were first filed.
    """

    def __init__(self, order: Order | None) -> None:
        self._by_time = order in (Order.NEWEST, Order.OLDEST)
        self._step = 0 if order is None else -1 if order in (Order.NEWEST, Order.NAME_BACK) else 1
        self._first: datetime | None = None
        self._last: tuple[int, datetime | None] = (0, None)
        self._next: tuple[int, datetime | None] = (0, None)

    def give(self, connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:
        """Number the rows. Until `keep` is called, the next call numbers as if these had not been."""
        if not rows:
            return
        taken: set[int] = set()
        self._first = self._first or rows[0]["created_at"]
        step = self._step or (1 if self._first < rows[-1]["created_at"] else -1)
        while True:
            last, moment = self._last
            used: set[int] = set()
            for row in rows:
                number = number_at(row["created_at"], row["id"])
                follows = row["created_at"] == moment or (self._by_time and abs(number - last) < NEAR)
                if follows and (number - last) * step <= 0:
                    number = last + step
                while number in taken or number in used:
                    number += step
                used.add(number)
                row["number"] = last = number
                moment = row["created_at"]
            clashes = {number for (number,) in _some(connection, [attempts.c.number], sorted(used))}
            if not clashes:
                break
            taken |= clashes
        self._next = (last, moment)

    def keep(self) -> None:
        """Let the next rows follow those that were numbered last."""
        self._last = self._next


def _overwrite(transactions: _Transactions, account: str, conflicts: Sequence[_Match], author: str) -> int:
    """Overwrite rows with the file's version, unless they are in flight or erased; return how many."""
    written = 0
    with transactions.writing(len(conflicts)) as connection:
        for conflict in conflicts:
            this = sa.and_(attempts.c.id == conflict.attempt_id, attempts.c.account == account)
            row = connection.execute(sa.select(attempts).where(this).with_for_update()).first()
            if row is None or row.status in IN_FLIGHT_STATUSES:
                continue
            kept = {"story", *_kept_columns(dict(row._mapping))}  # of the row as it is by now
            values = {name: there for name, (_, there) in conflict.differs.items() if name not in kept}
            values = _marked(values, author)
            before = {name: str(row._mapping[name] or "") for name in values}
            whole = dict(row._mapping) | values
            derived = _derived(whole) if row.origin else search_columns(whole)
            if values:
                connection.execute(sa.update(attempts).where(this).values(values | derived))
            filed = connection.execute(sa.select(events).where(events.c.attempt_id == conflict.attempt_id))
            there = {_event_key(each.at, each.kind, json.loads(each.detail), each.author) for each in filed}
            log = list(_event_rows(conflict.record, author, there))
            if before:
                detail = json.dumps(before, ensure_ascii=False)
                log.append({"at": transactions.now(), "kind": "from_file", "detail": detail, "author": author})
            elif log:
                log += transactions.imported(author)
            if log:
                connection.execute(sa.insert(events), [event | {"attempt_id": conflict.attempt_id} for event in log])
            written += 1
    return written


def _logs(library: Search, attempt_ids: list[str], records: Sequence[Record]) -> dict[str, set[tuple[object, ...]]]:
    """Return what the event logs of rows have of these records' events; a log may be far longer."""
    wanted = {_event_key(**event) for record in records if attempt_ids for event in record.events}
    found: dict[str, set[tuple[object, ...]]] = {}
    for first in range(0, len(attempt_ids) if wanted else 0, LOOKED_UP_AT_ONCE):
        for attempt_id, event in library.event_stream(attempt_ids[first : first + LOOKED_UP_AT_ONCE]):
            key = _event_key(event.at, event.kind, event.detail, event.author)
            if key in wanted:
                found.setdefault(attempt_id, set()).add(key)
    return found


def _event_rows(
    record: Record, importer: str, without: Set[tuple[object, ...]] = frozenset()
) -> Iterator[dict[str, Any]]:
    for event in record.events:
        if _event_key(**event) not in without:
            author = claimed(event["author"]) if importer else event["author"]
            yield event | {"detail": json.dumps(event["detail"], ensure_ascii=False), "author": author}


def _event_key(at: datetime, kind: str, detail: Mapping[str, str], author: str) -> tuple[object, ...]:
    return at, kind, tuple(sorted(detail.items())), unclaimed(author)
