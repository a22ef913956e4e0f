"""`python benchmarks/kie_process.py`: a whole process that makes one persona with `kie`, against bare requests.

Both start a fresh interpreter, import, make one POST to a local stub, print the persona's ID and end. The bar is 1.10.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from functools import partial

from common import FIELDS, MADE, PERSONA_PATH, TOKEN, child_environment, compare, line, options_of, ratio, stub, tell

WITH_KIE = f"""
import sys
from kie import KieClient, PersonaRequest

fields = {json.loads(json.dumps(FIELDS))}
with KieClient({TOKEN!r}, sys.argv[1]) as client:
    persona = client.create_persona(
        PersonaRequest(fields["taskId"], fields["audioId"], fields["name"], fields["description"])
    )
print(persona.persona_id)
"""

WITH_REQUESTS = f"""
import sys
import requests

fields = {json.loads(json.dumps(FIELDS))}
headers = {{"Authorization": "Bearer " + {TOKEN!r}}}
with requests.Session() as session:
    response = session.post(sys.argv[1] + {PERSONA_PATH!r}, json=fields, headers=headers, timeout=(5, 120))
response.raise_for_status()
print(response.json()["data"]["personaId"])
"""


def run(program: str, base_url: str) -> float:
    """Return the seconds that a process with this program takes from start to end."""
    command = [sys.executable, "-c", program, base_url]
    started = time.perf_counter()
    done = subprocess.run(command, env=child_environment(), capture_output=True, text=True, check=True)
    took = time.perf_counter() - started
    if done.stdout.strip() != MADE["personaId"]:
        raise SystemExit(f"the program printed something else: {done.stdout}")
    return took


def main() -> None:
    """Time the pairs and print the line."""
    parser = argparse.ArgumentParser(description="kie against bare requests, whole process")
    parser.add_argument("--pairs", type=int, default=51, help="how many pairs of processes (default: %(default)s)")
    options = options_of(parser)
    with stub() as base_url:
        ratios = compare(partial(run, WITH_KIE, base_url), partial(run, WITH_REQUESTS, base_url), options.pairs)
    print(line("kie whole process", "bare requests", ratios))
    if options.json:
        tell([ratio("`import kie` and one `create_persona`, whole process", "bare `requests`", ratios, 1.10)], options)


if __name__ == "__main__":
    main()
