"""`python benchmarks/sending.py`: what it costs to send and to wait, on SQLite and on PostgreSQL.

- a claim, a heartbeat ("a sign of life" in the figures), the recovery that follows it ("a look round") and an idle
  process with 100,000 attempts, against 100;
- 400 attempts at a limit against the shortest time that it allows, counted where they arrive, and the rows that the
  engine keeps for each a minute after it ended;
- threads with 1,000 waiting attempts, and how long the process then takes to end.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import attempts
from common import ROOT, Row, at_most, compare, options_of, ratio, seconds, tell
from library import FEW, MANY, filled
from servers import Kie, postgres, stand_in, wait_for

from studio.database.connection import Database  # found through `attempts`
from studio.people.token_store import account_of
from studio.sending.attempt_store import Store

RATIO_BAR, CLAIM_BAR, IDLE_BAR = 1.2, 0.002, 1.0
BATCH, LIMIT, PERIOD = 400, 20, 2.0
WAITING, THREADS_BAR = 1000, 40
AT_ONCE = 10
"""How many calls one timing takes together."""


@contextmanager
def studio(database: str, kie: str, token: str, **settings: object) -> Iterator[Callable[[str], dict[str, float]]]:
    """Run a process with a studio in it; yield a function that sends it an order and returns its answer."""
    given = {"DATABASE_URL": database, "KIE_BASE_URL": kie, "KIE_API_KEY": token, "NO_PROXY": "*"}
    given |= {name: str(value) for name, value in settings.items()}
    command = [sys.executable, str(ROOT / "benchmarks" / "attempts.py")]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=os.environ | given, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        orders, answers = process.stdin, process.stdout

        def order(words: str) -> dict[str, float]:
            orders.write(f"{words}\n")
            orders.flush()
            told: dict[str, float] = json.loads(answers.readline())
            if words == "close":
                started = time.perf_counter()
                try:
                    process.wait(30)
                    told["seconds"] += time.perf_counter() - started
                except subprocess.TimeoutExpired:
                    told["seconds"] = float("inf")
            return told

        try:
            if json.loads(answers.readline()) != "open":
                raise SystemExit("the studio did not open")
            yield order
        finally:
            process.kill()


def timed_claims(store: Store, account: str) -> Callable[[], float]:
    """Return a function that gives the seconds of one claim, without the filing before and the writing after it."""

    def run() -> float:
        for _ in range(AT_ONCE):
            attempts.new_attempt(store, account)
        started = time.perf_counter()
        claimed = [attempts.claim(store, account) for _ in range(AT_ONCE)]
        took = time.perf_counter() - started
        for attempt in claimed:
            attempts.finish(store, attempt)
        return took / AT_ONCE

    return run


def timed(call: Callable[[], object]) -> Callable[[], float]:
    """Return a function that gives the seconds of one call."""

    def run() -> float:
        started = time.perf_counter()
        for _ in range(AT_ONCE):
            call()
        return (time.perf_counter() - started) / AT_ONCE

    return run


def size_does_not_matter(
    kind: str, few_url: str, many_url: str, token: str, pairs: int, settling: float, idle: float
) -> list[Row]:
    """Time what every process does all the time, in a large library and in a small one."""
    account = account_of(token)
    for url, size in ((few_url, FEW), (many_url, MANY)):
        filled(url, size, account).database.close()
    few, many = Store(Database(few_url)), Store(Database(many_url))
    for store in (few, many):
        attempts.sign_of_life(store)
    pieces = {
        "a sign of life": [timed(partial(attempts.sign_of_life, store)) for store in (many, few)],
        "a look round": [timed(partial(attempts.look_round, store, account)) for store in (many, few)],
        "a claim": [timed_claims(store, account) for store in (many, few)],
    }
    rows = []
    for name, (ours, yardstick) in pieces.items():
        ratios = compare(ours, yardstick, pairs)
        what = f"{kind}: {name} with {MANY:,} attempts"
        rows.append(ratio(what, f"{FEW}", ratios, RATIO_BAR))
        if name == "a claim":
            took = statistics.median(ours() for _ in range(pairs))
            rows.append(at_most(what, took * 1000, CLAIM_BAR * 1000, "ms"))
    for store in (few, many):
        store.database.close()
    used = {}
    for size, url in ((FEW, few_url), (MANY, many_url)):
        with studio(url, "http://127.0.0.1:9", token) as order:
            order(f"usage {settling}")
            told = order(f"usage {idle}")
            used[size] = 100 * told["cpu"] / told["seconds"]
    rows.append(
        at_most(
            f"{kind}: an idle process with {MANY:,} attempts",
            used[MANY],
            IDLE_BAR,
            "% of a core",
            f"{FEW}: {used[FEW]:.2f} %",
        )
    )
    return rows


def batch(kind: str, database: str, kie: Kie, size: int, period: float, keep: float) -> list[Row]:
    """Send many at a limit, and count where they arrive; then see what the engine keeps."""
    token = kie.token()
    kie.set(rate_limit=LIMIT, rate_period=period)
    with studio(database, kie.url, token, KIE_RATE_LIMIT=LIMIT, KIE_RATE_PERIOD=period) as order:
        before = attempts.engine_rows(database)
        cpu = order(f"create {size}")["cpu"]
        whole = (math.ceil(size / LIMIT) - 1) * period
        deadline = time.monotonic() + 3 * whole + 30
        while attempts.states(database).get("created", 0) < size and time.monotonic() < deadline:
            cpu += order("usage 1")["cpu"]
        arrivals = [at for at, _ in kie.arrivals(token)]
        what = f"{kind}: {size} attempts, {LIMIT} in {period:g} s"
        took = arrivals[-1] - arrivals[0] if attempts.states(database).get("created") == size else float("inf")
        crowded = max(sum(first <= at < first + period for at in arrivals) for first in arrivals)
        rows = [
            at_most(f"{what}: all sent, against the shortest time", took / whole, 1.05, "times", seconds(took)),
            at_most(f"{what}: arrivals in any period", crowded, LIMIT, "", of="{:.0f}"),
            at_most(f"{what}: requests too many", len(arrivals) - size, 0, "", of="{:.0f}"),
            Row(f"{what}: processor time", f"{cpu:.1f} s"),
        ]
        if keep:
            time.sleep(keep)
            kept = (attempts.engine_rows(database) - before) / size
            rows.append(at_most(f"{kind}: rows of the engine for an attempt that ended a minute ago", kept, 0, ""))
    return rows


def many_wait(kind: str, database: str, kie: Kie, size: int) -> list[Row]:
    """Let many wait for their turn, count threads, and close."""
    token = kie.token()
    with studio(database, kie.url, token, KIE_RATE_LIMIT=1, KIE_RATE_PERIOD=3600) as order:
        order(f"create {size}")
        wait_for(lambda: kie.arrivals(token), 30, "the first request")
        told = order("usage 5")
        closing = order("close")["seconds"]
    return [
        at_most(f"{kind}: threads with {size:,} waiting attempts", told["threads"], THREADS_BAR, "", of="{:.0f}"),
        Row(f"{kind}: processor while they wait", f"{100 * told['cpu'] / told['seconds']:.1f} % of a core"),
        at_most(f"{kind}: the process’s end with them", closing, 2, "s"),
    ]


def main() -> int:
    """Fill the databases, measure, and print the figures."""
    parser = argparse.ArgumentParser(description="what it costs to send and to wait")
    parser.add_argument("--quick", action="store_true", help="fewer pairs, a smaller batch, shorter waits")
    parser.add_argument("--only", choices=["size", "batch", "waiting"], help="one part")
    options = options_of(parser)
    gc.collect()
    gc.freeze()  # as app.py does
    rows = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sending-")))
        kie = stack.enter_context(stand_in())
        server = stack.enter_context(postgres())
        made = iter(range(9))
        new = {"SQLite": lambda: f"sqlite:///{folder}/{next(made)}.db", "PostgreSQL": server.new_database}
        quick = options.quick
        pairs, settling, idle = (7, 3, 5) if quick else (21, 60, 20)  # DBOS asks more in its first minute
        size, period, keep = (100, 1.0, 0) if quick else (BATCH, PERIOD, 60)
        for kind, database in new.items():
            if options.only in (None, "size"):
                rows += size_does_not_matter(kind, database(), database(), kie.token(), pairs, settling, idle)
            if options.only in (None, "batch"):
                rows += batch(kind, database(), kie, size, period, keep)
            if options.only in (None, "waiting"):
                rows += many_wait(kind, database(), kie, WAITING)
    return tell(rows, options)


if __name__ == "__main__":
    raise SystemExit(main())
