"""Check and test everything: style, types, then all tests. A missing browser is installed where that is possible.

python -m tests [pytest's options]
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
CHROMIUM = Path("/usr/bin/chromium")
CHECKS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    ("pytest", "-q", "-n", "3", "--dist", "loadfile", "--no-loadscope-reorder", "--durations", "10"),
)


def install_chromium() -> None:
    """Install Debian's Chromium as root; otherwise say what is missing."""
    if CHROMIUM.exists():
        return
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        sys.exit(f"The browser tests need {CHROMIUM}. On Debian: sudo apt-get install chromium")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "chromium"]):
        subprocess.run(command, check=True, env=quiet, stdout=subprocess.DEVNULL)


def main() -> int:
    """Run every check, also after one has failed, and return whether one has."""
    install_chromium()
    failed = False
    for module, *options in CHECKS:
        more = sys.argv[1:] if module == "pytest" else []
        done = subprocess.run([sys.executable, "-m", module, *options, *more], cwd=ROOT, check=False)
        failed = failed or done.returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
