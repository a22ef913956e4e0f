"""`python -m sandbox`: serve the sandbox until Ctrl+C, and print its scenarios."""

from __future__ import annotations

import argparse
import threading

from . import SCENARIOS, Sandbox, serve
from .scenarios import crowd


def main() -> None:
    """Read the options, serve, print the base URL, a token and every scenario with its IDs."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="A stand-in for the KIE Suno API.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8787, help="0 for any free one (default: %(default)s)")
    parser.add_argument("--delay", type=float, default=0.0, metavar="SECONDS", help="before every persona")
    parser.add_argument("--once", choices=["overwrite", "conflict"], default="overwrite",
                        help="what a second persona of one track gets (default: %(default)s)")  # fmt: skip
    parser.add_argument("--token", help="a fixed token instead of a random one")
    parser.add_argument("--crowd", type=int, default=0, metavar="TRACKS", help="add one song with so many tracks")
    options = parser.parse_args()
    crowd(options.crowd)
    sandbox = Sandbox()
    sandbox.delay, sandbox.once = options.delay, options.once
    with serve(options.port, sandbox, host=options.host, token=options.token) as server:
        print(f"A stand-in for KIE, nothing is real. Ctrl+C ends it.\n\nbase URL  {server.base_url}")
        print(f"token     {server.token}\n")
        for scenario in SCENARIOS:
            tracks = scenario.task.tracks if scenario.task else ()
            print(f"{scenario.words}. {scenario.shows}\n    task ID   {scenario.task_id}")
            for audio_id in [track.audio_id for track in tracks] or [scenario.audio_id]:
                print(f"    audio ID  {audio_id}")
        print(flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("Stopped.")


if __name__ == "__main__":
    main()
