"""The package as a whole: what it offers, what it needs, what it says about itself."""

from __future__ import annotations

import ast
import inspect
import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import kie

ROOT = Path(kie.__file__).parents[1]
HEAVY = {"pandas", "numpy", "streamlit", "sqlalchemy", "dbos", "altair", "starlette", "uvicorn"}
OURS = {"app", "pages", "views", "studio", "sandbox"}
MODULES = sorted(module.name for module in pkgutil.iter_modules(kie.__path__))


def test_importing_kie_loads_nothing_heavy_and_nothing_else_of_ours() -> None:
    program = "import json, sys, kie; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {"kie", "requests"} <= set(json.loads(done.stdout))
    assert not (HEAVY | OURS) & set(json.loads(done.stdout))


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_requests_and_the_standard_library(module: str) -> None:
    tree = ast.parse((ROOT / "kie" / f"{module}.py").read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    foreign = {name.partition(".")[0] for name in imported} - sys.stdlib_module_names
    assert foreign <= {"kie", "requests", "urllib3"}


def test_the_public_names_are_those_in_all() -> None:
    later = {"BoostedStyle", "MusicTask", "TaskState", "TimedWord", "TimedWords", "Track"}  # loaded when first named
    public = later | {name for name, value in vars(kie).items() if getattr(value, "__module__", "").startswith("kie.")}
    assert public == set(kie.__all__)


def test_the_public_names_are_in_order() -> None:
    assert kie.__all__ == sorted(kie.__all__)


def own_doc(thing: object) -> str:
    """The docstring somebody wrote: neither inherited nor made by dataclass."""
    doc = vars(thing).get("__doc__") if isinstance(thing, type) else getattr(thing, "__doc__", None)
    return "" if not doc or doc.startswith(f"{getattr(thing, '__name__', '?')}(") else doc


@pytest.mark.parametrize("name", kie.__all__)
def test_a_public_thing_has_a_docstring(name: str) -> None:
    assert own_doc(getattr(kie, name))


METHODS = [
    (owner, name)
    for owner in kie.__all__
    if inspect.isclass(getattr(kie, owner))
    for name, member in vars(getattr(kie, owner)).items()
    if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property | classmethod))
]


@pytest.mark.parametrize(("owner", "name"), METHODS)
def test_a_public_method_has_a_docstring(owner: str, name: str) -> None:
    assert own_doc(vars(getattr(kie, owner))[name])


@pytest.mark.parametrize("module", MODULES)
def test_a_module_says_what_it_is_for(module: str) -> None:
    assert ast.get_docstring(ast.parse((ROOT / "kie" / f"{module}.py").read_text()))


def test_the_package_tells_type_checkers_that_it_has_types() -> None:
    assert (ROOT / "kie" / "py.typed").exists()


def test_every_error_of_ours_is_a_kie_error() -> None:
    errors = [thing for thing in vars(kie).values() if inspect.isclass(thing) and issubclass(thing, Exception)]
    assert len(errors) == 6
    assert all(issubclass(error, kie.KieError) for error in errors)
