"""Print the ID of each persona of a name, the newest first, from a file of the library: personas.jsonl or the CSV.

python -m examples.persona_of_name personas.jsonl "Harbour Alto"
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas

from studio.library.export_files import unguard

TEXTS = {"persona_id": str, "name": str}
"""Read as they are: an ID of digits is no number, and a persona may be called "None"."""


def read(file: Path) -> pandas.DataFrame:
    """Return the file's attempts, a row each."""
    if file.suffix == ".csv":  # what a spreadsheet could take for a formula has an apostrophe in front
        rows = pandas.read_csv(file, dtype=str, keep_default_na=False)
        return rows.assign(**{name: rows[name].map(unguard) for name in TEXTS})
    return pandas.read_json(file, lines=True, dtype=False).iloc[1:]  # the first line says what the file is


def main(arguments: list[str]) -> int:
    """Look the name up and print a line for each persona."""
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    rows = read(Path(arguments[0]))
    found = rows[(rows["name"] == arguments[1]) & (rows["status"] == "created")]
    print(*found.sort_values("created_at", ascending=False)["persona_id"], sep="\n", end="\n" if len(found) else "")
    return 0 if len(found) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
