"""What README.md and docs/ name is there, and the glossary is in order. `test_house` reads the drawing of imports."""

from __future__ import annotations

import ast
import re

import pytest

from studio.sending.attempts import Status
from tests.test_house import ROOT

TEXTS = {str(file.relative_to(ROOT)): file.read_text() for file in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))}
QUOTED = [(place, quoted) for place, text in TEXTS.items() for quoted in re.findall(r"`([^`\n]+)`", text)]
ELSEWHERE = ("data/", ".streamlit/secrets.toml", ".venv/")
"""Paths that are made by whoever installs or runs the program."""
PATHS = sorted(
    {
        (place, path)
        for place, quoted in QUOTED
        for path in re.findall(r"(?<![\w./:@-])(?:(?:\.?\w[\w.-]*/)+[\w.-]*|\w+\.(?:py|md|js|css|html)\b)", quoted)
        if not path.startswith(ELSEWHERE)
    }
)
LINKS = sorted((place, link) for place, text in TEXTS.items() for link in re.findall(r"\]\(([^):#]+)\)", text))
FOREIGN = {"DataFrame", "ForwardMsgQueue", "Session"}
"""Classes of other packages."""
MEMBERS = sorted({found for _, quoted in QUOTED for found in re.findall(r"\b([A-Z][a-zA-Z]+)\.(\w+)", quoted)})
PACKAGES = ("kie", "studio", "views", "sandbox")
TERMS = [line for line in TEXTS["docs/glossary.md"].splitlines() if line.startswith("- ")]
BLOCKS = re.findall(r"^```\n(.*?)^```", TEXTS["docs/architecture.md"], re.DOTALL | re.MULTILINE)


def members() -> dict[str, set[str]]:
    """Return the names that each class has, by the class's name."""
    found: dict[str, set[str]] = {}
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.ClassDef):
                    names = {
                        each.name for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
                    }
                    names |= {str(each.target.id) for each in node.body
                              if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)}  # fmt: skip
                    found[node.name] = found.get(node.name, set()) | names
    return found


@pytest.mark.parametrize(("place", "path"), PATHS)
def test_a_path_that_it_names_is_there(place: str, path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize(("place", "link"), LINKS)
def test_a_link_leads_to_a_file(place: str, link: str) -> None:
    assert ((ROOT / place).parent / link).exists()


def test_they_name_many_paths_links_and_methods() -> None:
    assert len(PATHS) > 60
    assert len(LINKS) > 5
    assert len(MEMBERS) > 15


def test_a_method_that_they_name_is_there() -> None:
    ours = members()
    missing = {
        f"{name}.{member}" for name, member in MEMBERS if name not in FOREIGN and member not in ours.get(name, ())
    }
    assert not missing


def test_the_way_of_a_request_names_files_with_their_functions() -> None:
    (way,) = (block for block in BLOCKS if block.startswith("page "))
    steps = re.findall(r"^(?:\w+)? +(\S+\.\w+) +(.*)$", way, re.MULTILINE)
    assert len(steps) == len(way.splitlines())
    named = 0
    for path, rest in steps:
        text = (ROOT / path).read_text()
        if rest.startswith("the "):  # a widget
            continue
        for name in rest.partition(":")[0].split(", "):
            assert f"def {name.rpartition('.')[2]}(" in text, (path, name)
            named += 1
    assert named > 10


def test_the_table_of_states_leads_to_every_state_and_to_no_other() -> None:
    table = TEXTS["docs/architecture.md"].partition("| from | to | when | written by |\n|---|---|---|---|\n")[2]
    rows = [line.split(" | ") for line in table.partition("\n\n")[0].splitlines()]
    reached = {state for row in rows for state in row[1].split(", ") if state != "due later"}
    assert len(rows) > 15
    assert reached == set(Status)
    assert {state for row in rows for state in row[0].strip("| ").split(", ")} <= {
        *Status,
        "",
        "any",
        "any but created",
    }


def test_the_terms_are_in_alphabetical_order() -> None:
    names = [re.match(r"- \*\*(.+?)\*\*: ", term)[1] for term in TERMS]  # type: ignore[index]
    assert len(names) > 30
    assert names == sorted(set(names), key=str.casefold)


def test_a_term_is_one_line_that_ends_with_its_file() -> None:
    body = TEXTS["docs/glossary.md"].partition("\n- ")[2]
    assert all(line.startswith("- ") for line in f"- {body}".splitlines())
    for term in TERMS:
        assert re.fullmatch(r"- \*\*[^*]+\*\*: [^`;].*; `[\w./]+`", term), term
