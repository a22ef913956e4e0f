"""Converts rows of the table `attempts` to `Attempt`s and back. Knows no rule about them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from kie import PersonaRequest, Track
from studio.database.attempt_columns import COLUMNS, SEARCHED
from studio.database.search_words import searchable, sortable
from studio.database.tables import attempts, number_at
from studio.sending.attempts import Attempt, Outcome, Settled, Status
from studio.sending.kinds import kind_named

LISTED = [attempts.c[column.name] for column in COLUMNS if not column.bulky]
"""The columns of a list: all but the bulky ones."""

NUMBER_TAKEN = sa.select(sa.true()).where(attempts.c.number == sa.bindparam("number"))


def _fields_in_table(part: str, kind: type[Any]) -> list[str]:
    there = {column.name.removeprefix("track_") for column in COLUMNS if column.part == part}
    return [field.name for field in fields(kind) if field.name in there]


OWN = _fields_in_table("attempt", Attempt)
REQUEST = _fields_in_table("request", PersonaRequest)
OUTCOME = _fields_in_table("outcome", Outcome)
TRACK = _fields_in_table("track", Track)


class _Positions:
    """The indices of an attempt's parts in a row, worked out once for all rows of the same columns."""

    def __init__(self, columns: Iterable[sa.Column[Any]]) -> None:
        index = {column.name: index for index, column in enumerate(columns)}
        self.own = [name for name in OWN if name in index]
        self.outcome = [name for name in OUTCOME if name in index]
        self.get_own = itemgetter(*(index[name] for name in self.own))
        self.get_request = itemgetter(*(index[name] for name in REQUEST))
        self.get_outcome = itemgetter(*(index[name] for name in self.outcome))
        self.get_track = itemgetter(*(index[f"track_{name}"] for name in TRACK))


_POSITIONS = {len(columns): _Positions(columns) for columns in (LISTED, list(attempts.c))}


def attempt_of(row: Any) -> Attempt:
    """Return the attempt of a row that has all columns of its table, or those in `LISTED`."""
    positions = _POSITIONS[len(row)]
    request = PersonaRequest(**dict(zip(REQUEST, positions.get_request(row), strict=True)))
    outcome = dict(zip(positions.outcome, positions.get_outcome(row), strict=True))
    outcome["status"] = Status(outcome["status"])
    outcome["result"] = json.loads(outcome["result"]) if outcome["result"] else {}
    values = dict(zip(positions.own, positions.get_own(row), strict=True))
    values["settled"] = Settled(values["settled"])
    values["tags"] = tuple(values["tags"].split("\n")) if values["tags"] else ()
    track = positions.get_track(row)
    if any(track):
        values["track"] = Track(request.audio_id, **dict(zip(TRACK, track, strict=True)))
    return Attempt(request=request, outcome=Outcome(**outcome), **values)


def row_of(attempt: Attempt) -> dict[str, Any]:
    """Return an attempt's columns, without those that it is searched and sorted by."""
    kind = kind_named(attempt.kind)
    return {
        **{name: getattr(attempt, name) for name in OWN},
        **{name: getattr(attempt.request, name) for name in REQUEST},
        **outcome_columns(attempt.outcome),
        **track_columns(attempt.track),
        "settled": attempt.settled.value,
        "tags": "\n".join(attempt.tags),
        "makes": kind.makes,
        "subject": kind.subject(attempt.id, attempt.body) if attempt.body else attempt.request.audio_id or attempt.id,
    }


def outcome_columns(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome's columns."""
    values = {name: getattr(outcome, name) for name in OUTCOME}
    result = json.dumps(dict(outcome.result), ensure_ascii=False) if outcome.result else ""
    return values | {"status": outcome.status.value, "result": result}


def track_columns(track: Track | None) -> dict[str, Any]:
    """Return a track's columns; none without a track."""
    return {f"track_{name}": getattr(track, name) for name in TRACK} if track is not None else {}


def blank_row() -> dict[str, Any]:
    """Return the columns' defaults."""
    blank = {column.name: getattr(column.default, "arg", None) for column in attempts.c}
    return blank | {"kind": "persona", "makes": "persona"}


def search_columns(row: Mapping[str, Any]) -> dict[str, str]:
    """Return the columns by which a row is searched and sorted."""
    return {"words": searchable(row.get(name) or "" for name in SEARCHED), "sort_name": sortable(row["name"])}


def unused_number(connection: sa.Connection, row: Mapping[str, Any]) -> int:
    """Return the `number` of a new row: that of its time and ID, or the next one that no row has."""
    number = number_at(row["created_at"], row["id"])
    while connection.execute(NUMBER_TAKEN, {"number": number}).first():
        number += 1
    return number
