"""Every call of the scripts here to the code that sends, so that a change of that code changes this file only.

Run as a script it is a process with a studio in it, for `sending.py`: settings come from the environment, orders by
standard input, one JSON answer a line.
"""

from __future__ import annotations

import gc
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path

import psutil
import sqlalchemy as sa
from common import ROOT

sys.path.insert(0, str(ROOT))

from kie import PersonaRequest  # found through the line above
from sandbox.scenarios import crowd
from studio.database.connection import Database, sqlite_file
from studio.people.token_store import account_of
from studio.sending.attempt_store import Store
from studio.sending.attempts import Attempt, Outcome, Status
from studio.sending.batches import Batches
from studio.sending.kinds import BatchItem, body_of
from studio.sending.kinds.persona import PERSONA

HERE = "benchmark"
CREATED = Outcome(Status.CREATED, persona_id="c1d2e3f405162738495a6b7c8d9e0f10", code=200, http_status=200)
_numbers = count()


def requests(size: int) -> list[PersonaRequest]:
    """Return requests that the stand-in KIE accepts, each for a track of its own."""
    song = crowd(1000)
    return [
        PersonaRequest(song.task_id, track.audio_id, f"visitor {number}", "A warm low voice")
        for number, track in enumerate(song.tracks[:size])
    ]


def file_queued(url: str, token: str, size: int) -> None:
    """File a batch; a process that knows the token will send it."""
    store = Store(Database(url))
    wanted = [BatchItem(PERSONA, body_of(request.payload()), request) for request in requests(size)]
    Batches(store).start(account_of(token), "benchmark", wanted)
    store.database.close()


def new_attempt(store: Store, account: str) -> None:
    """File one attempt of an account that may leave at once."""
    number = next(_numbers)
    request = PersonaRequest("task", f"audio {number}", f"Quay {number}", "Low")
    store.add(account, PERSONA, body_of(request.payload()), request=request)


def claim(store: Store, account: str) -> Attempt:
    """Ask for the account's next attempt; there is one."""
    told = store.claim(account, HERE, limit=100_000, period=timedelta(seconds=10))
    assert told.attempt
    return told.attempt


def finish(store: Store, attempt: Attempt) -> None:
    """Write how an attempt ended."""
    store.finish(attempt, CREATED)


def sign_of_life(store: Store) -> None:
    """Write this process's heartbeat."""
    store.processes.heartbeat(HERE)


def look_round(store: Store, account: str) -> None:
    """Look for attempts of gone processes and for what is due, as an idle process does with each heartbeat."""
    store.processes.gone()
    store.write_off()
    store.sending_of(HERE)
    store.correct_due_times()
    store.accounts_due([account], timedelta(seconds=3))


def states(url: str) -> dict[str, int]:
    """Return how many attempts have which status."""
    return dict(Counter(outcomes(url).values()))


def outcomes(url: str) -> dict[str, str]:
    """Return the status of each attempt, by its persona's name."""
    with connection_to(url) as connection:
        found = connection.execute(sa.text("SELECT name, status FROM attempts"))
        return {str(row.name): str(row.status) for row in found}


def engine_rows(url: str) -> int:
    """Return how many rows of workflows the engine has."""
    names = ("workflow_status", "workflow_input", "workflow_output", "operation_outputs")
    if url.startswith("sqlite"):
        place = Path(url.removeprefix("sqlite:///"))
        found = []
        for file in place.parent.glob(f"{place.name}-engine-{'?' * 32}"):
            engine = sqlite_file(str(file))
            with engine.connect() as connection:
                found += [connection.execute(sa.text(f"SELECT count(*) FROM {name}")).scalar() or 0 for name in names]
            engine.dispose()
        return sum(found)
    with connection_to(url) as connection:
        return sum(connection.execute(sa.text(f"SELECT count(*) FROM dbos.{name}")).scalar() or 0 for name in names)


@contextmanager
def connection_to(url: str) -> Iterator[sa.Connection]:
    """Connect to a database without the store."""
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def serve_orders() -> None:
    """Open a studio, and do what each line says: `usage SECONDS`, `create N`, `close`."""
    from studio.facade import Studio
    from studio.settings import load

    studio = Studio(load(secrets=Path("/nowhere/secrets.toml")))
    studio.open().result()
    gc.collect()
    gc.freeze()  # as app.py does
    print(json.dumps("open"), flush=True)
    for line in sys.stdin:
        order, _, number = line.strip().partition(" ")
        started, cpu = time.perf_counter(), time.process_time()
        threads = 0
        if order == "usage":
            while time.perf_counter() - started < float(number):
                time.sleep(0.2)
                threads = max(threads, threading.active_count(), psutil.Process().num_threads())
        elif order == "create":
            assert studio.shared
            for request in requests(int(number)):
                studio.create_persona(studio.shared, request)
        elif order == "close":
            studio.close()
        took = time.perf_counter() - started
        print(json.dumps({"seconds": took, "cpu": time.process_time() - cpu, "threads": threads}), flush=True)
        if order == "close":
            return


if __name__ == "__main__":
    serve_orders()
