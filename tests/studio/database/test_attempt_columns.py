"""The table of columns agrees with what is made from it: the objects of the program, the CSV and the search."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kie import Cause, PersonaRequest, Track
from studio.database.attempt_columns import COLUMNS, IN_CSV, Column
from studio.database.connection import Database
from studio.library.edits import Library
from studio.library.export_files import csv_file
from studio.library.import_reader import OWN_READERS, READERS, Check
from studio.library.search_query import Query
from studio.sending.attempt_store import Store
from studio.sending.attempts import Attempt, Outcome
from tests.studio.helpers import ME, filed

PARTS = {"attempt": Attempt, "request": PersonaRequest, "outcome": Outcome, "track": Track}
FULL: dict[str, Any] = {
    "text": "plain words", "time": datetime(2026, 3, 1, tzinfo=UTC), "number": 1.5, "whole": 7, "flag": True,
}  # fmt: skip
TOLD = {column.name: FULL[column.type] for column in COLUMNS if column.csv and column.type in FULL}
SEARCHED = [column.name for column in COLUMNS if column.searched]
SHORT = [column for column in COLUMNS if column.type == "short" and column.in_file and column.name != "id"]
"""Without the ID: one that is not of 32 hex digits is replaced when it is written."""


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    store = Store(Database(f"sqlite:///{tmp_path}/studio.db"))
    yield Library(store.database)
    store.database.close()


@pytest.mark.parametrize("column", [column for column in COLUMNS if column.part in PARTS], ids=lambda each: each.name)
def test_a_column_is_a_field_of_the_object_that_it_names(column: Column) -> None:
    assert column.name.removeprefix("track_") in {field.name for field in fields(PARTS[column.part])}


def test_the_places_in_the_csv_are_counted_without_a_gap() -> None:
    assert sorted(column.csv for column in COLUMNS if column.csv) == list(range(1, len(IN_CSV) + 1))


def test_the_csv_has_a_word_for_every_value(library: Library) -> None:
    filed(library, **TOLD)
    (row,) = csv.DictReader(io.StringIO(csv_file(library, ME, Query()).read().decode("utf-8-sig")))
    assert [name for name, cell in row.items() if not cell and name in TOLD] == []


@pytest.mark.parametrize("name", SEARCHED)
def test_a_searched_column_is_found_by_its_words(name: str, library: Library) -> None:
    this = filed(library, **{name: "zephyr"})
    assert [attempt.id for attempt in library.find(ME, Query("zeph")).attempts] == [this]


@pytest.mark.parametrize("column", SHORT, ids=lambda each: each.name)
@pytest.mark.parametrize("readers", [READERS, OWN_READERS], ids=["table", "own"])
def test_no_file_brings_a_text_that_is_longer_than_its_column(column: Column, readers: dict[str, Check]) -> None:
    with pytest.raises(ValueError, match=r"^(has|must|is) "):
        readers[column.name]("x" * (column.length + 1))


@pytest.mark.parametrize("cause", Cause)
def test_a_cause_fits_into_its_column(cause: Cause) -> None:
    (column,) = (column for column in COLUMNS if column.name == "cause")
    assert len(cause) <= column.length
