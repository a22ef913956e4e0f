"""The library as a file: a CSV for spreadsheets, and JSON Lines that have everything and can be imported.

In the CSV, a text gets an apostrophe wherever a program could begin a cell with a formula: at its start, and after each
semicolon, tab, line break or quotation mark, if an equals sign, plus, minus, at sign or apostrophe follows, perhaps
after blanks. So no cell is a formula: not where commas part cells and quotation marks enclose them, as in this file,
nor where semicolons or tabs part them, with or without quotation marks. Reading a file back undoes exactly this.

The JSON Lines begin with a line that has `format`, `version`, and `order` unless that is the newest first. Then each
attempt has a line, with all its columns and its event log. Attempts in flight are left out, as they have no outcome.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any

from studio.database.attempt_columns import IN_CSV, IN_FILE
from studio.library.search_query import Order
from studio.sending.attempts import IN_FLIGHT_STATUSES

if TYPE_CHECKING:
    from studio.library.search import Search
    from studio.library.search_query import Query
    from studio.sending.attempts import Event, Outcome

COLUMNS = IN_CSV
FIELDS = IN_FILE
FORMAT, VERSION = "persona-studio", 2
MARKS = ';"\t\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029'
"""After these another program may begin a cell: semicolon, quotation mark, tab, and what parts lines."""
FORMULA = "=+\\-@＝＋－＠﹦﹢﹣﹫'"
"""What begins a formula, wide and small forms too, as part of a regular expression; and the apostrophe itself."""
BLANKS = rf"(?:[^\S{MARKS}]|[\0\ufeff])*+"
_BEGINS = rf"{BLANKS}[{FORMULA}]"
_GUARD = re.compile(rf"\A(?=[\t\r\n\0]|{_BEGINS})|(?<=[{MARKS}])(?={_BEGINS})")
_UNGUARD = re.compile(rf"\A'|(?<=[{MARKS}])'(?={_BEGINS})")
_FIRST = re.compile(rf"[\s\0\ufeff{FORMULA}]")
BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"
"""So that Excel reads the file as UTF-8."""
CHUNK = 1000
"""Rows in memory at a time."""
MOST_EVENTS = 20_000
"""Events in memory at a time; the log of one attempt may be longer."""
MAX_IN_MEMORY = 4 * 1024 * 1024
"""Bytes of a file in memory; a longer one is a temporary file without a name."""


def guard(text: str) -> str:
    """Return the text such that no spreadsheet takes it, or a part of it, for a formula."""
    return _GUARD.sub("'", text)


def unguard(text: str) -> str:
    """Undo `guard`. A first apostrophe is dropped in any case: spreadsheets mark a text so."""
    return _UNGUARD.sub("", text) if "'" in text else text


def csv_file(library: Search, account: str, query: Query) -> IO[bytes]:
    """Return the attempts of a list as a CSV, in the list's order."""
    return _file(csv_parts(library, account, query))


def json_file(library: Search, account: str, query: Query) -> IO[bytes]:
    """Return the ended attempts of a list as JSON Lines, in the list's order."""
    return _file(json_parts(library, account, query))


def csv_parts(library: Search, account: str, query: Query) -> Iterator[str]:
    """Yield the CSV piece by piece."""
    out = io.StringIO()
    writer = csv.writer(out)
    out.write(BOM)
    writer.writerow(COLUMNS)
    yield out.getvalue()
    rows = library.rows(account, query, COLUMNS)
    while part := list(islice(rows, CHUNK)):
        out.seek(0)
        out.truncate()
        if library.unsaved:
            part = [_with_unsaved(row, library.unsaved) for row in part]
        columns = zip(COLUMNS, zip(*part, strict=True), strict=True)
        writer.writerows(zip(*(_cells(name, values) for name, values in columns), strict=True))
        yield out.getvalue()


def json_parts(library: Search, account: str, query: Query) -> Iterator[str]:
    """Yield the JSON Lines one by one."""
    head = {"format": FORMAT, "version": VERSION} | ({"order": query.order} if query.order is not Order.NEWEST else {})
    yield json.dumps(head) + "\n"
    rows = library.rows(account, query, FIELDS)
    while part := list(islice(rows, CHUNK)):
        logs = _event_logs(library, [row.id for row in part])
        for row in part:
            if row.status not in IN_FLIGHT_STATUSES:
                values: dict[str, Any] = dict(row._mapping)
                values |= {name: value.isoformat() for name, value in values.items() if isinstance(value, datetime)}
                values["tags"] = row.tags.split("\n") if row.tags else []
                log = library.events(account, row.id) if logs is None else logs.get(row.id, ())
                values["story"] = [
                    {"at": event.at.isoformat(), "kind": event.kind, "detail": event.detail, "author": event.author}
                    for event in log
                ]
                yield json.dumps(values, ensure_ascii=False) + "\n"


def _event_logs(library: Search, attempt_ids: Sequence[str]) -> dict[str, list[Event]] | None:
    """Return the event logs of some attempts, or None if together they are too long."""
    found: dict[str, list[Event]] = {}
    for number, (attempt_id, event) in enumerate(library.event_stream(attempt_ids)):
        if number == MOST_EVENTS:
            return None
        found.setdefault(attempt_id, []).append(event)
    return found


def _with_unsaved(row: Any, unsaved: Mapping[str, Outcome]) -> Any:
    """Return the row with an outcome that could not be written yet, if there is one."""
    outcome = unsaved.get(row.id)
    return row if outcome is None else tuple((dict(row._mapping) | asdict(outcome))[name] for name in COLUMNS)


def _cells(name: str, values: Sequence[Any]) -> Sequence[Any]:
    """Return a column's cells: texts guarded, times in UTC with whole seconds, numbers short, nothing for None."""
    if name in ("id", "status", "settled", "code"):
        return values
    if name in ("created_at", "track_created_at"):
        return [value and value.isoformat(timespec="seconds") for value in values]
    if name in ("vocal_start", "vocal_end", "track_duration", "credits_before", "credits_after"):
        return [value if value is None else f"{value:.10g}" for value in values]
    if name == "favourite":
        return ["yes" if value else "" for value in values]
    if name == "tags":
        values = [value.replace("\n", ", ") for value in values]
    together = "".join(filter(None, values))
    marks = [mark for mark in MARKS if mark in together]  # as a rule none, or line breaks
    begins = _FIRST.match
    if not marks:
        return [guard(value) if value and begins(value) else value for value in values]
    return [
        guard(value) if value and (begins(value) or any(mark in value for mark in marks)) else value for value in values
    ]


def _file(parts: Iterator[str]) -> IO[bytes]:
    out = SpooledTemporaryFile(MAX_IN_MEMORY)  # noqa: SIM115  # the caller closes it
    for part in parts:
        out.write(part.encode("utf-8"))
    out.seek(0)
    return out
