"""`python benchmarks/files.py`: the file of a library with 200,000 attempts, out and in again, on SQLite.

Bars: 64 MiB of memory above idle for each step, and no other process waits longer than a second for a write. Idle is
the process with the file in memory, because the upload is Streamlit's; what is measured is the most that the process
had (resident set). The other process writes four times a second, as `Processes.heartbeat` does. `--quick` takes 20,000
attempts.
"""

from __future__ import annotations

import argparse
import filecmp
import gc
import json
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import psutil
import sqlalchemy as sa
from common import ROOT, Row, at_most, child_environment, options_of, tell

sys.path.insert(0, str(ROOT))

from studio.database.connection import Database  # found through the line above
from studio.database.tables import attempts, events, number_at
from studio.library.edits import Library
from studio.library.export_files import json_file
from studio.library.import_merge import import_records, preview_import
from studio.library.import_reader import File
from studio.library.search_query import Query
from studio.sending.kinds import body_of
from studio.sending.row_mapping import blank_row, search_columns

T = TypeVar("T")
MOST_MEMORY, LONGEST_WAIT = 64, 1.0
ACCOUNT = "a" * 12
START = datetime(2026, 1, 1, tzinfo=UTC)
WORDS = ["harbour", "quiet", "velvet", "lantern", "alto", "low", "smoky", "brushed", "drums", "close", "warm", "bright"]
WRITER = """
import select, sys, time
from studio.database.connection import Database
from studio.sending.attempt_store import Store
store, longest = Store(Database(sys.argv[1])), 0.0
print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0.25)[0]:
    started = time.perf_counter()
    store.processes.heartbeat("another")
    longest = max(longest, time.perf_counter() - started)
print(longest)
"""


class Resident(threading.Thread):
    """Samples the resident memory of this process until `most` is called."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        gc.collect()
        self._process, self._over = psutil.Process(), threading.Event()
        self._idle = self._most = self._process.memory_info().rss
        self.start()

    def run(self) -> None:
        while not self._over.wait(0.005):
            self._most = max(self._most, self._process.memory_info().rss)

    def most(self) -> float:
        """Return the greatest sample above the first one, in MiB."""
        self._over.set()
        self.join()
        return (self._most - self._idle) / 2**20


def filled(url: str, count: int) -> None:
    """File so many invented attempts as KIE's answers make them, one in ten with an event log."""
    library, chance = Library(Database(url)), random.Random(1)

    def texts(number: int) -> str:
        return " ".join(chance.choices(WORDS, k=number))

    for first in range(0, count, 5000):
        rows, stories = [], []
        for index in range(first, min(first + 5000, count)):
            task_id, audio_id, persona_id = (uuid.UUID(int=chance.getrandbits(128)) for _ in range(3))
            at = START + timedelta(seconds=40 * index)
            asked = {"taskId": task_id.hex, "audioId": str(audio_id), "name": texts(2), "description": texts(12)}
            made = {"personaId": persona_id.hex, "name": asked["name"], "description": asked["description"]}
            row = blank_row() | {
                **{"id": uuid.UUID(int=chance.getrandbits(128)).hex, "account": ACCOUNT, "status": "created"},
                **dict.fromkeys(("created_at", "sent_at", "ended_at", "track_created_at"), at),
                **{"persona_id": persona_id.hex, "task_id": task_id.hex, "audio_id": str(audio_id)},
                **{"subject": str(audio_id), "name": asked["name"], "description": asked["description"]},
                **{"code": 200, "http_status": 200, "body": body_of(asked), "note": texts(4), "tags": "demo\nslow"},
                "raw": json.dumps({"code": 200, "msg": "success", "data": made}),
                **{"track_title": texts(3), "track_tags": texts(6), "track_model": "V5", "track_duration": 181.56},
                "track_audio_url": f"https://tempfile.example.com/r/{audio_id.hex}.mp3",
                "track_image_url": f"https://tempfile.example.com/r/{audio_id.hex}.png",
            }
            rows.append(row | search_columns(row) | {"number": number_at(at, row["id"])})
            if index % 10 == 0:
                stories.append({"attempt_id": row["id"], "at": at, "kind": "used", "detail": '{"for": "a song"}'})
        with library.database.writing() as connection:
            connection.execute(sa.insert(attempts), rows)
            connection.execute(sa.insert(events), stories)


@contextmanager
def another_writes(url: str) -> Iterator[Callable[[], float]]:
    """Let another process write meanwhile; yield what ends it and returns its longest wait (seconds)."""
    command = [sys.executable, "-c", WRITER, url]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, env=child_environment(), **pipes) as process:  # type: ignore[call-overload]
        process.stdout.readline()
        yield lambda: float(process.communicate("over\n")[0])


def take_out(url: str, path: str) -> tuple[float, float]:
    """Write the file of a library; return the seconds, and the MiB above idle."""
    library, memory, started = Library(Database(url)), Resident(), time.perf_counter()
    with json_file(library, ACCOUNT, Query()) as file, Path(path).open("wb") as copy:
        took = time.perf_counter() - started, memory.most()
        shutil.copyfileobj(file, copy)
    return took


def preview(url: str, path: str) -> tuple[float, float]:
    """Compare a file with a library; return the seconds, and the MiB above idle."""
    library, content = Library(Database(url)), Path(path).read_bytes()
    memory, started = Resident(), time.perf_counter()
    preview_import(library, ACCOUNT, File(content, START))
    return time.perf_counter() - started, memory.most()


def bring_in(url: str, path: str) -> tuple[float, float]:
    """Take a file into a library; return the seconds, and the MiB above idle."""
    library, content = Library(Database(url)), Path(path).read_bytes()
    memory, started = Resident(), time.perf_counter()
    file = File(content, START)
    import_records(library, ACCOUNT, file, order=file.order)
    return time.perf_counter() - started, memory.most()


def alone(step: Callable[..., T], *given: object) -> T:
    """Run a step in a process of its own, whose memory nothing used before."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(step, *given).result()


def main() -> int:
    """Fill a library, export and import its file, and print the figures."""
    parser = argparse.ArgumentParser(description="the library's file, out and in")
    parser.add_argument("--quick", action="store_true", help="20,000 attempts instead of 200,000")
    options = options_of(parser)
    count = 20_000 if options.quick else 200_000
    with tempfile.TemporaryDirectory() as folder:
        full, empty = (f"sqlite:///{folder}/{name}.db" for name in ("full", "empty"))
        first, second = (Path(folder, f"{name}.jsonl") for name in ("first", "second"))
        alone(filled, full, count)
        steps = {"made": alone(take_out, full, str(first)), "previewed": alone(preview, empty, str(first))}
        with another_writes(empty) as longest_wait:
            steps["brought in"] = alone(bring_in, empty, str(first))
            waited = longest_wait()
        alone(take_out, empty, str(second))
        size, same = first.stat().st_size >> 20, filecmp.cmp(first, second, shallow=False)
    file = f"the file of {count:,} attempts ({size} MiB)"
    rows = [
        at_most(f"{file}: memory above idle while it is {step}", memory, MOST_MEMORY, "MiB", f"{seconds:.0f} s")
        for step, (seconds, memory) in steps.items()
    ]
    rows.append(at_most(f"{file}: another process's longest wait for a write meanwhile", waited, LONGEST_WAIT, "s"))
    rows.append(Row(f"{file}: out, in and out again", "the same" if same else "other bytes", "the same bytes", same))
    return tell(rows, options)


if __name__ == "__main__":
    raise SystemExit(main())
