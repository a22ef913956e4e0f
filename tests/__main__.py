"""Check and test everything: style, types, then all tests. What is missing is installed where that is possible.

python -m tests [pytest's options]
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROGRAMS = {
    "chromium": "/usr/bin/chromium",
    "nginx-light": "/usr/sbin/nginx",
    "systemd": "/usr/bin/systemd-analyze",
}
"""What tests need beside Python, by the name of its Debian package."""
CHECKS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    ("pytest", "-q", "-n", "3", "--dist", "loadfile", "--no-loadscope-reorder", "--durations", "10"),
)


def install_programs() -> None:
    """Install as root on Debian what is missing; without nginx or systemd some tests are skipped."""
    missing = [package for package, program in PROGRAMS.items() if not Path(program).exists()]
    if missing and shutil.which("apt-get") is not None and os.geteuid() == 0:
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", *missing]):
            subprocess.run(command, check=True, env=quiet, stdout=subprocess.DEVNULL)
    elif "chromium" in missing:
        sys.exit(f"The browser tests need {PROGRAMS['chromium']}. On Debian: sudo apt-get install chromium")


def main() -> int:
    """Run every check, also after one has failed, and return whether one has."""
    install_programs()
    failed = False
    for module, *options in CHECKS:
        more = sys.argv[1:] if module == "pytest" else []
        done = subprocess.run([sys.executable, "-m", module, *options, *more], cwd=ROOT, check=False)
        failed = failed or done.returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
