"""`python -m benchmarks [--quick]`: run every script here, and write their figures into the README.

Each script runs in a process of its own, one after the other. With `--quick`, or if only some are named, the table is
printed and the README stays as it is. Exit code 1 if a bar is missed or a script fails.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
QUICK = {
    "kie_process": ["--pairs", "11"],
    "kie_warm": ["--pairs", "11"],
    "pages": ["--repeat", "3"],
    "library": ["--pairs", "5"],
    "files": ["--quick"],
    "sending": ["--quick"],
    "load": ["--quick"],
}
"""The scripts in their order, and what makes each short."""


def main() -> int:
    """Run the scripts and write or print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="run the benchmarks")
    parser.add_argument("scripts", nargs="*", metavar="SCRIPT", help=f"of {', '.join(QUICK)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="a short form of each; the README stays as it is")
    options = parser.parse_args()
    if wrong := set(options.scripts) - set(QUICK):
        parser.error(f"there is no script {', '.join(wrong)}")
    table, fine = ["| what | figure | bar | command |", "|---|---|---|---|"], True
    for name in options.scripts or QUICK:
        print(f"benchmarks/{name}.py", file=sys.stderr, flush=True)
        command = [sys.executable, str(HERE / f"{name}.py"), "--json", *(QUICK[name] if options.quick else [])]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        rows = json.loads(done.stdout or "[]")
        fine = fine and bool(rows) and all(row["held"] for row in rows)
        for row in rows or [{"what": name, "figure": "failed", "bar": "", "held": False}]:
            bar = row["bar"] + ("" if row["held"] else ", missed")
            table.append(f"| {row['what']} | {row['figure']} | {bar} | `python benchmarks/{name}.py` |")
    if options.quick or options.scripts:
        print("\n".join(table))
    else:
        before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
        _, _, after = rest.partition(END)
        text = "\n".join([f"{before}{BEGIN}", "", *table, "", f"{END}{after}"])
        README.write_text(text, encoding="utf-8")
    return 0 if fine else 1


if __name__ == "__main__":
    raise SystemExit(main())
