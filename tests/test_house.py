"""The house's rules: who may import whom, and what the repository's text may not say."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = {"kie", "studio", "views", "pages", "sandbox", "app"}
MAY_IMPORT = {
    "kie": {"kie"},
    "sandbox": {"sandbox"},
    "studio": {"studio", "kie", "sandbox"},
    "views": {"views", "studio", "kie"},
    "pages": {"views", "studio", "kie"},
    "app.py": {"views", "studio"},
}
NEVER = {
    "kie": {"streamlit", "pandas", "sqlalchemy", "dbos"},
    "studio": {"streamlit"},
    "sandbox": {"streamlit", "pandas"},
    "pages": {"requests", "sqlalchemy", "threading", "dbos"},
    "views": {"requests", "sqlalchemy", "threading", "dbos"},
}


def imports(place: str) -> dict[Path, set[str]]:
    """Return the top-level names that each file of a place imports, wherever in the file."""
    files = [ROOT / place] if place.endswith(".py") else sorted((ROOT / place).rglob("*.py"))
    found = {}
    for file in files:
        names: set[str] = set()
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add((node.module or "").partition(".")[0] if node.level == 0 else place.partition(".")[0])
        found[file] = names
    assert found
    return found


@pytest.mark.parametrize("place", list(MAY_IMPORT))
def test_imports_run_one_way(place: str) -> None:
    for file, names in imports(place).items():
        assert names & OURS <= MAY_IMPORT[place], file


def test_only_the_demo_knows_the_sandbox() -> None:
    assert [file.name for file, names in imports("studio").items() if "sandbox" in names] == ["demo_server.py"]


@pytest.mark.parametrize("place", list(NEVER))
def test_a_layer_never_imports_what_is_not_its_business(place: str) -> None:
    for file, names in imports(place).items():
        assert not names & NEVER[place], file


def test_pages_send_nothing_themselves() -> None:
    for place in ("pages", "views"):
        for file in (ROOT / place).rglob("*.py"):
            text = file.read_text()
            assert "KieClient" not in text, file
            assert "unsafe_allow_html" not in text, file


def test_no_page_asks_the_database_again_and_again() -> None:
    places = [ROOT / "app.py", *(ROOT / "pages").glob("*.py"), *(ROOT / "views").rglob("*.py")]
    assert [file.name for file in places if "run_every" in file.read_text()] == ["track_list.py"]  # it asks KIE


def test_every_setting_in_the_configuration_says_why() -> None:
    file = ROOT / ".streamlit" / "config.toml"
    tomllib.loads(file.read_text())
    section = ""
    for line in file.read_text().splitlines():
        section = line if line.startswith("[") else section
        if "=" in line and not line.startswith(("#", "[theme")) and not section.startswith("[theme."):
            assert " # " in line, line


def test_every_runtime_dependency_earns_its_line_in_the_architecture() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text().lower()
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        name = line.partition(">")[0].partition("[")[0].strip().lower()
        assert f"`{name}`" in text, name


def test_the_app_starts_from_another_folder(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import runpy; runpy.run_path({str(ROOT / 'app.py')!r})"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
