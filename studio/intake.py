"""Files that come in: a CSV or JSON of this program, or a table with at least a column `persona_id`.

`read_file` turns a file into records, or says what is wrong with it, by row and column. `studio.merge` takes it on.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from kie.models import MAX_TEXT, clean
from studio.database.columns import COLUMNS as ALL
from studio.export import COLUMNS, FIELDS, FORMAT, VERSION, unguard
from studio.query import LONGEST_NOTE, LONGEST_TAG, MOST_TAGS, clean_tags
from studio.refusals import BadFile
from studio.sending.attempts import IN_FLIGHT as ON_THEIR_WAY
from studio.sending.attempts import Settled, Status

MAX_BYTES = 64 * 1024 * 1024
MAX_ROWS = 200_000
MOST_PROBLEMS = 20
MAX_RAW = 2 * 1024 * 1024
"""Characters of a raw answer; the client keeps no more either."""
ENDED = (Status.CREATED.value, Status.REFUSED.value, Status.UNKNOWN.value)
IN_FLIGHT = tuple(status.value for status in ON_THEIR_WAY)

csv.field_size_limit(MAX_BYTES)


@dataclass(frozen=True, slots=True)
class Record:
    """One attempt of a file: where it stands there, its columns as far as the file has them, and its story."""

    place: str
    values: dict[str, Any]
    story: tuple[dict[str, Any], ...] = ()


def read_file(content: bytes, now: datetime) -> tuple[list[Record], int]:
    """Return a file's records, and how many attempts in it were on their way. Raises `BadFile`."""
    if len(content) > MAX_BYTES:
        raise BadFile(f"The file has {len(content) / 2**20:,.0f} MB, and {MAX_BYTES >> 20} MB is the most. Split it.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = content[: error.start].count(b"\n") + 1
        begin = max(content.rfind(b"\n", 0, error.start), content.rfind(b",", 0, error.start)) + 1
        raise BadFile(
            f"Row {row}, about character {error.start - begin + 1} of its cell: the file is not UTF-8 text. "
            "Save it as “CSV UTF-8” and try again."
        ) from None
    text = text.lstrip("\ufeff")
    if not text.strip():
        raise BadFile("The file is empty.")
    records = list(_from_json(text) if text.lstrip().startswith(("{", "[")) else _from_table(text, now))
    _check_ids(records)
    kept = [record for record in records if record.values["status"] not in IN_FLIGHT]
    return kept, len(records) - len(kept)


def _check_ids(records: list[Record]) -> None:
    places: dict[str, str] = {}
    for record in records:
        given = record.values.get("id", "")
        if given and places.setdefault(given, record.place) != record.place:
            raise BadFile(f"{record.place}, “id”: it is the same as in {places[given].lower()}. Take one of them out.")


# What a cell may be. Each reader returns the value, or raises ValueError with the rest of the sentence.


def _text(most: int, lines: bool = True) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError("must be a text")
        if len(value) > most:
            raise ValueError(f"has {len(value):,} characters, and {most:,} is the most")
        if not lines and not value.isprintable():
            raise ValueError("has a line break or an invisible character in it")
        return clean(value)

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
    return moment


def _created(value: Any) -> datetime | None:
    moment = _time(value)
    if moment is not None and not 1970 <= moment.year < 2200:
        raise ValueError("must be a time between 1970 and 2199")
    return moment


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
    text = _text(MAX_RAW)(value)
    try:
        whole = json.loads(text or "{}")
    except (ValueError, RecursionError):
        whole = None
    if not isinstance(whole, dict):
        raise ValueError("must be a JSON object as a text")
    return text


_ID = _text(200, lines=False)
_WORDS = _text(MAX_TEXT)
_ANY = _text(MAX_RAW)
CHECKS: dict[str, Callable[[Any], Any]] = {
    "id": _ID,
    "words": _WORDS,
    "any": _ANY,
    "word": _text(16, lines=False),
    "link": _text(32, lines=False),
    "origin": _text(8, lines=False),
    "kind": _text(16, lines=False),
    "created": _created,
    "time": _time,
    "number": _number,
    "whole": _whole,
    "count": _count,
    "style": lambda value: None if value is None else _WORDS(value),
    "status": _one_of("", *ENDED, *IN_FLIGHT),
    "settled": _one_of(*(settled.value for settled in Settled)),
    "note": _text(LONGEST_NOTE),
    "yes": _yes,
    "tags": _tags,
    "object": _object,
}
READERS = {column.name: CHECKS[column.check] for column in ALL if column.in_file}
_OWN_TEXTS = ("persona_id", "author", "track_model", "track_title", "track_tags", "track_audio_url", "track_image_url")
OWN_READERS = READERS | dict.fromkeys(_OWN_TEXTS, _text(MAX_RAW))
"""For a JSON of this program: whatever KIE once told may come back."""


def _read(
    place: str,
    given: Mapping[str, Any],
    problems: list[str],
    readers: Mapping[str, Callable[[Any], Any]] = MappingProxyType(READERS),
) -> dict[str, Any]:
    values = {}
    for name, value in given.items():
        try:
            values[name] = readers[name](value)
        except ValueError as error:
            problems.append(f"{place}, “{name}”: it {error}.")
    return values


def _complete(place: str, values: dict[str, Any], moment: datetime, problems: list[str]) -> dict[str, Any]:
    """Add what a file may leave out, and check what must fit together."""
    values["status"] = values.get("status") or Status.CREATED.value
    values["created_at"] = values.get("created_at") or moment
    if values["status"] == Status.CREATED.value and not values.get("persona_id"):
        problems.append(f"{place}, “persona_id”: it is empty. Fill it in, or take the row out.")
    return values


def _from_table(text: str, now: datetime) -> Iterator[Record]:
    """Read a CSV; commas, semicolons or tabs are told from the first line."""
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    problems: list[str] = []
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
        for row, cells in enumerate(reader, 2):
            place = f"Row {row}"
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                last = header[min(len(cells), len(header)) - 1]
                problems.append(
                    f"{place}, “{last[:40]}”: the row has {len(cells)} cells, and there are {len(header)} columns."
                )
            elif row > MAX_ROWS + 1:
                raise BadFile(f"{place}: there are more than {MAX_ROWS:,} rows. Split the file.")
            else:
                given = {name: unguard(cell) for name, cell in zip(header, cells, strict=True) if name in COLUMNS}
                before = len(problems)
                values = _read(place, given, problems)
                if "style" in values:
                    values["style"] = values["style"] or None
                if len(problems) == before:
                    # Rows without a time get one each, so that they keep their order.
                    yield Record(place, _complete(place, values, now - timedelta(microseconds=row), problems))
            if len(problems) >= MOST_PROBLEMS:
                break
    except csv.Error as error:
        problems.append(f"Row {row + 1}: it cannot be read as CSV ({error}). Is a quotation mark left open?")
    except StopIteration:
        raise BadFile("The file is empty.") from None
    if problems:
        raise BadFile(*problems)


def _from_json(text: str) -> Iterator[Record]:
    try:
        whole = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadFile(
            f"Row {error.lineno}, character {error.colno}: the JSON breaks off or is damaged here. Export it again."
        ) from None
    except (RecursionError, ValueError):
        raise BadFile("The JSON is nested too deeply, or has a number that is too long. It is not from here.") from None
    if not isinstance(whole, dict) or whole.get("format") != FORMAT:
        raise BadFile("This JSON was not made by Persona Studio. Give one that was, or a CSV.")
    version = whole.get("version")
    if version != VERSION:
        if isinstance(version, int) and version > VERSION:
            raise BadFile(
                "This JSON was made by a newer version of Persona Studio. Update the program, then try again."
            )
        raise BadFile(f"“version”: it must be {VERSION}. Was the file changed by hand? Export it again.")
    entries = whole.get("attempts")
    if not isinstance(entries, list) or len(entries) > MAX_ROWS:
        raise BadFile(f"“attempts”: there must be a list of at most {MAX_ROWS:,} attempts.")
    problems: list[str] = []
    for row, entry in enumerate(entries, 1):
        place = f"Attempt {row}"
        if len(problems) >= MOST_PROBLEMS:
            break
        if not isinstance(entry, dict):
            problems.append(f"{place}: it must be an object.")
            continue
        missing = next((name for name in ("id", "created_at", "status") if not entry.get(name)), None)
        if missing:
            problems.append(f"{place}, “{missing}”: it is missing.")
            continue
        before = len(problems)
        values = _read(place, {name: entry[name] for name in FIELDS if name in entry}, problems, OWN_READERS)
        story = tuple(_read_story(place, entry.get("story", []), problems))
        if len(problems) == before:
            yield Record(place, _complete(place, values, values["created_at"], problems), story)
    if problems:
        raise BadFile(*problems)


def _read_story(place: str, story: Any, problems: list[str]) -> Iterator[dict[str, Any]]:
    for event in story if isinstance(story, list) else [None]:
        detail = event.get("detail", {}) if isinstance(event, dict) else None
        try:
            if not isinstance(detail, dict) or not isinstance(event, dict):
                raise ValueError("must be a list of objects")
            yield {
                "at": _time(event.get("at")) or _fail("has an entry without a time"),
                "kind": _text(16, lines=False)(event.get("kind")),
                "detail": {_ANY(key): _ANY(value) for key, value in detail.items()},
                "author": _ID(event.get("author", "")),
            }
        except ValueError as error:
            problems.append(f"{place}, “story”: it {error}.")
            return


def _fail(why: str) -> Any:
    raise ValueError(why)
