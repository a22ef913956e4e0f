"""What benchmarks share: a stub of KIE in a process of its own, and a ratio with its spread.

A figure is never a time: two things are timed in turn, pair by pair, in one run on one machine, and the figure is
the median of the pairs' ratios. Whatever else the machine does then affects both.
"""

from __future__ import annotations

import argparse
import json
import os
import socketserver
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
TOKEN = "0123456789abcdef0123456789abcdef"
PERSONA_PATH = "/api/v1/generate/generate-persona"
FIELDS = {
    "taskId": "7f3c1e90a5b24d6c8e1f0a9b2c3d4e5f",
    "audioId": "3b0f6c52-8d1e-4a77-9c24-5e6f7a8b9c0d",
    "name": "Harbour Alto",
    "description": "Low, slightly smoky female lead, close-miked, unhurried phrasing over brushed drums",
}
MADE = {"personaId": "c1d2e3f405162738495a6b7c8d9e0f10", "name": "Harbour Alto", "description": FIELDS["description"]}


class Row(NamedTuple):
    """One figure, and whether it keeps its bar."""

    what: str
    figure: str
    bar: str = ""
    held: bool = True


def seconds(value: float) -> str:
    """Say how long something took; what never came has taken for ever."""
    return "not in time" if value == float("inf") else f"{value:.2f} s"


def at_most(what: str, value: float, bar: float, unit: str, more: str = "", *, of: str = "{:.2f}") -> Row:
    """A figure that must not exceed its bar; `more` is told beside it."""
    figure = seconds(value) if unit == "s" else f"{of.format(value)} {unit}".strip()
    figure += f" ({more})" if more else ""
    return Row(what, figure, f"≤ {of.format(bar)} {unit}".strip(), value <= bar)


def ratio(what: str, yardstick: str, ratios: list[float], bar: float) -> Row:
    """A figure that is a ratio of times: the median, and between which values the middle half of the pairs lies."""
    low, median, high = statistics.quantiles(ratios, n=4)
    return at_most(f"{what}, against {yardstick}", median, bar, "times", f"n={len(ratios)}, {low:.2f} to {high:.2f}")


def options_of(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Read a script's options; with `--json` everything else that it prints goes to the other stream."""
    parser.add_argument("--json", action="store_true", help="print the rows for `python -m benchmarks`")
    options = parser.parse_args()
    options.out = sys.stdout
    if options.json:
        sys.stdout = sys.stderr
    return options


def tell(rows: list[Row], options: argparse.Namespace) -> int:
    """Print the rows, as lines or as JSON; return the process's exit code."""
    if options.json:
        print(json.dumps([row._asdict() for row in rows], ensure_ascii=False), file=options.out)
    else:
        for row in rows:
            bar = f" (bar {row.bar}{'' if row.held else ', MISSED'})" if row.bar else ""
            print(f"{row.what}: {row.figure}{bar}")
    return 0 if all(row.held for row in rows) else 1


class _Stub(socketserver.StreamRequestHandler):
    """Answers every request alike, in one write: a head and a body in two would wait for a delayed ACK."""

    def handle(self) -> None:
        body = json.dumps({"code": 200, "msg": "success", "data": MADE}).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        while self.rfile.readline():
            length = 0
            while line := self.rfile.readline().strip():
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            self.rfile.read(length)
            self.wfile.write(head.encode() + body)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


@contextmanager
def stub() -> Iterator[str]:
    """The base URL of a stub that makes every persona at once, over connections that stay open.

    0.0.0.0 is this machine too, and `kie` treats it as any other host: for 127.0.0.1 it does not look at the proxy
    settings, and would save time that it does not save on the way to KIE.
    """
    with subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://0.0.0.0:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


def child_environment() -> dict[str, str]:
    """The environment of a process that is timed whole: it finds the project, and may keep its compiled modules."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPATH": str(ROOT), "NO_PROXY": "*"}


def compare(ours: Callable[[], float], yardstick: Callable[[], float], pairs: int) -> list[float]:
    """Time both in turn, after one warm-up each, and return each pair's ratio. Who goes first alternates."""
    ours(), yardstick()
    ratios = []
    for number in range(pairs):
        if number % 2:
            theirs, mine = yardstick(), ours()
        else:
            mine, theirs = ours(), yardstick()
        ratios.append(mine / theirs)
    return ratios


def line(what: str, yardstick: str, ratios: list[float]) -> str:
    """One line for the table of figures: the median, and between which values the middle half of the pairs lies."""
    low, median, high = statistics.quantiles(ratios, n=4)
    return f"{what}: {median:.2f}x of {yardstick} (n={len(ratios)}, {low:.2f}–{high:.2f})"


if __name__ == "__main__":
    with _Server(("127.0.0.1", 0), _Stub) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()
