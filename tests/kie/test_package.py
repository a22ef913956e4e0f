"""The package as a whole: what it offers, what it needs, what it says about itself."""

from __future__ import annotations

import ast
import inspect
import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import kie

ROOT = Path(kie.__file__).parents[1]
HEAVY = {"pandas", "numpy", "streamlit", "sqlalchemy", "dbos", "altair", "starlette", "uvicorn"}
OURS = {"app", "pages", "views", "studio", "sandbox"}
LATE = {f"kie.{name}" for name in ("boost", "job", "json_trees", "models_and_prices", "music_task", "timed_words")}
LATE |= {"kie.public_download"}
"""Modules that a persona does not need."""
TREES = {
    module.name: ast.parse((ROOT / "kie" / f"{module.name}.py").read_text())
    for module in pkgutil.iter_modules(kie.__path__)
}


def test_importing_kie_loads_nothing_heavy_and_nothing_late() -> None:
    program = "import json, sys, kie; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    assert {"kie", "requests"} <= loaded
    assert not loaded & LATE
    assert not {name.partition(".")[0] for name in loaded} & (HEAVY | OURS)


def test_modules_import_only_requests_and_the_standard_library() -> None:
    nodes = [node for tree in TREES.values() for node in ast.walk(tree)]
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    foreign = {name.partition(".")[0] for name in imported} - sys.stdlib_module_names
    assert foreign == {"kie", "requests", "urllib3"}


def test_the_public_names_are_those_in_all() -> None:
    late = {
        "BoostedStyle",
        "Job",
        "JobHandle",
        "MusicTask",
        "TaskState",
        "TimedWord",
        "TimedWords",
        "Track",
    }  # when named
    public = late | {name for name, value in vars(kie).items() if getattr(value, "__module__", "").startswith("kie.")}
    assert public == set(kie.__all__)
    assert kie.__all__ == sorted(kie.__all__)


def own_doc(thing: object) -> str:
    """The docstring somebody wrote: neither inherited nor made by dataclass."""
    doc = vars(thing).get("__doc__") if isinstance(thing, type) else getattr(thing, "__doc__", None)
    return "" if not doc or doc.startswith(f"{getattr(thing, '__name__', '?')}(") else doc


def test_every_module_says_what_it_is_for() -> None:
    assert [name for name, tree in TREES.items() if not ast.get_docstring(tree)] == []


def test_everything_public_has_a_docstring() -> None:
    assert [name for name in kie.__all__ if not own_doc(getattr(kie, name))] == []


def test_every_public_method_has_a_docstring() -> None:
    methods = {
        f"{owner}.{name}": member
        for owner in kie.__all__
        if inspect.isclass(getattr(kie, owner))
        for name, member in vars(getattr(kie, owner)).items()
        if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property | classmethod))
    }
    assert methods
    assert [name for name, member in methods.items() if not own_doc(member)] == []


def test_every_member_of_an_enum_says_what_it_means() -> None:
    enums = [
        node
        for tree in TREES.values()
        for node in tree.body
        if isinstance(node, ast.ClassDef) and [ast.unparse(base) for base in node.bases] == ["StrEnum"]
    ]
    assert {node.name for node in enums} == {"Cause", "Sent", "TaskState"}
    for node in enums:
        kinds = [type(each) for each in node.body[1:]]
        assert kinds == [ast.Assign, ast.Expr] * (len(kinds) // 2), node.name


def test_the_package_tells_type_checkers_that_it_has_types() -> None:
    assert (ROOT / "kie" / "py.typed").exists()


def test_every_error_of_ours_is_a_kie_error() -> None:
    errors = [thing for thing in vars(kie).values() if inspect.isclass(thing) and issubclass(thing, Exception)]
    assert len(errors) == 6
    assert all(issubclass(error, kie.KieError) for error in errors)
