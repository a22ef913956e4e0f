"""A process of its own with a studio in it, for tests that kill it. Settings come from the environment.

python child.py [--stall start|finish|look_up] [--gate] [TASK/AUDIO ...]

Presses Create once for each track, with a gate after the first line of its standard input; then reads a line for each
further press: a JSON object with `track` and perhaps `name` and `replaces` (an attempt's ID and the status that was
seen), or with `boost` and a text. Says line by line how far it is; closes the studio and ends when its standard input
ends.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
from pathlib import Path
from typing import Any

from kie import PersonaRequest
from studio.facade import Studio
from studio.sending.attempt_store import Store
from studio.sending.attempts import Seen, Status
from studio.sending.engine import Engine
from studio.sending.interface_choice import InterfaceChoice
from studio.settings import load


def say(*words: object) -> None:
    print(*words, flush=True)


def stall(where: str) -> None:
    """Go no further than this place, for ever, and say when it is reached."""

    def stalled(*args: object) -> None:
        say("stalled")
        threading.Event().wait()

    places: dict[str, tuple[type, str]] = {
        "start": (Engine, "serve_soon"),
        "finish": (Store, "finish"),
        "look_up": (InterfaceChoice, "look_up"),
    }
    setattr(*places[where], stalled)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--stall", choices=["start", "finish", "look_up"])
    parser.add_argument("--gate", action="store_true")
    parser.add_argument("tracks", nargs="*")
    options = parser.parse_args()
    if options.stall:
        stall(options.stall)
    studio = Studio(load(secrets=Path("/nowhere/secrets.toml")))
    studio.open().result()
    assert studio.shared
    say("open")
    if options.gate:
        sys.stdin.readline()
    for track in options.tracks:
        press(studio, {"track": track})
    for line in sys.stdin:
        press(studio, json.loads(line))
    studio.close()


def press(studio: Studio, wish: dict[str, Any]) -> None:
    """Press once, and say which attempt that is."""
    assert studio.shared
    if "boost" in wish:
        say("attempt", studio.start_boost(studio.shared, wish["boost"]).id)
        return
    task_id, audio_id = wish["track"].split("/")
    request = PersonaRequest(task_id, audio_id, wish.get("name", "Quay"), "A warm low voice")
    seen = wish.get("replaces")
    replaces = Seen(seen[0], Status(seen[1])) if seen else None
    say("attempt", studio.create_persona(studio.shared, request, replaces).id)


if __name__ == "__main__":
    main()
