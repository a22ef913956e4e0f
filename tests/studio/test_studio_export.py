"""The history as CSV: what a spreadsheet sees, and what comes back."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta, timezone

import pandas
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kie import PersonaRequest
from studio.attempts import Attempt, Status
from studio.export import as_csv, guard, unguard

COLUMNS = "created_at,status,persona_id,name,description,task_id,audio_id,style,vocal_start,vocal_end,code,message"
TEXTS = ["persona_id", "name", "description", "task_id", "audio_id", "style", "message"]
GUARDED = ["=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠"]

pieces = st.one_of(
    st.sampled_from([*"=+-@'\",;\t\r\n＝＠ ", "\r\n", "🎤", "\u202e", "\u200f", "א", "\ufeff", "NA", "null"]),
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
)
nasty = st.lists(pieces, max_size=12).map("".join)


def an_attempt(**texts: object) -> Attempt:
    request = {"task_id": "t", "audio_id": "a", "name": "n", "description": "d"}
    request |= {key: texts.pop(key) for key in list(texts) if key in PersonaRequest.__dataclass_fields__}  # type: ignore[misc]
    values = {"created_at": datetime(2026, 3, 1, 12, tzinfo=UTC), "status": Status.CREATED, **texts}
    return Attempt(id="1", account="me", request=PersonaRequest(**request), **values)  # type: ignore[arg-type]


def cells(attempt: Attempt) -> dict[str, str]:
    """The one row, as written."""
    return next(csv.DictReader(io.StringIO(as_csv([attempt]).decode("utf-8-sig"), newline="")))


def test_the_columns_are_in_the_promised_order() -> None:
    assert as_csv([]).decode("utf-8-sig").splitlines() == [COLUMNS]


def test_the_file_begins_with_the_mark_that_tells_excel_its_encoding() -> None:
    assert as_csv([]).startswith(b"\xef\xbb\xbfcreated_at")


def test_every_attempt_is_a_row_in_the_order_given() -> None:
    names = ["one", "two", "three"]
    content = as_csv(an_attempt(name=name) for name in names).decode("utf-8-sig")
    assert [row["name"] for row in csv.DictReader(io.StringIO(content, newline=""))] == names


def test_times_are_iso_8601_with_their_offset() -> None:
    at = datetime(2026, 3, 1, 12, 30, 5, 123456, timezone(timedelta(hours=2)))
    assert cells(an_attempt(created_at=at))["created_at"] == "2026-03-01T12:30:05+02:00"


@pytest.mark.parametrize("column", TEXTS)
@pytest.mark.parametrize("start", GUARDED, ids=ascii)
def test_what_a_spreadsheet_could_take_for_a_formula_gets_an_apostrophe(column: str, start: str) -> None:
    assert cells(an_attempt(**{column: f"{start}1+1"}))[column] == f"'{start}1+1"


@pytest.mark.parametrize("column", TEXTS)
def test_what_begins_with_an_apostrophe_gets_one_more(column: str) -> None:
    assert cells(an_attempt(**{column: "'tis"}))[column] == "''tis"


@pytest.mark.parametrize("text", ["plain", "1=1", " =1", "", "🎤"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert cells(an_attempt(name=text))["name"] == text


def test_negative_numbers_stay_numbers() -> None:
    row = cells(an_attempt(code=-1, vocal_start=-2.5, vocal_end=-10.0))
    assert (row["code"], row["vocal_start"], row["vocal_end"]) == ("-1", "-2.5", "-10")


def test_what_is_not_known_is_empty() -> None:
    row = cells(an_attempt())
    assert [row[column] for column in ("style", "vocal_start", "vocal_end", "code")] == [""] * 4


@given(nasty)
@example("'=1")
@example("\r")
def test_the_guard_comes_off_again(text: str) -> None:
    assert unguard(guard(text)) == text


@settings(max_examples=60)
@given(st.lists(st.fixed_dictionaries(dict.fromkeys(TEXTS, nasty)), max_size=4))
@example([dict.fromkeys(TEXTS, "\r"), dict.fromkeys(TEXTS, "a\nb\rc\r\nd")])
@example([dict.fromkeys(TEXTS, '"'), dict.fromkeys(TEXTS, ',",\n"')])
@example([dict.fromkeys(TEXTS, "NA"), dict.fromkeys(TEXTS, "\ufeff")])
def test_pandas_reads_back_the_same_texts(wanted: list[dict[str, str]]) -> None:
    content = as_csv(an_attempt(**texts) for texts in wanted)
    frame = pandas.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False, encoding="utf-8-sig")
    assert [{column: row[column].removeprefix("'") for column in TEXTS} for row in frame.to_dict("records")] == wanted
