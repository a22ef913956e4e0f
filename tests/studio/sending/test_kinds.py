"""Every kind is known to every process, and fits into its columns."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from studio.database.attempt_columns import COLUMNS
from studio.sending import kinds

ROOT = Path(__file__).parents[3]
FILES = sorted(
    file.stem for file in Path(str(kinds.__file__)).parent.glob("*.py") if file.stem not in ("__init__", "kind")
)
LENGTHS = {column.name: column.length for column in COLUMNS if column.name in ("kind", "makes")}
LISTS = {"persona", "song", "text"}


def kinds_of(file: str) -> list[kinds.Kind]:
    found = vars(import_module(f"studio.sending.kinds.{file}")).values()
    return [each for each in found if isinstance(each, kinds.Kind)]


@pytest.mark.parametrize("file", FILES)
def test_a_kind_is_known_to_a_process_that_never_made_one(file: str) -> None:
    names = [kind.name for kind in kinds_of(file)]
    assert names
    program = f"from studio.sending.kinds import kind_named\nprint(*(kind_named(name).name for name in {names!r}))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.split() == names, done.stderr


@pytest.mark.parametrize("file", FILES)
def test_a_kind_fits_into_its_columns(file: str) -> None:
    for kind in kinds_of(file):
        assert len(kind.name) <= LENGTHS["kind"]
        assert kind.makes in LISTS


def test_no_two_kinds_have_one_name() -> None:
    every = {id(kind): kind.name for file in FILES for kind in kinds_of(file)}
    assert len(every) == len(set(every.values()))
