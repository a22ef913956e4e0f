"""The rules of the repository: who may import whom, and what the repository's text may not say."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = {"kie", "studio", "views", "pages", "sandbox", "app"}
PACKAGES = OURS - {"pages", "app"}
DRAWING = (ROOT / "docs" / "architecture.md").read_text()


def arrows(begin: str) -> dict[str, set[str]]:
    """Return what stands right of each arrow of a drawing, by what stands left of it; to its first line without one."""
    block = re.search(rf"^{begin}((?: *\S+ +─+▶ .*\n)+)", DRAWING, re.MULTILINE)
    assert block, f"docs/architecture.md has no drawing after {begin!r}"
    lines = (line.partition("─") for line in block[1].splitlines())
    return {left.strip(): set(right.partition("▶")[2].split()) - {"nothing"} for left, _, right in lines}


MAY_IMPORT = {name: {name} & PACKAGES | others for name, others in arrows("```\n").items()}
"""Which folders each folder may import."""
PARTS = {package: arrows(f"{package}/\n") for package in ("studio", "views")}
"""Which parts of a package each of its parts may import, beside itself."""
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


def module_imports(package: str) -> dict[str, set[str]]:
    """Return the modules of the package that each of its modules imports, wherever in the file."""
    files = {}
    for file in (ROOT / package).rglob("*.py"):
        files[".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")] = file
    found: dict[str, set[str]] = {}
    for name, file in files.items():
        found[name] = set()
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                found[name] |= {alias.name for alias in node.names} & files.keys()
            elif isinstance(node, ast.ImportFrom):
                assert not node.level, f"{file}: a relative import"
                inside = {f"{node.module}.{alias.name}" for alias in node.names} & files.keys()
                is_all = len(inside) == len(node.names)
                found[name] |= inside | (set() if is_all else {node.module or ""} & files.keys())
    return found


def test_each_callback_acts_only_for_the_account_that_it_was_drawn_for() -> None:
    guard, unguarded = "visitor.for_this_account(", []
    for file in [*(ROOT / "views").rglob("*.py"), *(ROOT / "pages").glob("*.py")]:
        tree = ast.parse(file.read_text())
        made = {
            ast.unparse(node.value).startswith(guard) and ast.unparse(node.targets[0])
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and (node.arg or "").startswith("on_"):
                value = ast.unparse(node.value)
                harmless = isinstance(node.value, ast.Constant) or value == "lambda: None"
                harmless = harmless or (file.name, value) == ("sign_in.py", "_sign_out")
                if not (harmless or value.startswith(guard) or value in made):
                    unguarded.append(f"{file.name}: {node.arg}={value}")
    assert not unguarded


def test_a_button_with_an_attempt_among_its_arguments_is_of_that_attempt() -> None:
    names = {"attempt", "boost", "earlier.seen", "message.undo_id", "of.load"}
    found, without = [], []
    for file in (ROOT / "views").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Call) or called(node) != "button":
                continue
            given = {ast.unparse(each) for value in node.args[3:] for each in ast.walk(value)}
            if given & names and not any(word.arg == "of" for word in node.keywords):
                without.append(f"{file.name}: {ast.unparse(node.args[1])}")
            found += [file.name] * bool(given & names)
    assert len(found) > 12
    assert without == []


def test_each_fragment_asks_first_whether_its_account_is_still_here() -> None:
    fragments = {}
    for file in (ROOT / "views").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef) and "st.fragment" in map(called, node.decorator_list):
                fragments[f"{file.name}: {node.name}"] = ast.unparse(node.body[0])
    assert fragments
    assert set(fragments.values()) == {"visitor.draw_anew_if_left(account)"}


def called(decorator: ast.expr) -> str:
    """Return the name of a decorator, with or without arguments."""
    return ast.unparse(decorator.func if isinstance(decorator, ast.Call) else decorator)


@pytest.mark.parametrize("package", list(PARTS))
def test_parts_import_one_way(package: str) -> None:
    def part(module: str) -> str:
        return module.split(".")[1] if "." in module else ""

    modules = module_imports(package)
    there = {part(module) for module in modules} - {""}
    assert there == PARTS[package].keys(), f"docs/architecture.md draws each part of {package}/ with what it may import"
    allowed = {"": set[str]()} | {name: {"", name, *others} for name, others in PARTS[package].items()}
    wrong = {
        f"{module} imports {other}"
        for module, others in modules.items()
        for other in others
        if part(other) not in allowed[part(module)]
    }
    assert not wrong


def test_no_modules_of_the_studio_import_each_other_in_a_circle() -> None:
    left = module_imports("studio")
    while leaves := {module for module, others in left.items() if not others & left.keys()}:
        left = {module: others for module, others in left.items() if module not in leaves}
    assert not left


def test_the_drawing_has_every_folder() -> None:
    assert {place.partition(".")[0] for place in MAY_IMPORT} == OURS


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
