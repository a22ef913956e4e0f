"""The columns of an attempt, each described once, for the table, the exported and imported files, and the search.

A new column is a line here and a migration. Importing this loads no database package.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Type = Literal["text", "short", "time", "number", "whole", "big", "flag"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the table `attempts`.

    `part` is the object that has the value as a field, named without `track_`. `csv` is its position in the CSV, or 0.
    `check` names how the import reads it from a file.
    """

    name: str
    type: Type = "text"
    length: int = 0
    """Characters of a short text."""
    part: Literal["attempt", "request", "outcome", "track", "index"] = "attempt"
    optional: bool = False
    """Whether it may be empty (NULL); the others have "", 0 or False instead."""
    required: bool = False
    """Whether it has no default."""
    in_file: bool = True
    """Whether the library's file has it."""
    csv: int = 0
    searched: bool = False
    bulky: bool = False
    """Left out of lists, because it may be long."""
    check: str = ""


COLUMNS = (
    Column("id", "short", 32, required=True, csv=13, check="id"),
    Column("created_at", "time", required=True, csv=1, check="time"),
    Column("sent_at", "time", optional=True, check="time"),
    Column("ended_at", "time", optional=True, check="time"),
    Column("status", "short", 8, part="outcome", required=True, csv=2, check="status"),
    Column("persona_id", part="outcome", csv=3, searched=True, check="id"),
    Column("name", part="request", required=True, csv=4, searched=True, check="text"),
    Column("description", part="request", required=True, csv=5, searched=True, check="text"),
    Column("task_id", part="request", required=True, csv=6, searched=True, check="id"),
    Column("audio_id", part="request", required=True, csv=7, searched=True, check="id"),
    Column("style", part="request", optional=True, csv=8, searched=True, check="style"),
    Column("vocal_start", "number", part="request", optional=True, csv=9, check="number"),
    Column("vocal_end", "number", part="request", optional=True, csv=10, check="number"),
    Column("cause", "short", 16, part="outcome", check="word"),
    Column("code", "whole", part="outcome", optional=True, csv=11, check="whole"),
    Column("message", part="outcome", csv=12, check="any"),
    Column("http_status", "whole", part="outcome", optional=True, check="whole"),
    Column("raw", part="outcome", bulky=True, check="any"),
    Column("repeats", "whole", check="count"),
    Column("replaces", "short", 32, check="link"),
    Column("author", csv=18, searched=True, check="author"),
    Column("settled", "short", 12, csv=17, check="settled"),
    Column("note", csv=14, searched=True, check="note"),
    Column("tags", csv=15, searched=True, check="tags"),
    Column("favourite", "flag", csv=16, check="yes"),
    Column("track_title", part="track", csv=19, searched=True, check="text"),
    Column("track_tags", part="track", check="text"),
    Column("track_model", part="track", csv=20, check="id"),
    Column("track_duration", "number", part="track", optional=True, csv=21, check="number"),
    Column("track_audio_url", part="track", check="text"),
    Column("track_image_url", part="track", check="text"),
    Column("track_created_at", "time", part="track", optional=True, csv=22, check="time"),
    Column("credits_before", "number", optional=True, csv=23, check="number"),
    Column("credits_after", "number", optional=True, csv=24, check="number"),
    # Since version 2 of the library's file:
    Column("kind", "short", 16, check="kind"),
    Column("body", bulky=True, check="object"),
    Column("handle", part="outcome", check="id"),
    Column("result", part="outcome", check="object"),
    # In no file:
    Column("origin", "short", 8, in_file=False),
    Column("account", "short", 12, required=True, in_file=False),
    Column("makes", "short", 8, part="index", in_file=False),
    Column("subject", part="index", in_file=False),
    Column("due_at", "time", optional=True, in_file=False),
    Column("held", "flag", in_file=False),
    Column("batch", "short", 32, in_file=False),
    Column("priority", "whole", part="index", in_file=False),
    Column("executor", "short", 32, in_file=False),
    Column("claim", "short", 32, in_file=False),
    Column("deleted_at", "time", optional=True, in_file=False),
    Column("number", "big", required=True, in_file=False),
    Column("words", part="index", in_file=False, bulky=True),
    Column("sort_name", part="index", in_file=False, bulky=True),
)

IN_CSV = tuple(column.name for column in sorted(COLUMNS, key=lambda column: column.csv) if column.csv)
"""The CSV's columns, in its order: new ones are appended, never inserted."""
IN_FILE = tuple(column.name for column in COLUMNS if column.in_file)
"""The columns in the library's file; beside them it has each attempt's event log, as `story`."""
SEARCHED = tuple(column.name for column in COLUMNS if column.searched)
"""The columns that a search finds words of."""
