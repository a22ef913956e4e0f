"""Reading a file that is to be imported: the library's own, a CSV, or a table with at least a column `persona_id`.

Little more than one attempt of a file is parsed in memory, however long it is. `import_merge` compares and writes them.

The library's own file is JSON Lines (`export_files`). Version 1 was one object with a list `attempts`; it is read
element by element, whatever its white space.
"""

from __future__ import annotations

import codecs
import csv
import io
import math
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TextIO

from kie.json_values import clean
from kie.persona import MAX_TEXT
from studio.database.attempt_columns import COLUMNS as ALL
from studio.exceptions import BadFile
from studio.library.export_files import COLUMNS, FIELDS, FORMAT, VERSION, unguard
from studio.library.import_json_scanner import (
    MAX_LINE,
    MAX_RAW,
    MOST_PARTS,
    NOT_FROM_HERE,
    SHORT,
    SPACE,
    Scanner,
    end_of,
    parsed,
)
from studio.library.search_query import LONGEST_NOTE, LONGEST_TAG, MOST_TAGS, Order, clean_tags, unclaimed
from studio.sending.attempts import IN_FLIGHT_STATUSES, Settled, Status
from studio.sending.kinds import kind_named

MAX_BYTES = 500 * 1024 * 1024
"""Bytes of a file; 200,000 attempts have about 320 MiB. `server.maxUploadSize` is the same."""
MAX_ROWS = 200_000
MOST_PROBLEMS = 20
MOST_AHEAD = timedelta(days=1)
"""How far in the future a time may be: clocks and time zones differ."""
FIELDS_OF_VERSION_1 = FIELDS[: FIELDS.index("credits_after") + 1]

csv.field_size_limit(MAX_LINE)


@dataclass(frozen=True, slots=True)
class Record:
    """One attempt of a file: its position there, such as "Row 2", the columns that the file has, and its event log."""

    place: str
    values: dict[str, Any]
    events: tuple[dict[str, Any], ...] = ()
    size: int = 0
    """Its length in the file: bytes of JSON, or characters of a table."""


class File:
    """A file that is to be imported. Each iteration yields its records, in its order, those in flight included.

    `now` is the time of rows that have none; no time may be later than it by more than `MOST_AHEAD`. Raises `BadFile`,
    which says what is wrong by row and column, when it is made, if the whole is wrong, or while it is iterated, if
    attempts are.
    """

    order: Order | None = None
    """How its attempts are sorted, if the file says so."""

    def __init__(self, content: bytes, now: datetime) -> None:
        if len(content) > MAX_BYTES:
            size = f"{len(content) / 2**20:,.0f} MB"
            raise BadFile(f"The file has {size}, and {MAX_BYTES >> 20} MB is the most. Split it.")
        _check_utf8(content)
        self._content, self._now = content, now
        self._begin = end_of(_MARKS, content, 0)
        start = end_of(SPACE, content, self._begin)
        if start == len(content):
            raise BadFile("The file is empty.")
        self._records: Callable[[list[str]], Iterator[Record]] = self._from_table
        if content.startswith((b"{", b"["), start):
            self._begin = start
            self._records = self._from_lines if self._version() == VERSION else self._from_version_1

    def __iter__(self) -> Iterator[Record]:
        problems: list[str] = []
        seen = FirstSeen()
        for record in self._records(problems):
            given = record.values.get("id", "")
            first = seen.first(given, record.place) if given else record.place
            if first != record.place:
                problems.append(f"{record.place}, “id”: it is the same as in {first.lower()}. Take one of them out.")
            ahead = next((name for name, at in _times(record) if at and at > self._now + MOST_AHEAD), None)
            if ahead:
                problems.append(f"{record.place}, “{ahead}”: it is in the future. Is this server’s clock right?")
            if not problems:
                yield record
            elif len(problems) >= MOST_PROBLEMS:
                break
        if problems:
            raise BadFile(*problems[:MOST_PROBLEMS])

    def _version(self) -> int:
        """Read the head of a JSON and return its version; set `_begin` to where its attempts begin."""
        scanner = Scanner(self._content, self._begin)
        head: dict[str, Any] = {}
        for key in scanner.members() if scanner.next() == b"{" else ():
            if key == "attempts":
                if {"format", "version"} <= head.keys():
                    break
                scanner.skip()
            else:
                head[key] = scanner.value("Row 1", short=True)
        if head.get("format") != FORMAT:
            raise BadFile(NOT_FROM_HERE)
        version = head.get("version")
        if isinstance(version, int) and version > VERSION:
            raise BadFile(
                "This JSON was made by a newer version of Persona Studio. Update the program, then try again."
            )
        if not isinstance(version, int) or version < 1:
            raise BadFile(f"“version”: it must be {VERSION}, or 1. Was the file changed by hand? Export it again.")
        if version == VERSION:
            orders = {order.value: order for order in Order}
            self.order = orders.get(str(head.get("order", Order.NEWEST.value)))
            self._begin = scanner.end_of_line()
        return version

    def _from_lines(self, problems: list[str]) -> Iterator[Record]:
        content, row, end = self._content, 1, self._begin
        while end < len(content):
            start, row = end, row + 1
            end = content.find(b"\n", start) + 1 or len(content)
            blank = end_of(SPACE, content, start, end) == end
            if row > (10 * MAX_ROWS if blank else MAX_ROWS + 1):
                raise BadFile(f"Row {row}: there are more than {MAX_ROWS:,} attempts. Split the file.")
            if not blank:
                entry = parsed(content, start, end, f"Row {row}", row=row)
                yield from _from_entry(f"Row {row}", entry, FIELDS, end - start, problems)
            if len(problems) >= MOST_PROBLEMS:
                return

    def _from_version_1(self, problems: list[str]) -> Iterator[Record]:
        scanner, found = Scanner(self._content, self._begin), False
        wrong = BadFile(f"“attempts”: there must be a list of at most {MAX_ROWS:,} attempts.")
        for key in scanner.members():
            if key != "attempts":
                scanner.value("Row 1", short=True)
                continue
            if found or scanner.next() != b"[":
                raise wrong
            found = True
            for row, _ in enumerate(scanner.elements(), 1):
                if row > MAX_ROWS:
                    raise wrong
                start = scanner.at
                entry = scanner.value(f"Attempt {row}")
                size = scanner.at - start
                yield from _from_entry(f"Attempt {row}", entry, FIELDS_OF_VERSION_1, size, problems)
                if len(problems) >= MOST_PROBLEMS:
                    return
        if not found:
            raise wrong
        if scanner.next():
            raise scanner.damaged()

    def _from_table(self, problems: list[str]) -> Iterator[Record]:
        """Read a CSV with commas, semicolons or tabs, whichever the first line has most of."""
        binary = io.BytesIO(self._content)  # shares the bytes
        binary.seek(self._begin)
        lines = _Lines(io.TextIOWrapper(binary, "utf-8", newline=""))
        reader = csv.reader(lines, delimiter=lines.delimiter, strict=True)
        row = 0
        try:
            header = [name.strip().casefold() for name in next(reader)]
            row = 1
            if "persona_id" not in header:
                raise BadFile(
                    "Row 1: there is no column “persona_id”. The first row must name the columns, such as "
                    "persona_id, name, description, task_id, audio_id."
                )
            doubled = next((name for name in header if name in READERS and header.count(name) > 1), None)
            if doubled:
                raise BadFile(f"Row 1, “{doubled}”: there are two columns of this name. Take one out.")
            size = lines.row_is_over()
            for row, cells in enumerate(reader, 2):
                place, size = f"Row {row}", lines.row_is_over()
                blank = not any(cell.strip() for cell in cells)
                if row > (10 * MAX_ROWS if blank else MAX_ROWS + 1):
                    raise BadFile(f"{place}: there are more than {MAX_ROWS:,} rows. Split the file.")
                if len(cells) != len(header) and not blank:
                    last = header[min(len(cells), len(header)) - 1]
                    problems.append(
                        f"{place}, “{last[:40]}”: the row has {len(cells)} cells, and there are {len(header)} columns."
                    )
                elif not blank:
                    given = {name: unguard(cell) for name, cell in zip(header, cells, strict=True) if name in COLUMNS}
                    before = len(problems)
                    values = _read(place, given, READERS, problems)
                    if "style" in values:
                        values["style"] = values["style"] or None
                    if len(problems) == before:
                        # Rows without a time get one each, so that they keep their order.
                        moment = self._now - timedelta(microseconds=row)
                        yield Record(place, _complete(place, values, moment, problems), size=size)
                if len(problems) >= MOST_PROBLEMS:
                    break
        except TooLong:
            raise BadFile(
                f"Row {row + 1}: it is longer than {MAX_LINE:,} characters, or has more than {MOST_PARTS:,} cells. "
                "Is a quotation mark left open?"
            ) from None
        except csv.Error as error:
            problems.append(f"Row {row + 1}: it cannot be read as CSV ({error}). Is a quotation mark left open?")
        except StopIteration:
            raise BadFile("The file is empty.") from None


def _check_utf8(content: bytes) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(content)
    for start in range(0, len(content) + 1, SHORT):  # once more for what is left open
        waiting = len(decoder.getstate()[0])
        try:
            decoder.decode(view[start : start + SHORT], final=start + SHORT >= len(content))
        except UnicodeDecodeError as error:
            at = start - waiting + error.start
            row = content.count(b"\n", 0, at) + 1
            begin = max(content.rfind(b"\n", 0, at), content.rfind(b",", 0, at)) + 1
            raise BadFile(
                f"Row {row}, about character {at - begin + 1} of its cell: the file is not UTF-8 text. "
                "Save it as “CSV UTF-8” and try again."
            ) from None


class TooLong(Exception):
    """A row of a table is too long, or has too many cells."""


class _Lines:
    """The lines of a table for the CSV reader, which itself does not limit the length of a row."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._first = text.readline(MAX_LINE + 1)
        self.delimiter = max(",;\t", key=self._first.count)
        self._size = self._cells = 0

    def __iter__(self) -> Iterator[str]:
        line, self._first = self._first, ""
        while line:
            self._size += len(line)
            self._cells += line.count(self.delimiter)
            if self._size > MAX_LINE or self._cells > MOST_PARTS:
                raise TooLong
            yield line
            line = self._text.readline(MAX_LINE + 1)

    def row_is_over(self) -> int:
        """Return the number of characters of the row that was read, and start counting the next one."""
        size, self._size, self._cells = self._size, 0, 0
        return size


class FirstSeen:
    """Remembers where each of very many texts was seen first; on disk, so that they need no memory."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("", isolation_level=None, check_same_thread=False)  # "": a nameless file
        self._file.execute("CREATE TABLE places (text TEXT PRIMARY KEY, place TEXT NOT NULL) WITHOUT ROWID")
        self._file.execute("BEGIN")

    def first(self, text: str, place: str = "") -> str:
        """Return where a text was seen first: at this place if it is new."""
        if self._file.execute("INSERT OR IGNORE INTO places VALUES (?, ?)", (text, place)).rowcount:
            return place
        return str(self._file.execute("SELECT place FROM places WHERE text = ?", (text,)).fetchone()[0])

    def __contains__(self, text: str) -> bool:
        return self._file.execute("SELECT 1 FROM places WHERE text = ?", (text,)).fetchone() is not None


# What a cell may be. Each check returns the value, or raises ValueError with the rest of a sentence that begins “it”.


Check = Callable[[Any], Any]
_MARKS = re.compile(rb"(?:\xef\xbb\xbf)*+")
_HALF_PAIR = re.compile("[\ud800-\udfff]")


def _text(most: int, lines: bool = True) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError("must be a text")
        if len(value) > most:
            raise ValueError(f"has {len(value):,} characters, and {most:,} is the most")
        if not lines and not value.isprintable():
            raise ValueError("has a line break or an invisible character in it")
        odd = "\0" in value or (not value.isascii() and _HALF_PAIR.search(value))
        return clean(value) if odd else value

    return read


def _number(value: Any) -> float | None:
    if value is None or value == "":
        return None
    try:
        number = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError("must be a number, such as 12.5")
    return number


def _whole(value: Any) -> int | None:
    number = _number(value)
    if number is None:
        return None
    if number != int(number) or abs(number) >= 2**31:
        raise ValueError("must be a whole number")
    return int(number)


def _count(value: Any) -> int:
    number = _whole(value)
    if number is None or number < 0:
        raise ValueError("must be a whole number, 0 or more")
    return number


def _time(value: Any) -> datetime | None:
    if value is None or value == "":
        return None
    try:
        moment = datetime.fromisoformat(value if isinstance(value, str) else "")
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be a time, such as 2026-03-01T12:00:00+00:00") from None
    if not 1970 <= moment.year < 2200:
        raise ValueError("must be a time between 1970 and 2199")
    return moment


def _times(record: Record) -> Iterator[tuple[str, datetime | None]]:
    yield from ((name, record.values.get(name)) for name in _TIMES)
    yield from (("story", event["at"]) for event in record.events)


def _author(value: Any) -> str:
    _ID(unclaimed(value) if isinstance(value, str) else value)
    return str(value)


def _one_of(*words: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in words:
            raise ValueError("must be one of " + ", ".join(word or "nothing" for word in words))
        return str(value)

    return read


def _yes(value: Any) -> bool:
    if str(value).strip().casefold() not in ("", "yes", "no", "true", "false", "1", "0"):
        raise ValueError("must be yes or empty")
    return str(value).strip().casefold() in ("yes", "true", "1")


def _tags(value: Any) -> str:
    given = value.split(",") if isinstance(value, str) else value
    if not isinstance(given, list) or not all(isinstance(tag, str) for tag in given):
        raise ValueError("must be a list of words")
    try:
        return "\n".join(clean_tags([clean(tag) for tag in given]))
    except ValueError:
        raise ValueError(f"may hold at most {MOST_TAGS} tags of at most {LONGEST_TAG} characters each") from None


def _object(value: Any) -> str:
    text = _ANY(value)
    content = text.encode()
    try:
        whole = parsed(content, 0, len(content), "") if text else {}
    except BadFile:
        whole = None
    if not isinstance(whole, dict):
        raise ValueError("must be a JSON object as a text")
    return text


def _kind(value: Any) -> str:
    try:
        return kind_named(value if isinstance(value, str) else "").name
    except KeyError:
        raise ValueError("is one that this version of Persona Studio does not know. Update the program") from None


_ID = _text(200, lines=False)
_TEXT = _text(MAX_TEXT)
_ANY = _text(MAX_RAW)
CHECKS: dict[str, Check] = {
    "id": _ID,
    "author": _author,
    "text": _TEXT,
    "any": _ANY,
    "word": _text(16, lines=False),
    "link": _text(32, lines=False),
    "kind": _kind,
    "time": _time,
    "number": _number,
    "whole": _whole,
    "count": _count,
    "style": lambda value: None if value is None else _TEXT(value),
    "status": _one_of("", Status.CREATED, Status.REFUSED, Status.UNKNOWN, *IN_FLIGHT_STATUSES),
    "settled": _one_of(*(settled.value for settled in Settled)),
    "note": _text(LONGEST_NOTE),
    "yes": _yes,
    "tags": _tags,
    "object": _object,
}
_TIMES = [column.name for column in ALL if column.check == "time"]
READERS = {column.name: CHECKS[column.check] for column in ALL if column.in_file}
_FROM_KIE = [column.name for column in ALL if column.part in ("outcome", "track") and column.check in ("id", "text")]
OWN_READERS = READERS | dict.fromkeys((*_FROM_KIE, "author"), _ANY)
"""For a JSON of this program, whose texts from KIE may have any length and character."""


def _read(place: str, given: Mapping[str, Any], readers: Mapping[str, Check], problems: list[str]) -> dict[str, Any]:
    values = {}
    for name, value in given.items():
        try:
            values[name] = readers[name](value)
        except ValueError as error:
            problems.append(f"{place}, “{name}”: it {error}.")
    return values


def _complete(place: str, values: dict[str, Any], moment: datetime, problems: list[str]) -> dict[str, Any]:
    """Fill in what a file may leave out, and check columns that depend on one another."""
    values["status"] = values.get("status") or Status.CREATED.value
    values["created_at"] = values.get("created_at") or moment
    makes_persona = kind_named(values.get("kind", "persona")).makes == "persona"
    if makes_persona and values["status"] == Status.CREATED.value and not values.get("persona_id"):
        problems.append(f"{place}, “persona_id”: it is empty. Fill it in, or take the row out.")
    return values


def _from_entry(place: str, entry: Any, fields: Sequence[str], size: int, problems: list[str]) -> Iterator[Record]:
    """Yield the record of an attempt of the library's file, unless something is wrong with it."""
    if not isinstance(entry, dict):
        problems.append(f"{place}: it must be an object.")
        return
    missing = next((name for name in ("id", "created_at", "status") if not entry.get(name)), None)
    if missing:
        problems.append(f"{place}, “{missing}”: it is missing.")
        return
    before = len(problems)
    values = _read(place, {name: entry[name] for name in fields if name in entry}, OWN_READERS, problems)
    events = tuple(_read_events(place, entry.get("story", []), problems))
    if len(problems) == before:
        yield Record(place, _complete(place, values, values["created_at"], problems), events, size)


def _read_events(place: str, log: Any, problems: list[str]) -> Iterator[dict[str, Any]]:
    for event in log if isinstance(log, list) else [None]:
        detail = event.get("detail", {}) if isinstance(event, dict) else None
        try:
            if not isinstance(detail, dict) or not isinstance(event, dict):
                raise ValueError("must be a list of objects")
            at = _time(event.get("at"))
            if at is None:
                raise ValueError("has an entry without a time")
            yield {
                "at": at,
                "kind": _text(16, lines=False)(event.get("kind")),
                "detail": {_ANY(key): _ANY(value) for key, value in detail.items()},
                "author": _author(event.get("author", "")),
            }
        except ValueError as error:
            problems.append(f"{place}, “story”: it {error}.")
            return
