"""What CONTRIBUTING.md and the Makefile tell is there: files, tests and commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
INVENTED = ("pages/songs.py", "views/songs/", "tests/pages/test_songs.py")
"""Files that a recipe makes."""
QUOTED = re.findall(r"`([^`\n]+)`", TEXT) + re.findall(r'TESTS="?([^"`\n]+)', TEXT)
PATHS = sorted(
    {
        path
        for quoted in QUOTED
        for path in re.findall(r"(?<!\S)(?:\.?\w[\w.-]*/)+[\w.-]*", quoted)
        if not path.startswith((*INVENTED, ".venv/"))
    }
)
TESTS = sorted(set(re.findall(r"\btest_[a-z0-9_]+\b(?!\.py)", TEXT)))
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("path", PATHS)
def test_a_file_that_it_names_is_there(path: str) -> None:
    assert (ROOT / path).exists()


def test_it_names_many_files() -> None:
    assert len(PATHS) > 30


@pytest.mark.parametrize("name", TESTS)
def test_a_test_that_it_names_is_there(name: str) -> None:
    assert any(f"def {name}(" in file.read_text() for file in (ROOT / "tests").rglob("test_*.py"))


def test_a_make_command_that_it_names_is_there() -> None:
    named = set(re.findall(r"`make ([a-z-]+)", TEXT))
    assert named
    assert named <= TARGETS


def test_every_make_command_has_the_text_by_which_make_lists_it() -> None:
    listed = re.findall(r"^([a-z-]+):.*## \S", (ROOT / "Makefile").read_text(), re.M)
    assert set(listed) == TARGETS
