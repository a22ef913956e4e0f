"""`python benchmarks/kie_warm.py`: one persona in a warm process with `kie`, against `requests.Session.post`.

Both speak to one local stub over a connection that stays open and read the persona's ID. The bar is 1.05.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable

import requests
from common import FIELDS, MADE, PERSONA_PATH, ROOT, TOKEN, compare, line, options_of, ratio, stub, tell

sys.path.insert(0, str(ROOT))

from kie import KieClient, PersonaRequest  # found through the line above

CALLS = 40
"""How many calls are timed together: one alone is about as short as a delay by the scheduler."""


def timed(call: Callable[[], str]) -> Callable[[], float]:
    """Return a function that gives the seconds of `CALLS` calls, each of which must return the persona's ID."""

    def run() -> float:
        started = time.perf_counter()
        told = {call() for _ in range(CALLS)}
        took = time.perf_counter() - started
        if told != {MADE["personaId"]}:
            raise SystemExit(f"the call returned something else: {told}")
        return took

    return run


def main() -> None:
    """Time the pairs and print the line."""
    parser = argparse.ArgumentParser(description="kie against requests.Session.post, warm process")
    parser.add_argument("--pairs", type=int, default=41, help="how many pairs of timings (default: %(default)s)")
    options = options_of(parser)
    os.environ["NO_PROXY"] = "*"
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with stub() as base_url, KieClient(TOKEN, base_url) as client, requests.Session() as session:

        def with_kie() -> str:
            return client.create_persona(
                PersonaRequest(FIELDS["taskId"], FIELDS["audioId"], FIELDS["name"], FIELDS["description"])
            ).persona_id

        def with_requests() -> str:
            response = session.post(base_url + PERSONA_PATH, json=FIELDS, headers=headers, timeout=(5, 120))
            response.raise_for_status()
            return str(response.json()["data"]["personaId"])

        ratios = compare(timed(with_kie), timed(with_requests), options.pairs)
    print(line("kie warm call", "requests.Session.post", ratios))
    if options.json:
        tell([ratio("the same call in a warm process", "`requests.Session.post`", ratios, 1.05)], options)


if __name__ == "__main__":
    main()
