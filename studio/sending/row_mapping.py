"""Between a row of the table `attempts` and an `Attempt`: the same columns, read and written. Knows no rule."""

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

TAKEN = sa.select(sa.true()).where(attempts.c.number == sa.bindparam("place"))


def _names(part: str, kind: type[Any]) -> list[str]:
    """Return the fields of an object that a row has."""
    there = {column.name.removeprefix("track_") for column in COLUMNS if column.part == part}
    return [field.name for field in fields(kind) if field.name in there]


OWN = _names("attempt", Attempt)
REQUEST = _names("request", PersonaRequest)
OUTCOME = _names("outcome", Outcome)
TRACK = _names("track", Track)


class _Places:
    """Where the columns of a row stand: a list has many rows, and this is read once."""

    def __init__(self, columns: Iterable[sa.Column[Any]]) -> None:
        place = {column.name: index for index, column in enumerate(columns)}
        self.own = [name for name in OWN if name in place]
        self.outcome = [name for name in OUTCOME if name in place]
        self.get_own = itemgetter(*(place[name] for name in self.own))
        self.get_request = itemgetter(*(place[name] for name in REQUEST))
        self.get_outcome = itemgetter(*(place[name] for name in self.outcome))
        self.get_track = itemgetter(*(place[f"track_{name}"] for name in TRACK))


_PLACES = {len(columns): _Places(columns) for columns in (LISTED, list(attempts.c))}


def read(row: Any) -> Attempt:
    """Make an attempt of a row with all columns of its table, or with `LISTED`."""
    places = _PLACES[len(row)]
    request = PersonaRequest(**dict(zip(REQUEST, places.get_request(row), strict=True)))
    outcome = dict(zip(places.outcome, places.get_outcome(row), strict=True))
    outcome["status"] = Status(outcome["status"])
    outcome["result"] = json.loads(outcome["result"]) if outcome["result"] else {}
    values = dict(zip(places.own, places.get_own(row), strict=True))
    values["settled"] = Settled(values["settled"])
    values["tags"] = tuple(values["tags"].split("\n")) if values["tags"] else ()
    track = places.get_track(row)
    if any(track):
        values["track"] = Track(request.audio_id, **dict(zip(TRACK, track, strict=True)))
    return Attempt(request=request, outcome=Outcome(**outcome), **values)


def columns_of(attempt: Attempt) -> dict[str, Any]:
    """Return what a row has of an attempt, without what it is found by."""
    kind = kind_named(attempt.kind)
    body = attempt.body
    return {
        **{name: getattr(attempt, name) for name in OWN},
        **{name: getattr(attempt.request, name) for name in REQUEST},
        **outcome_columns(attempt.outcome),
        **(track_columns(attempt.track) if attempt.track is not None else {}),
        "settled": attempt.settled.value,
        "tags": "\n".join(attempt.tags),
        "makes": kind.makes,
        "subject": kind.subject(attempt.id, body) if body else attempt.request.audio_id or attempt.id,
    }


def outcome_columns(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as a row has it."""
    values = {name: getattr(outcome, name) for name in OUTCOME}
    result = json.dumps(dict(outcome.result), ensure_ascii=False) if outcome.result else ""
    return values | {"status": outcome.status.value, "result": result}


def track_columns(track: Track) -> dict[str, Any]:
    """Return what an attempt's row keeps of its track."""
    return {f"track_{name}": getattr(track, name) for name in TRACK}


def blank_row() -> dict[str, Any]:
    """Return a row in which nothing stands yet."""
    blank = {column.name: getattr(column.default, "arg", None) for column in attempts.c}
    return blank | {"kind": "persona", "makes": "persona"}


def found_by(row: Mapping[str, Any]) -> dict[str, str]:
    """Return the columns by which a row is searched and sorted."""
    return {"words": searchable(row.get(name) or "" for name in SEARCHED), "sort_name": sortable(row["name"])}


def free_number(connection: sa.Connection, row: Mapping[str, Any]) -> int:
    """Return a place in time for a new row that no other has."""
    number = number_at(row["created_at"], row["id"])
    while connection.execute(TAKEN, {"place": number}).first():
        number += 1
    return number
