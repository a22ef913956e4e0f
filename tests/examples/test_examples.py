"""The programs in `examples/`, each run as a person runs it: a process, with the stand-in KIE for KIE."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox import Server, serve
from studio.database.connection import Database
from studio.library.edits import Library
from studio.library.export_files import csv_file, json_file
from studio.library.search_query import Query
from studio.sending.attempt_store import Store
from studio.sending.attempts import Status
from tests.scenarios import scenario
from tests.studio.helpers import ME, filed

ROOT = Path(__file__).parents[2]
MAKERS = {"personas.jsonl": json_file, "personas.csv": csv_file}

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve() as server:
        yield server


@pytest.fixture
def run(server: Server) -> Run:
    """Run an example as a new account of the stand-in KIE, with the settings that the README names."""
    told = {"KIE_API_KEY": server.sandbox.new_account(), "KIE_BASE_URL": server.base_url, "NO_PROXY": "*"}

    def run(name: str, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", f"examples.{name}", *arguments]
        env = {**os.environ, "PYTHONIOENCODING": "utf-8", **told, **changes}
        return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, encoding="utf-8", check=False)

    return run


def create(run: Run, key: str) -> subprocess.CompletedProcess[str]:
    return run("create_persona", scenario(key).task_id, scenario(key).audio_id, "Harbour Alto", "Low, close-miked")


def test_a_created_persona_is_its_id_on_a_line(run: Run) -> None:
    done = create(run, "finished")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.split()) == 1
    assert done.stdout == create(run, "finished").stdout  # the same track has the same persona


def test_a_refusal_is_told_with_what_to_do(run: Run) -> None:
    done = create(run, "code_402")
    assert (done.returncode, done.stdout) == (1, "")
    assert "too few credits" in done.stderr
    assert "Top up" in done.stderr


def test_an_answer_that_is_lost_is_no_refusal(run: Run) -> None:
    done = create(run, "answer_lost")
    assert (done.returncode, done.stdout) == (3, "")
    assert "KIE may have made the persona" in done.stderr


def test_an_answer_that_cannot_be_read_is_shown(run: Run) -> None:
    done = create(run, "no_persona_id")
    assert (done.returncode, done.stdout) == (3, "")
    assert '"name":"Harbour Alto"' in done.stderr


def test_each_track_is_told_with_its_verdict(run: Run) -> None:
    done = run("which_tracks", scenario("finished").task_id)
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert (done.returncode, done.stderr) == (0, "")
    assert lines[0] == [scenario("finished").audio_id, "Lanterns on the quay", "Can become a persona."]
    assert len(lines) == 2


@pytest.mark.parametrize(("key", "reason"), [("old_model", "V3.5"), ("tiny", "8.2 s"), ("first_track", "Not finished")])
def test_a_track_that_cannot_become_a_persona_has_its_reason(key: str, reason: str, run: Run) -> None:
    (first, *_) = run("which_tracks", scenario(key).task_id).stdout.splitlines()
    assert reason in first


def test_a_task_without_tracks_says_why(run: Run) -> None:
    done = run("which_tracks", scenario("unknown").task_id)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no record" in done.stderr


def test_a_token_that_kie_does_not_accept_is_told(run: Run) -> None:
    done = run("which_tracks", scenario("finished").task_id, KIE_API_KEY="0123456789abcdef")
    assert done.returncode == 1
    assert "did not accept the token" in done.stderr


@pytest.mark.parametrize("name", ["create_persona", "which_tracks", "persona_of_name"])
def test_without_arguments_it_says_how_to_run_it(name: str, run: Run) -> None:
    done = run(name)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"python -m examples.{name} " in done.stderr


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    store = Store(Database(f"sqlite:///{tmp_path_factory.mktemp('library')}/studio.db"))
    for name, persona_id in (("Quay", "older"), ("Quay", "newer"), ("=1+1", "0042"), ("None", "1e5")):
        filed(store, name=name, persona_id=persona_id)
    filed(store, name="Quay", status=Status.UNKNOWN.value)
    yield Library(store.database)
    store.database.close()


@pytest.fixture(params=MAKERS)
def file(request: pytest.FixtureRequest, library: Library, tmp_path: Path) -> Path:
    """A file of the library as its buttons hand it out."""
    name: str = request.param
    file = tmp_path / name
    file.write_bytes(MAKERS[name](library, ME, Query()).read())
    return file


@pytest.mark.parametrize(("name", "ids"), [("Quay", "newer\nolder\n"), ("=1+1", "0042\n"), ("None", "1e5\n")])
def test_the_personas_of_a_name_are_found_in_a_file_of_the_library(name: str, ids: str, file: Path, run: Run) -> None:
    done = run("persona_of_name", str(file), name)
    assert (done.stdout, done.stderr, done.returncode) == (ids, "", 0)


def test_a_name_that_nobody_has_is_told_by_the_exit_code(file: Path, run: Run) -> None:
    done = run("persona_of_name", str(file), "Nobody")
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 1)


def test_an_example_is_short() -> None:
    lengths = {file.name: len(file.read_text().splitlines()) for file in (ROOT / "examples").glob("*.py")}
    assert lengths
    assert max(lengths.values()) < 40, lengths


def test_an_example_uses_the_client_and_the_rules_only() -> None:
    for file in (ROOT / "examples").glob("*.py"):
        nodes = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.ImportFrom)]
        ours = {(node.module or "").partition(".")[0] for node in nodes} & {"kie", "studio", "views", "sandbox", "app"}
        assert ours <= {"kie", "studio"}, file
