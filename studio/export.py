"""The history as a CSV that a spreadsheet opens as text and pandas reads back to the same values.

The guard: a cell that a spreadsheet could take for a formula, and a cell that itself begins with an apostrophe, gets
one apostrophe in front. To read a file back, drop one leading apostrophe from each text cell.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from studio.attempts import Attempt

COLUMNS = (
    "created_at",
    "status",
    "persona_id",
    "name",
    "description",
    "task_id",
    "audio_id",
    "style",
    "vocal_start",
    "vocal_end",
    "code",
    "message",
)
"""Later columns are appended, never inserted."""
GUARDED = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "'", "＝", "＋", "－", "＠")  # wide ones count too
BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"
"""Tells Excel that the file is UTF-8."""


def guard(text: str) -> str:
    """Return the text such that no spreadsheet takes it for a formula."""
    return f"'{text}" if text.startswith(GUARDED) else text


def unguard(text: str) -> str:
    """Undo `guard`."""
    return text.removeprefix("'")


def rows(attempts: Iterable[Attempt]) -> Iterator[tuple[str, ...]]:
    """Yield one row of cells an attempt, in the order of `COLUMNS`."""
    for attempt in attempts:
        request = attempt.request
        texts = (
            attempt.persona_id,
            request.name,
            request.description,
            request.task_id,
            request.audio_id,
            request.style or "",
        )
        yield (
            attempt.created_at.isoformat(timespec="seconds"),
            attempt.status.value,
            *(guard(text) for text in texts),
            _number(request.vocal_start),
            _number(request.vocal_end),
            _number(attempt.code),
            guard(attempt.message),
        )


def as_csv(attempts: Iterable[Attempt]) -> bytes:
    """Return the whole file."""
    out = io.StringIO(BOM)
    out.seek(0, io.SEEK_END)
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows(rows(attempts))
    return out.getvalue().encode("utf-8")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.10g}"
