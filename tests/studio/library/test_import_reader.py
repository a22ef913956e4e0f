"""Files that come in: what is read of good ones, and what is said about each kind of bad one."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.exceptions import BadFile
from studio.library.export_files import FIELDS
from studio.library.import_reader import FIELDS_OF_VERSION_1, READERS, File, Record
from studio.library.search_query import Order

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ENTRY: dict[str, Any] = {
    "id": "0123456789abcdef0123456789abcdef",
    "created_at": "2026-03-01T12:00:00+00:00",
    "status": "created",
    "persona_id": "p-1",
    "name": "Quay",
    "story": [{"at": "2026-03-01T13:00:00+00:00", "kind": "by_hand", "detail": {"persona_id": "p-1"}, "author": ""}],
}


def records(content: bytes | str) -> list[Record]:
    return list(File(content if isinstance(content, bytes) else content.encode(), NOON))


def values(content: bytes | str) -> list[dict[str, Any]]:
    return [record.values for record in records(content)]


def problems(content: bytes | str) -> tuple[str, ...]:
    with pytest.raises(BadFile) as raised:
        records(content)
    return raised.value.problems


HEAD = {"format": "persona-studio", "version": 2}


def a_json(*entries: object, **head: object) -> str:
    return "".join(f"{json.dumps(line)}\n" for line in (HEAD | head, *entries))


def version_1(*entries: object, indent: int | None = None, **whole: object) -> str:
    """A file as the first versions wrote it, but for the line breaks."""
    return json.dumps({"format": "persona-studio", "version": 1, "attempts": list(entries), **whole}, indent=indent)


def a_cell(column: str, cell: str) -> str:
    """A table that is right but for one cell in its third row."""
    quoted = '"' + cell.replace('"', '""') + '"'
    if column == "persona_id":
        return f"persona_id,name\np-1,one\n{quoted},two\n"
    return f"persona_id,{column}\np-1,{'created' if column == 'status' else ''}\np-2,{quoted}\n"


# Good tables


@pytest.mark.parametrize(
    "content",
    [
        b"persona_id,name,audio_id\np-1,Quay,a-1\n",
        b"\xef\xbb\xbfpersona_id,name,audio_id\np-1,Quay,a-1\n",
        b"\xef\xbb\xbf\xef\xbb\xbfpersona_id,name,audio_id\np-1,Quay,a-1\n",
        b"persona_id;name;audio_id\np-1;Quay;a-1\n",
        b"persona_id\tname\taudio_id\np-1\tQuay\ta-1\n",
        b"persona_id,name,audio_id\r\np-1,Quay,a-1\r\n",
        b"persona_id,name,audio_id\rp-1,Quay,a-1",
        b'"persona_id","name","audio_id"\n"p-1","Quay","a-1"',
        b"audio_id,name,persona_id\na-1,Quay,p-1\n",
        b" Persona_ID ,NAME,audio_id\np-1,Quay,a-1\n",
        b"persona_id,name,audio_id,mood,\np-1,Quay,a-1,sad,\n",
        b"persona_id,name,audio_id\n\n,,\n \np-1,Quay,a-1\n\n",
        b"persona_id,name,audio_id\n'p-1,'Quay,'a-1\n",
    ],
    ids=[
        "plain", "mark", "two marks", "semicolons", "tabs", "Windows", "old Mac", "quotes", "other order", "capitals",
        "more columns", "empty rows", "guarded",
    ],
)  # fmt: skip
def test_a_table_is_read_however_a_spreadsheet_saved_it(content: bytes) -> None:
    (read,) = values(content)
    assert (read["persona_id"], read["name"], read["audio_id"]) == ("p-1", "Quay", "a-1")


def test_one_column_is_enough() -> None:
    assert [(read["persona_id"], read["status"]) for read in values("persona_id\np-1\np-2\n")] == [
        ("p-1", "created"), ("p-2", "created"),
    ]  # fmt: skip


def test_line_breaks_quotes_and_separators_stay_in_a_cell() -> None:
    assert values('persona_id,name\np-1,"two\r\nlines, ""quoted"";\t"\n')[0]["name"] == 'two\r\nlines, "quoted";\t'


def test_a_record_says_where_it_stands() -> None:
    assert [record.place for record in records("persona_id\np-1\n\np-2\n")] == ["Row 2", "Row 4"]


def test_rows_without_a_time_keep_their_order() -> None:
    times = [read["created_at"] for read in values("persona_id\np-1\np-2\np-3\n")]
    assert times == sorted(times, reverse=True)
    assert timedelta(0) < NOON - times[-1] < timedelta(seconds=1)


@pytest.mark.parametrize(
    ("column", "cell", "value"),
    [
        ("created_at", "2026-03-01T13:00:00+01:00", NOON),
        ("created_at", "2026-03-01T12:00:00Z", NOON),
        ("created_at", "2026-03-01 12:00", NOON),
        ("created_at", "2026-03-01", NOON.replace(hour=0)),
        ("status", "refused", "refused"),
        ("style", "", None),
        ("style", "folk", "folk"),
        ("vocal_start", "12.5", 12.5),
        ("vocal_end", "", None),
        ("code", "200", 200),
        ("code", "-1", -1),
        ("favourite", "yes", True),
        ("favourite", "TRUE", True),
        ("favourite", "", False),
        ("tags", "demo,  slow song , demo", "demo\nslow song"),
        ("tags", "'=sum", "=sum"),
        ("name", "''tis", "'tis"),
        ("note", "a\0b", "a?b"),
    ],
)
def test_a_cell_is_read_as_what_its_column_says(column: str, cell: str, value: object) -> None:
    assert values(a_cell(column, cell))[-1][column] == value


# Good JSON Lines


@pytest.mark.parametrize("lead", ["", "\ufeff", " \n"], ids=ascii)
def test_a_json_is_read(lead: str) -> None:
    (record,) = records(lead + a_json(ENTRY))
    assert record.values == {
        "id": ENTRY["id"], "created_at": NOON, "status": "created", "persona_id": "p-1", "name": "Quay",
    }  # fmt: skip
    assert record.events == (
        {"at": NOON + timedelta(hours=1), "kind": "by_hand", "detail": {"persona_id": "p-1"}, "author": ""},
    )


def test_a_json_without_attempts_has_no_records() -> None:
    assert records(a_json()) == []


def test_what_a_json_has_beside_the_known_is_left_alone() -> None:
    assert values(a_json(ENTRY | {"token": "x", "account": "x", "number": 1, "executor": "x"})) == values(a_json(ENTRY))


def test_half_a_pair_in_a_json_becomes_a_question_mark() -> None:
    assert values(a_json(ENTRY | {"name": "a\ud800b"}))[0]["name"] == "a?b"


@pytest.mark.parametrize(("head", "order"), [({}, Order.NEWEST), ({"order": "Name, A to Z"}, Order.NAME)])
def test_a_json_says_how_it_is_sorted(head: dict[str, object], order: Order) -> None:
    assert File(a_json(**head).encode(), NOON).order == order


@pytest.mark.parametrize("content", [a_json(ENTRY)[:-1], a_json(ENTRY).replace("\n", "\r\n"), a_json(ENTRY) + " \n\n"])
def test_a_json_is_read_whatever_its_lines_end_with(content: str) -> None:
    assert values(content) == values(a_json(ENTRY))


def test_a_record_of_a_json_says_in_which_row_it_stands() -> None:
    assert [record.place for record in records(a_json(ENTRY, ENTRY | {"id": "x"}))] == ["Row 2", "Row 3"]


def test_an_attempt_of_another_kind_needs_no_persona() -> None:
    (read,) = values(a_json(ENTRY | {"kind": "boost", "persona_id": ""}))
    assert (read["kind"], read["persona_id"]) == ("boost", "")


def test_the_records_of_a_file_can_be_had_again() -> None:
    file = File(a_json(ENTRY).encode(), NOON)
    assert list(file) == list(file) != []


# Version 1


def as_it_was_written(*entries: object) -> str:
    """What the first versions wrote, to the byte."""
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
    return f'{{"format": "persona-studio", "version": 1, "attempts": [\n{lines}\n]}}\n'


SECOND = ENTRY | {"id": "x", "name": 'a "quoted", {braced} [name] \\', "tags": ["a", "b"], "more": [{"x": [[]]}]}
LAID_OUT = {
    "as it was": as_it_was_written(ENTRY, SECOND),
    "one line": version_1(ENTRY, SECOND),
    "indented": version_1(ENTRY, SECOND, indent=4),
    "Windows": as_it_was_written(ENTRY, SECOND).replace("\n", "\r\n"),
    "more of the whole": version_1(ENTRY, SECOND, more={"a": [{}, []]}, note="x"),
    "in another order": json.dumps({"attempts": [ENTRY, SECOND], "note": [], "version": 1, "format": "persona-studio"}),
}


@pytest.mark.parametrize("content", LAID_OUT.values(), ids=LAID_OUT)
def test_version_1_is_read_however_it_is_laid_out(content: str) -> None:
    found = records(content)
    assert [record.place for record in found] == ["Attempt 1", "Attempt 2"]
    assert [record.values for record in found] == values(a_json(ENTRY, SECOND))


def test_of_version_1_only_its_own_fields_are_read() -> None:
    (read,) = values(version_1(ENTRY | {"kind": "boost", "body": "{}"}))
    assert read == values(version_1(ENTRY))[0]


def test_version_1_had_the_fields_up_to_the_credits() -> None:
    assert FIELDS_OF_VERSION_1[-1] == "credits_after"
    assert set(FIELDS) - set(FIELDS_OF_VERSION_1) == {"kind", "body", "handle", "result"}


def test_version_1_does_not_say_how_it_is_sorted() -> None:
    assert File(version_1(ENTRY).encode(), NOON).order is None


# Bad files: whole ones


GOOD = "persona_id,name\np-1,Quay\n"
BAD = {
    "nothing": ("", "The file is empty."),
    "a mark and nothing": ("\ufeff", "The file is empty."),
    "blanks": (" \n\t\n", "The file is empty."),
    "no persona_id": (
        "name,audio_id\nQuay,a-1\n",
        "Row 1: there is no column “persona_id”. The first row must name the columns, such as "
        "persona_id, name, description, task_id, audio_id.",
    ),
    "no header": ("p-1,Quay\np-2,Pier\n", "Row 1: there is no column “persona_id”."),
    "no table": ("Dear friend,\nhere are my personas.", "Row 1: there is no column “persona_id”."),
    "a picture": (b"\x89PNG\r\n\x1a\n", "Row 1, about character 1 of its cell: the file is not UTF-8 text."),
    "a workbook": (b"PK\x03\x04\x14\x00\x00\x00\x08\x00\xff", "Row 1, about character 11 of its cell: the file is not"),
    "Latin-1 in a cell": (
        "persona_id,name\np-1,Quay\np-2,Jos\xe9\n".encode("latin-1"),
        "Row 3, about character 4 of its cell: the file is not UTF-8 text. Save it as “CSV UTF-8” and try again.",
    ),
    "UTF-16": (GOOD.encode("utf-16"), "Row 1, about character 1 of its cell: the file is not UTF-8 text."),
    "UTF-16 without mark": (GOOD.encode("utf-16-le"), "Row 1: there is no column “persona_id”."),
    "UTF-32": (GOOD.encode("utf-32"), "Row 1, about character 1 of its cell: the file is not UTF-8 text."),
    "cut in a letter": ("persona_id,name\np-1,é".encode()[:-1], "Row 2, about character 1 of its cell: the file is"),
    "two columns of a name": (
        "persona_id,name,Name \np-1,a,b\n",
        "Row 1, “name”: there are two columns of this name. Take one out.",
    ),
    "two of the first column": ("persona_id,persona_id\np-1,p-2\n", "Row 1, “persona_id”: there are two columns"),
    "too many cells": (
        "persona_id,name\np-1,Quay\np-2,Pier,more\n",
        "Row 3, “name”: the row has 3 cells, and there are 2 columns.",
    ),
    "too few cells": (
        "persona_id,name,note\np-1,Quay,x\np-2\n",
        "Row 3, “persona_id”: the row has 1 cells, and there are 3 columns.",
    ),
    "cut in a row": ("persona_id,name,note\np-1,Quay,x\np-2,Pi", "Row 3, “name”: the row has 2 cells, and there are 3"),
    "an open quote": (
        'persona_id,name\np-1,Quay\np-2,"Pier\np-3,Dock\n',
        "Row 3: it cannot be read as CSV (unexpected end of data). Is a quotation mark left open?",
    ),
    "an open quote in the header": ('persona_id,"name\np-1,Quay\n', "Row 1: it cannot be read as CSV"),
    "a quote in the middle": ('persona_id,name\np-1,"Quay" East\n', "Row 2: it cannot be read as CSV"),
    "an ID twice": (
        "id,persona_id\nx-1,p-1\nx-2,p-2\nx-1,p-3\n",
        "Row 4, “id”: it is the same as in row 2. Take one of them out.",
    ),
    "a persona without ID": (
        "persona_id,name\np-1,Quay\n,Pier\n",
        "Row 3, “persona_id”: it is empty. Fill it in, or take the row out.",
    ),
    "NUL in an ID": ("persona_id,name\np\0-1,Quay\n", "Row 2, “persona_id”: it has a line break or an invisible"),
    "only NUL": ("\0\0\0", "Row 1: there is no column “persona_id”."),
    "a cut JSON": (
        a_json(ENTRY) + '{"id": "x", "name": "é',
        "Row 3, character 21: the JSON breaks off or is damaged here. Export it again.",
    ),
    "a JSON cut in its head": ('{"format": "persona-studio", "version', "Row 1, character 30: the JSON breaks off"),
    "more behind the head": (f"{json.dumps(HEAD)} {{}}\n", "Row 1, character 44: the JSON breaks off"),
    "two attempts in a line": (a_json() + "{} {}\n", "Row 2, character 4: the JSON breaks off"),
    "an attempt in two lines": (a_json() + '{"id":\n "x"}\n', "Row 3, character 1: the JSON breaks off"),
    "a cut version 1": (
        '{"format": "persona-studio",\n "version": 1,\n "attempts": [{"id',
        "Row 3, character 16: the JSON breaks off or is damaged here. Export it again.",
    ),
    "a version 1 cut between attempts": (as_it_was_written(ENTRY)[:-4], "Row 2, character "),
    "a version 1 cut at its end": (as_it_was_written(ENTRY)[:-2], "Row 3, character 2: the JSON breaks off"),
    "more behind version 1": (version_1() + " x", "Row 1, character 60: the JSON breaks off"),
    "a damaged version 1": ('{"format": "persona-studio",\n"version": 1,\n"attempts": [}', "Row 3, character 14: the"),
    "crossed brackets": (version_1()[:-2] + '{"a": [}]]}', "Row 1, character "),
    "an attempt without commas": (
        as_it_was_written(ENTRY, SECOND).replace("},\n", "}\n"),
        "Row 3, character 1: the JSON",
    ),
    "another JSON": ('{"personas": []}', "This JSON was not made by Persona Studio. Give one that was, or a CSV."),
    "a list": ("[1, 2]", "This JSON was not made by Persona Studio."),
    "a newer JSON": (
        a_json(version=3),
        "This JSON was made by a newer version of Persona Studio. Update the program, then try again.",
    ),
    "no version": (
        '{"format": "persona-studio", "attempts": []}',
        "“version”: it must be 2, or 1. Was the file changed by hand?",
    ),
    "an older JSON": (a_json(version=0), "“version”: it must be 2, or 1."),
    "no attempts": (
        '{"format": "persona-studio", "version": 1}',
        "“attempts”: there must be a list of at most 200,000",
    ),
    "attempts by name": (version_1().replace("[]", '{"a": {}}'), "“attempts”: there must be a list"),
    "attempts twice": (version_1()[:-1] + ', "attempts": []}', "“attempts”: there must be a list"),
    "an attempt that is none": (a_json(ENTRY, "x"), "Row 3: it must be an object."),
    "JSON with an ID twice": (a_json(ENTRY, ENTRY), "Row 3, “id”: it is the same as in row 2."),
    "lists in lists": ("[" * 100_000, "This JSON was not made by Persona Studio."),
    "objects in objects": ('{"a":' * 100_000, "The JSON is nested too deeply"),
    "a deep attempt": (a_json() + '{"a":' * 100_000, "Row 2: it is nested too deeply"),
    "a deep attempt of version 1": (version_1()[:-2] + "[" * 100_000 + "]" * 100_000 + "]}", "The JSON is nested too"),
    "a number without end": (
        a_json() + '{"x": ' + "9" * 5_000 + "}",
        "Row 2: it is nested too deeply, or has a number",
    ),
    "a number without end in the head": (a_json(x=0).replace('"x": 0', '"x": ' + "9" * 5_000), "Row 1: it is nested"),
    "a long head": (a_json(x="x" * 100_000), "This JSON was not made by Persona Studio."),
    "a head with very many names": (a_json(**{f"x{number}": 0 for number in range(200)}), "This JSON was not made"),
}


@pytest.mark.parametrize(("content", "sentence"), BAD.values(), ids=BAD)
def test_a_bad_file_is_refused_with_one_sentence_that_says_where(content: bytes | str, sentence: str) -> None:
    (problem,) = problems(content)
    assert problem.startswith(sentence)


@pytest.mark.parametrize("missing", ["id", "created_at", "status"])
def test_what_every_attempt_of_a_json_must_have(missing: str) -> None:
    entry = {name: value for name, value in ENTRY.items() if name != missing}
    assert problems(a_json(ENTRY | {"id": "x"}, entry)) == (f"Row 3, “{missing}”: it is missing.",)


def test_a_file_over_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.library.import_reader.MAX_BYTES", 1 << 20)
    assert problems(b"x" * (3 << 20)) == ("The file has 3 MB, and 1 MB is the most. Split it.",)


def test_a_file_at_the_limit_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.library.import_reader.MAX_BYTES", len(GOOD))
    assert len(records(GOOD)) == 1


def test_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.library.import_reader.MAX_ROWS", 2)
    assert len(records("persona_id\np-1\np-2\n\n")) == 2
    assert problems("persona_id\np-1\np-2\np-3\n") == ("Row 4: there are more than 2 rows. Split the file.",)


def test_too_many_attempts_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.library.import_reader.MAX_ROWS", 1)
    two = ENTRY, ENTRY | {"id": "x"}
    assert problems(version_1(*two)) == ("“attempts”: there must be a list of at most 1 attempts.",)
    assert len(records(a_json(ENTRY) + "\n")) == 1
    assert problems(a_json(*two)) == ("Row 3: there are more than 1 attempts. Split the file.",)


@pytest.mark.parametrize("width", [1, 3, 4])
def test_an_attempt_is_refused_by_its_characters_not_its_bytes(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.library.import_json_scanner.MAX_LINE", 70_000)
    letter = {1: "x", 3: "夜", 4: "🎤"}[width]
    fits, not_quite = (json.dumps(ENTRY | {"raw": letter * n}, ensure_ascii=False) for n in (69_000, 70_000))
    assert len(records(f"{a_json()}{fits}\n")) == 1
    (problem,) = problems(f"{a_json()}{not_quite}\n")
    assert problem.startswith("Row 2: it is longer than 70,000 characters, or has more than 262,144 values.")


def test_an_attempt_with_too_many_values_is_refused() -> None:
    full: dict[str, Any] = {"story": [{"a": []}] * 100_000}
    assert problems(a_json(ENTRY | full))[0].startswith("Row 2: it is longer than")
    assert problems(version_1(ENTRY | full))[0].startswith("Attempt 1: it is longer than")


HEAD_1 = b'{"format": "persona-studio", "version": 1, "attempts": ['
LONG = 5 * 1024 * 1024
HOSTILE = {
    "nested": lambda: a_json().encode() + b"[" * LONG,
    "nested in version 1": lambda: HEAD_1 + b'{"a":' * (LONG // 5),
    "a long text": lambda: a_json().encode() + b'{"raw": "' + b"x" * LONG + b'"}',
    "a long text in version 1": lambda: HEAD_1 + b'{"raw": "' + b"x" * LONG + b'"}]}',
    "an open text": lambda: HEAD_1 + b'{"raw": "' + b'\\"' * (LONG // 2),
    "small values": lambda: a_json().encode() + b'{"a":1,' * (LONG // 7),
    "small values in version 1": lambda: HEAD_1 + b'{"x": [' + b"{}," * (LONG // 3) + b"0]}]}",
    "small attempts": lambda: HEAD_1 + b"{}," * (LONG // 3) + b"{}]}",
    "small members": lambda: b"{" + b'"a":1,' * (LONG // 6) + b'"b":2}',
    "small members behind the attempts": lambda: HEAD_1 + b"]," + b'"a":1,' * (LONG // 6) + b'"b":2}',
    "a long number": lambda: HEAD_1 + b"9" * LONG + b"]}",
    "the longest text that is read": lambda: (
        f'{a_json()}{json.dumps(ENTRY)[:-1]}, "raw": "🎤{"x" * 500_000}"}}\n'.encode()
    ),
    "a table with an open cell": lambda: b'persona_id,name\np-1,"' + b"x\n" * (LONG // 2),
    "a table of cells": lambda: b"persona_id,name\n" + b"," * LONG,
    "a table of one name": lambda: b"x" * LONG,
    "blank rows": lambda: a_json().encode() + b"\n" * LONG,
    "a table of blank rows": lambda: b"persona_id\n" + b"\n" * LONG,
}


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_whatever_a_long_file_holds_it_is_refused_within_little_memory(
    make: Callable[[], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("import_reader", "import_json_scanner"):  # 1/12, 1/16 and 1/20 of what they are
        monkeypatch.setattr(f"studio.library.{module}.MAX_LINE", 512 * 1024)
        monkeypatch.setattr(f"studio.library.{module}.MOST_PARTS", 2**14)
    monkeypatch.setattr("studio.library.import_reader.MAX_ROWS", 10_000)
    content = make()
    tracemalloc.start()
    assert are_sentences(told(content))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * 1024 * 1024


@pytest.mark.parametrize("kind", ["JSON", "version 1", "table"])
def test_of_a_long_file_little_is_in_memory(kind: str) -> None:
    many = [ENTRY | {"id": f"{number:032x}", "note": "x" * 4000} for number in range(2000)]
    content = {
        "JSON": lambda: a_json(*many),
        "version 1": lambda: as_it_was_written(*many),
        "table": lambda: "persona_id,note\n" + f"p-1,{'x' * 4000}\n" * 2000,
    }[kind]().encode()
    tracemalloc.start()
    assert sum(1 for _ in File(content, NOON)) == 2000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < len(content) / 10


def test_brackets_and_commas_in_texts_are_no_values() -> None:
    assert len(records(a_json(ENTRY | {"raw": '{[,"\\' * 100_000}))) == 1


def test_a_row_of_a_table_that_never_ends_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.library.import_reader.MAX_LINE", 1000)
    assert problems('persona_id,name\np-1,Quay\np-2,"Pier\n' + "p-3,Dock\n" * 200)[0].startswith(
        "Row 3: it is longer than 1,000 characters"
    )


def test_a_row_of_a_table_with_too_many_cells_is_refused() -> None:
    assert problems("persona_id,name\np-1" + "," * 300_000)[0].startswith("Row 2: it is longer than")


def test_every_bad_cell_of_a_file_is_named() -> None:
    assert problems("persona_id,code,favourite\np-1,x,\n,1,\np-3,y,perhaps\n") == (
        "Row 2, “code”: it must be a number, such as 12.5.",
        "Row 3, “persona_id”: it is empty. Fill it in, or take the row out.",
        "Row 4, “code”: it must be a number, such as 12.5.",
        "Row 4, “favourite”: it must be yes or empty.",
    )


@pytest.mark.parametrize("content", ["persona_id\n" + "x\ty\n,\n" * 50, a_json(*[5] * 50)], ids=["CSV", "JSON"])
def test_of_very_many_problems_the_first_are_told(content: str) -> None:
    assert len(problems(content)) == 20


# Bad files: single cells


@pytest.mark.parametrize(
    ("column", "cell", "why"),
    [
        ("persona_id", "x" * 201, "has 201 characters, and 200 is the most"),
        ("persona_id", "a\nb", "has a line break or an invisible character in it"),
        ("created_at", "yesterday", "must be a time, such as 2026-03-01T12:00:00+00:00"),
        ("created_at", "03/01/2026", "must be a time, such as 2026-03-01T12:00:00+00:00"),
        ("created_at", "1969-12-31T23:59:59Z", "must be a time between 1970 and "),
        ("created_at", "9999-12-31T23:59:59-12:00", "must be a time"),
        ("created_at", "0001-01-01T00:00:00+12:00", "must be a time"),
        ("status", "made", "must be one of nothing, created, refused, unknown, queued, sending"),
        ("status", "CREATED", "must be one of nothing, created, refused, unknown, queued, sending"),
        ("name", "x" * 5001, "has 5,001 characters, and 5,000 is the most"),
        ("description", "x" * 5001, "has 5,001 characters, and 5,000 is the most"),
        ("style", "x" * 5001, "has 5,001 characters, and 5,000 is the most"),
        ("task_id", "x" * 201, "has 201 characters, and 200 is the most"),
        ("audio_id", "a\u202eb", "has a line break or an invisible character in it"),
        ("vocal_start", "ten", "must be a number, such as 12.5"),
        ("vocal_start", "12,5", "must be a number, such as 12.5"),
        ("vocal_end", "nan", "must be a number, such as 12.5"),
        ("vocal_end", "1e999", "must be a number, such as 12.5"),
        ("code", "1.5", "must be a whole number"),
        ("code", "2147483648", "must be a whole number"),
        ("message", "x" * (2 * 1024 * 1024 + 1), "has 2,097,153 characters, and 2,097,152 is the most"),
        ("id", "x" * 201, "has 201 characters, and 200 is the most"),
        ("note", "x" * 5001, "has 5,001 characters, and 5,000 is the most"),
        ("tags", ",".join(map(str, range(21))), "it may hold at most 20 tags of at most 40 characters each."),
        ("tags", "x" * 41, "it may hold at most 20 tags of at most 40 characters each."),
        ("favourite", "perhaps", "must be yes or empty"),
        ("settled", "lost", "must be one of nothing, asked_again, not_made, by_hand"),
        ("author", "a\nb", "has a line break or an invisible character in it"),
        ("track_title", "x" * 5001, "has 5,001 characters, and 5,000 is the most"),
        ("track_model", "x" * 201, "has 201 characters, and 200 is the most"),
        ("track_duration", "3:01", "must be a number, such as 12.5"),
        ("track_created_at", "last year", "must be a time, such as 2026-03-01T12:00:00+00:00"),
        ("credits_before", "many", "must be a number, such as 12.5"),
        ("credits_after", "-", "must be a number, such as 12.5"),
    ],
    ids=lambda value: ascii(value)[1:-1][:20],
)
def test_a_bad_cell_is_named_by_row_and_column(column: str, cell: str, why: str) -> None:
    (problem,) = problems(a_cell(column, cell))
    assert problem.startswith(f"Row 3, “{column}”: ")
    assert why in problem


TIMES = ["created_at", "sent_at", "ended_at", "track_created_at"]


@pytest.mark.parametrize("ahead", ["2026-03-03T12:00:00Z", "2199-01-01", "2199-12-31T23:59:59Z"])
@pytest.mark.parametrize("field", [*TIMES, "story"])
def test_a_time_in_the_future_is_named_by_row_and_field(field: str, ahead: str) -> None:
    wrong = [{"at": ahead, "kind": "used"}] if field == "story" else ahead
    assert problems(a_json(ENTRY | {"id": "x"}, ENTRY | {field: wrong})) == (
        f"Row 3, “{field}”: it is in the future. Is this server’s clock right?",
    )
    if field in ("created_at", "track_created_at"):
        assert problems(a_cell(field, ahead)) == (
            f"Row 3, “{field}”: it is in the future. Is this server’s clock right?",
        )


@pytest.mark.parametrize("far", ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00+12:00"])
@pytest.mark.parametrize("field", [*TIMES, "story"])
def test_a_time_that_no_calendar_holds_is_named_by_row_and_field(field: str, far: str) -> None:
    wrong = [{"at": far, "kind": "used"}] if field == "story" else far
    (problem,) = problems(a_json(ENTRY | {"id": "x"}, ENTRY | {field: wrong}))
    assert problem.startswith(f"Row 3, “{field}”: it must be a time")


def test_a_time_of_a_clock_that_is_some_hours_ahead_is_taken() -> None:
    ahead = (NOON + timedelta(hours=23)).isoformat()
    assert len(records(a_json(ENTRY | dict.fromkeys(TIMES, ahead) | {"story": [{"at": ahead, "kind": "used"}]}))) == 1


WRONG: dict[str, list[object]] = {
    "text": [5, None, True, [], {}, ["x"]],
    "number": ["x", True, [], {}, "nan", 10**400],
    "time": [5, True, [], {}, "x", "2026-13-01", "2200-01-01", "1969-12-31", "9999-12-31"],
    "object": [5, None, "x", "[]", "[" * 5_000, '{"a": 1', '{"a": ' + "9" * 5_000 + "}"],
    "kind": [5, None, "", "poem", [], {}],
}
KINDS = {
    **dict.fromkeys(("created_at", "sent_at", "ended_at", "track_created_at"), "time"),
    **dict.fromkeys(("vocal_start", "vocal_end", "track_duration", "credits_before", "credits_after"), "number"),
    **dict.fromkeys(("code", "http_status", "repeats"), "number"),
    **dict.fromkeys(("body", "result"), "object"),
    "kind": "kind",
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_value_of_the_wrong_type_is_named_by_attempt_and_field(kind: str) -> None:
    fields = [field for field in FIELDS if field not in ("favourite", "tags", "style")]
    for field in (field for field in fields if KINDS.get(field, "text") == kind):
        for wrong in WRONG[kind]:
            found = problems(a_json(ENTRY | {"id": "x"}, ENTRY | {field: wrong}))
            assert [problem.partition(": it ")[0] for problem in found] == [f"Row 3, “{field}”"], wrong


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("style", 5), ("style", []), ("tags", 5), ("tags", None), ("tags", [5]), ("tags", {"a": "b"}),
        ("tags", ["a,b"]), ("tags", ["a\nb" * 40]), ("favourite", 2), ("favourite", []), ("favourite", None),
        ("story", 5), ("story", None), ("story", [5]), ("story", [{}]), ("story", [{"at": "x", "kind": "x"}]),
        ("story", [{"at": ENTRY["created_at"]}]), ("story", [{"at": ENTRY["created_at"], "kind": 5}]),
        ("story", [{"at": ENTRY["created_at"], "kind": "x" * 17}]),
        ("story", [{"at": ENTRY["created_at"], "kind": "x", "detail": 5}]),
        ("story", [{"at": ENTRY["created_at"], "kind": "x", "detail": {"a": 5}}]),
        ("story", [{"at": ENTRY["created_at"], "kind": "x", "author": 5}]),
        ("story", [{"at": ENTRY["created_at"], "kind": "x", "author": "a\nb"}]),
        ("repeats", 1.5), ("repeats", None), ("repeats", ""), ("code", 2**31), ("http_status", 1e300),
        ("cause", "x" * 17), ("replaces", "x" * 33), ("settled", "x"),
        ("raw", "x" * (2 * 1024 * 1024 + 1)), ("id", "a\nb"), ("status", "x"),
    ],
    ids=lambda value: ascii(value)[:20],
)  # fmt: skip
def test_a_value_beyond_what_is_allowed_is_named_by_attempt_and_field(field: str, wrong: object) -> None:
    found = problems(a_json(ENTRY | {"id": "x"}, ENTRY | {field: wrong}))
    assert [problem.partition(": it ")[0] for problem in found] == [f"Row 3, “{field}”"]


@pytest.mark.parametrize("field", sorted({"style", *KINDS} - {"created_at", "repeats", "body", "result", "kind"}))
def test_what_is_not_known_may_be_null(field: str) -> None:
    assert values(a_json(ENTRY | {field: None}))[0][field] is None


def test_a_kind_that_is_not_known_is_refused_with_what_to_do() -> None:
    assert problems(a_json(ENTRY | {"kind": "poem"})) == (
        "Row 2, “kind”: it is one that this version of Persona Studio does not know. Update the program.",
    )


@pytest.mark.parametrize("content", ['{"a":' + "{}," * 2_000 + "}", "{" + '"a":[],' * 200_000 + '"b":0}'])
def test_an_object_in_a_text_is_bounded_as_an_attempt_is(content: str) -> None:
    assert problems(a_json(ENTRY | {"body": content})) == ("Row 2, “body”: it must be a JSON object as a text.",)


def test_every_field_that_goes_out_can_come_in() -> None:
    assert set(FIELDS) == set(READERS)


# Whatever comes


def told(content: bytes) -> tuple[str, ...]:
    """What is said about a file, whatever it is; nothing about a good one."""
    try:
        list(File(content, NOON))
    except BadFile as bad:
        return bad.problems
    return ()


def are_sentences(problems: tuple[str, ...]) -> bool:
    return all(problem.endswith((".", "?")) and len(problem) < 300 for problem in problems)


@pytest.mark.parametrize(
    "content", [a_json(ENTRY), version_1(ENTRY), '\ufeffid,persona_id,name\nx,p-1,"é, ""Quay""\n"\ny,p-2,b\n']
)
def test_wherever_a_file_breaks_off_it_is_read_or_refused(content: str) -> None:
    whole = content.encode()
    for end in range(len(whole)):
        assert are_sentences(told(whole[:end]))


@given(st.binary(max_size=100))
def test_whatever_bytes_come_they_are_read_or_refused(content: bytes) -> None:
    assert are_sentences(told(content) + told(b"persona_id,name\n" + content))


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from([10**400, "\ud800"]),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=3), inside, max_size=3),
    max_leaves=5,
)


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from([*FIELDS, "story"]), anything, max_size=4), anything)
def test_whatever_a_json_holds_it_is_read_or_refused(fields: dict[str, Any], more: object) -> None:
    assert are_sentences(told(a_json(ENTRY | fields, more).encode()) + told(json.dumps(more).encode()))
    assert are_sentences(told(version_1(ENTRY | fields, more).encode()))


foreign = st.text(max_size=3).filter(lambda name: name not in FIELDS)
"""Names that are none of ours, whose values are ignored."""
damage = st.lists(st.tuples(st.integers(0, 2_000), st.sampled_from(list('{}[],:"\\ \n0x\u20ac'))), max_size=3)


@settings(max_examples=300)
@given(st.lists(st.dictionaries(foreign, anything, max_size=3), max_size=3), damage, st.booleans())
def test_version_1_is_taken_exactly_if_it_is_json(
    more: list[dict[str, Any]], damage: list[tuple[int, str]], indented: bool
) -> None:
    entries = [extra | ENTRY | {"id": f"{number}"} for number, extra in enumerate(more)]
    content = version_1(*entries, indent=1 if indented else None)
    for place, letter in damage:
        content = content[: place % len(content)] + letter + content[place % len(content) :]
    try:
        whole = json.loads(content)
    except ValueError:
        assert told(content.encode())
        return
    said = told(content.encode())
    if not said:
        assert len(records(content)) == len(whole["attempts"])
    if content == version_1(*entries, indent=1 if indented else None):
        assert not said


def test_a_long_name_of_a_column_is_not_told_at_length() -> None:
    assert are_sentences(told(f"persona_id,{'x' * 100_000}\np-1,a,b\n".encode()))
