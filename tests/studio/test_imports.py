"""What an import of the studio brings along; the first page waits for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def loaded(statement: str) -> set[str]:
    """The top-level modules in a fresh process after one statement."""
    script = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.split()}


@pytest.fixture(scope="module")
def by_all() -> set[str]:
    files = [path for path in sorted((ROOT / "studio").rglob("*.py")) if "migrations" not in path.parts]
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files]
    assert "studio.facade" in modules
    return loaded("\n".join(f"import {module}" for module in modules))


@pytest.fixture(scope="module")
def by_the_service() -> set[str]:
    return loaded("import studio.facade")


@pytest.mark.parametrize("other", ["streamlit", "views", "pages", "app"])
def test_the_studio_knows_no_pages(by_all: set[str], other: str) -> None:
    assert other not in by_all


@pytest.mark.parametrize("heavy", ["sqlalchemy", "dbos", "alembic", "pandas", "sandbox", "starlette"])
def test_the_first_page_does_not_wait_for_it(by_the_service: set[str], heavy: str) -> None:
    assert heavy not in by_the_service


def test_the_stand_in_is_loaded_for_the_demo_only(by_all: set[str]) -> None:
    assert "sandbox" not in by_all
