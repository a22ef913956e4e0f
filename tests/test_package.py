"""The package that `pip install .` makes: `kie` alone, with what `kie` imports and nothing else."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def configuration() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def project(configuration: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = configuration["project"]
    return found


def name_of(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0].lower()


def imported_by_kie() -> set[str]:
    """What the client's modules import that is neither Python's nor theirs, wherever in the file."""
    nodes = [node for file in (ROOT / "kie").rglob("*.py") for node in ast.walk(ast.parse(file.read_text()))]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "kie" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"kie"}


def test_the_wheel_has_the_client_and_nothing_else(configuration: dict[str, Any]) -> None:
    assert configuration["tool"]["hatch"]["build"]["targets"]["wheel"] == {"packages": ["kie"]}


def test_the_source_archive_has_what_the_wheel_is_made_of(
    configuration: dict[str, Any], project: dict[str, Any]
) -> None:
    kept = configuration["tool"]["hatch"]["build"]["targets"]["sdist"]["only-include"]
    assert set(kept) == {"kie", project["readme"], *project["license-files"]}


def test_what_the_package_names_is_there(project: dict[str, Any]) -> None:
    for name in (project["readme"], *project["license-files"], "kie/py.typed"):
        assert (ROOT / name).is_file(), name


def test_the_dependencies_are_what_the_client_imports(project: dict[str, Any]) -> None:
    named = {name_of(line) for line in project["dependencies"]}
    brought = {name_of(line) for name in named for line in requires(name) or ()}
    imported = imported_by_kie()
    assert named <= imported
    assert imported <= named | brought


def test_the_package_and_the_app_ask_for_the_same_versions(project: dict[str, Any]) -> None:
    assert set(project["dependencies"]) <= set((ROOT / "requirements.txt").read_text().splitlines())


def test_python_is_the_one_that_is_checked_for(configuration: dict[str, Any], project: dict[str, Any]) -> None:
    oldest = configuration["tool"]["mypy"]["python_version"]
    assert project["requires-python"] == f">={oldest}"
    assert configuration["tool"]["ruff"]["target-version"] == f"py{oldest.replace('.', '')}"


def test_types_are_checked_wherever_there_is_code(configuration: dict[str, Any]) -> None:
    folders = [each for each in ROOT.iterdir() if each.is_dir() and each.name[0] != "."]
    there = {each.name for each in folders if not (each / "pyvenv.cfg").exists() and any(each.rglob("*.py"))}
    assert there | {"app.py"} == set(configuration["tool"]["mypy"]["files"])
