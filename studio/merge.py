"""Taking a file's records into the library: `compare` says what is new, and only `take_in` writes.

A record with an ID is the attempt of that ID; one without is any attempt of the same persona, or, where it has none, of
the same track and name. Taking a file in twice changes nothing. Nothing here is ever sent to KIE.
"""

from __future__ import annotations

import json
import math
import re
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from studio.database.tables import attempts, events, number_at
from studio.intake import IN_FLIGHT, Record
from studio.library import CHUNK, Library
from studio.refusals import BadFile
from studio.sending.rows import blank_row, found_by

NAMESPACE = uuid.UUID("6f1d2a0e-51c4-4b3e-9d43-0c3a6a7f5b21")
CHANGED_MEANWHILE = "The library has changed since the preview. Choose the file again."


@dataclass(frozen=True, slots=True)
class Conflict:
    """A record that the library has too, with other content: what differs, as column → (here, in the file)."""

    record: Record
    attempt_id: str
    differs: dict[str, tuple[Any, Any]]


@dataclass(slots=True)
class Preview:
    """What taking a file in would do."""

    new: list[Record] = field(default_factory=list)
    same: int = 0
    conflicts: list[Conflict] = field(default_factory=list)
    on_their_way: int = 0
    """Attempts that had not ended when the file was made; they are left out."""


def compare(library: Library, account: str, records: list[Record], on_their_way: int = 0) -> Preview:
    """Say what is new, the same, or in conflict. Writes nothing."""
    preview = Preview(on_their_way=on_their_way)
    with library.reading() as connection:
        known = _known(connection, account, records)
    stories = _stories(library, sorted({row["id"] for rows in known.values() for row in rows}))
    seen: set[str] = set()
    for record in records:
        rows = [row for key in _keys(account, record) for row in known.get(key, ())]
        found = [(row, _differences(record, row, stories.get(row["id"], set()))) for row in rows]
        double = repr(sorted((name, value) for name, value in record.values.items() if name != "created_at"))
        if any(not differs for _, differs in found) or double in seen:
            preview.same += 1
        elif found:
            row, differs = found[-1]
            preview.conflicts.append(Conflict(record, row["id"], differs))
        else:
            preview.new.append(record)
            seen.add(double)
    return preview


def take_in(library: Library, account: str, preview: Preview, overwrite: bool = False, author: str = "") -> int:
    """Write what is new, and with `overwrite` the file's version of what is in conflict; return how many rows.

    All or nothing. What is overwritten goes to the attempt's story first. Raises `BadFile` if the library has changed
    meanwhile so that the preview does not hold any more.
    """
    now = library.now()
    try:
        with library.database.writing() as connection:
            library.database.one_at_a_time(connection, "take in", account)
            if _known(connection, account, preview.new).keys() & {
                key for record in preview.new for key in _keys(account, record)
            }:
                raise BadFile(CHANGED_MEANWHILE)
            rows = list(_new_rows(connection, account, preview.new))
            stories = [
                event | {"attempt_id": row["id"]}
                for row, record in zip(rows, preview.new, strict=True)
                for event in _events(record)
            ]
            for conflict in preview.conflicts if overwrite else ():
                stories += _overwrite(connection, account, conflict, now, author)
            for table, values in ((attempts, rows), (events, stories)):
                for first in range(0, len(values), 2000):
                    connection.execute(sa.insert(table), values[first : first + 2000])
    except sa.exc.IntegrityError:
        raise BadFile(CHANGED_MEANWHILE) from None
    return len(rows) + (len(preview.conflicts) if overwrite else 0)


# Which row of the library a record is.


def _own_id(account: str, given: str) -> str:
    """Return the ID under which an account files a record whose ID is taken, or none of ours."""
    return uuid.uuid5(NAMESPACE, f"{account} {given}").hex


def _keys(account: str, record: Record) -> Iterator[tuple[str, ...]]:
    values = record.values
    given = values.get("id", "")
    if given:
        yield ("id", given)
        yield ("id", _own_id(account, given))
    elif values.get("persona_id"):
        yield ("persona", values["persona_id"], values.get("audio_id", ""))
    else:
        yield ("request", values.get("audio_id", ""), values.get("task_id", ""), values.get("name", ""))


def _known(
    connection: sa.Connection, account: str, records: Iterable[Record]
) -> dict[tuple[str, ...], list[dict[str, Any]]]:
    """Return this account's rows that records may be, by key, the oldest first."""
    columns = {"id": attempts.c.id, "persona": attempts.c.persona_id, "request": attempts.c.audio_id}
    wanted: dict[str, set[str]] = {kind: set() for kind in columns}
    for kind, value, *_ in (key for record in records for key in _keys(account, record)):
        wanted[kind].add(value)
    found: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for kind, values in wanted.items():
        ordered = sorted(values)
        for first in range(0, len(ordered), CHUNK):
            some = ordered[first : first + CHUNK]
            mine = sa.and_(attempts.c.account == account, columns[kind].in_(some))
            if kind == "persona":  # as its index has it
                start = sa.literal_column("substr(persona_id, 1, 200)").in_([value[:200] for value in some])
                mine = sa.and_(mine, start, sa.literal_column("persona_id <> ''"))
            for row in connection.execute(sa.select(attempts).where(mine).order_by(attempts.c.number)):
                keys: list[tuple[str, ...]] = [("id", row.id)]
                if kind == "persona":
                    keys = [("persona", row.persona_id, row.audio_id), ("persona", row.persona_id, "")]
                elif kind == "request":
                    keys = [("request", row.audio_id, row.task_id, row.name)]
                for key in dict.fromkeys(keys):
                    found.setdefault(key, []).append(dict(row._mapping))
    return found


def _differences(record: Record, row: dict[str, Any], story: set[tuple[str, ...]]) -> dict[str, tuple[Any, Any]]:
    differs = {
        name: (row[name], value)
        for name, value in record.values.items()
        if name not in ("id", "created_at", "origin")
        and not _equal(row[name], value)
        and not (name == "replaces" and _same_link(row["account"], row[name], value))
    }
    if not set(map(_event_key, record.story)) <= story:
        differs["story"] = ("", f"{len(record.story)} entries")
    return differs


def _same_link(account: str, here: str, there: str) -> bool:
    return bool(there) and here == _own_id(account, there)


def _equal(here: Any, there: Any) -> bool:
    if isinstance(here, datetime) and isinstance(there, datetime):
        return abs(here - there) < timedelta(seconds=1)  # a CSV has whole seconds
    if isinstance(here, float) and isinstance(there, float):
        return math.isclose(here, there, rel_tol=1e-9)
    return bool(here == there) or (here in ("", None) and there in ("", None))


# Writing.


def _new_rows(connection: sa.Connection, account: str, records: list[Record]) -> Iterator[dict[str, Any]]:
    blank = blank_row()
    given = [record.values.get("id", "") for record in records]
    taken_ids = _taken(connection, attempts.c.id, [one for one in given if one])
    rows: list[dict[str, Any]] = []
    for record, its_id in zip(records, given, strict=True):
        row = blank | dict.fromkeys(("task_id", "audio_id", "name", "description"), "") | record.values
        ours = re.fullmatch("[0-9a-f]{32}", its_id) and its_id not in taken_ids
        row["id"] = its_id if ours else _own_id(account, its_id) if its_id else uuid.uuid4().hex
        row["account"] = account
        row["subject"] = row["audio_id"] or row["id"]
        if "origin" not in record.values:
            row["origin"] = "import"
        rows.append(row | found_by(row))
    copies = {its_id: row["id"] for its_id, row in zip(given, rows, strict=True) if its_id}
    for row in rows:
        row["replaces"] = copies.get(row["replaces"], row["replaces"])
    _number(connection, rows)
    yield from rows


def _number(connection: sa.Connection, rows: list[dict[str, Any]]) -> None:
    """Give each row a place in time that no other has; those of one moment follow one another as in the file."""
    newest_first = not rows or rows[0]["created_at"] >= rows[-1]["created_at"]
    at_this_moment: Counter[datetime] = Counter()
    for row in reversed(rows) if newest_first else rows:
        moment = row["created_at"]
        row["number"] = number_at(moment + timedelta(microseconds=at_this_moment[moment]), row["id"])
        at_this_moment[moment] += 1
    used: set[int] = set()
    open_rows = rows
    while open_rows:
        taken = _taken(connection, attempts.c.number, [row["number"] for row in open_rows]) | used
        again = []
        for row in open_rows:
            if row["number"] in taken:
                row["number"] += 1
                again.append(row)
            else:
                taken.add(row["number"])
                used.add(row["number"])
        open_rows = again


def _taken(connection: sa.Connection, column: sa.Column[Any], values: list[Any]) -> set[Any]:
    taken: set[Any] = set()
    for first in range(0, len(values), CHUNK):
        query = sa.select(column).where(column.in_(values[first : first + CHUNK]))
        taken.update(connection.execute(query).scalars())
    return taken


def _overwrite(
    connection: sa.Connection, account: str, conflict: Conflict, now: datetime, author: str
) -> Iterator[dict[str, Any]]:
    this = sa.and_(attempts.c.id == conflict.attempt_id, attempts.c.account == account)
    row = connection.execute(sa.select(attempts).where(this).with_for_update()).first()
    if row is None or row.status in IN_FLIGHT:
        raise BadFile("The library has changed since the preview. Choose the file again.")
    values = {name: there for name, (_, there) in conflict.differs.items() if name != "story"}
    before = {name: str(row._mapping[name] or "") for name in values}
    connection.execute(sa.update(attempts).where(this).values(values | found_by(dict(row._mapping) | values)))
    there_already = {
        _event_key({"at": event.at, "kind": event.kind, "detail": json.loads(event.detail), "author": event.author})
        for event in connection.execute(sa.select(events).where(events.c.attempt_id == conflict.attempt_id))
    }
    changed = {"at": now, "kind": "from_file", "detail": json.dumps(before, ensure_ascii=False), "author": author}
    for event in [*_events(conflict.record, there_already), *([changed] if before else [])]:
        yield event | {"attempt_id": conflict.attempt_id}


def _events(record: Record, without: Set[tuple[str, ...]] = frozenset()) -> Iterator[dict[str, Any]]:
    for event in record.story:
        if _event_key(event) not in without:
            yield event | {"detail": json.dumps(event["detail"], ensure_ascii=False)}


def _event_key(event: Mapping[str, Any]) -> tuple[str, ...]:
    return event["at"].isoformat(), event["kind"], json.dumps(event["detail"], sort_keys=True), event["author"]


def _stories(library: Library, attempt_ids: list[str]) -> dict[str, set[tuple[str, ...]]]:
    found: dict[str, set[tuple[str, ...]]] = {}
    for first in range(0, len(attempt_ids), CHUNK):
        for attempt_id, story in library.stories(attempt_ids[first : first + CHUNK]).items():
            found[attempt_id] = {
                _event_key({"at": event.at, "kind": event.kind, "detail": event.detail, "author": event.author})
                for event in story
            }
    return found
