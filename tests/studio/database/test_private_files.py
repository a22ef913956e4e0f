"""What SQLite writes can be read by its owner alone, whatever the umask and whatever was there before."""

from __future__ import annotations

import logging
import os
import re
import shlex
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox import Server
from studio.database.connection import Database, make_private, sqlite_file
from studio.facade import Studio
from studio.sending.attempt_store import Store
from tests.studio.helpers import add, ended, now, press
from tests.test_house import ROOT


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def modes(folder: Path) -> dict[str, int]:
    return {file.name: mode(file) for file in folder.iterdir()}


def test_all_files_of_a_studio_are_private(
    open_studio: Callable[..., Studio], server: Server, token: str, tmp_path: Path
) -> None:
    studio = open_studio(database_url=f"sqlite:///{tmp_path}/data/studio.db")
    account = studio.sign_in(token)
    ended(studio, account, press(studio, account))
    found = modes(tmp_path / "data")
    assert len([name for name in found if "-engine-" in name]) >= 3
    assert {"studio.db", "studio.db-wal", "studio.db-shm"} <= found.keys()
    assert set(found.values()) == {0o600}
    assert mode(tmp_path / "data") == 0o700


def test_a_folder_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o755)
    Database(f"sqlite:///{tmp_path}/data/studio.db").close()
    assert (mode(tmp_path / "data"), mode(tmp_path / "data" / "studio.db")) == (0o755, 0o600)


def test_a_database_that_others_could_read_is_closed_to_them_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "studio.db"
    url = f"sqlite:///{file}"
    Database(url).close()
    file.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        Database(url).close()
        Database(url).close()
    assert mode(file) == 0o600
    assert [record.args for record in caplog.records] == [(file,)]


def test_what_is_beside_the_database_is_closed_with_it_in_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database = Database(f"sqlite:///{tmp_path}/studio.db")
    with database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM departures")
    (tmp_path / "studio.db-cookie-key").touch()
    for file in tmp_path.iterdir():
        file.chmod(0o664)
    with caplog.at_level(logging.WARNING):
        Database(f"sqlite:///{tmp_path}/studio.db").close()
    beside = ("", "-wal", "-shm", "-cookie-key")
    assert modes(tmp_path) == {f"studio.db{end}": 0o600 for end in beside}
    assert len(caplog.records) == 1
    database.close()


def test_a_mode_that_cannot_be_changed_is_said_and_the_database_is_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "studio.db").touch(0o644)

    def refused(*args: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "chmod", refused)
    make_private(tmp_path / "studio.db")
    assert "cannot be changed" in caplog.text


def test_opening_a_database_again_keeps_the_locks_on_it(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/studio.db")
    with database.reading() as connection:
        connection.exec_driver_sql("SELECT * FROM departures")
        sqlite_file(str(tmp_path / "studio.db")).dispose()
        other = "import sqlite3; sqlite3.connect('studio.db').execute('SELECT * FROM departures').fetchall()"
        subprocess.run([sys.executable, "-c", other], cwd=tmp_path, check=True)
        assert (tmp_path / "studio.db-wal").exists()  # the last one out deletes it
    database.close()


def test_the_documented_backup_is_private_and_is_held_when_it_is_restored(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/studio.db"
    store = Store(Database(url))
    store.hold_restored()
    attempt = add(store)
    text = (ROOT / "docs" / "deploy.md").read_text()
    (command,) = re.findall(r"^```sh\n(.*VACUUM INTO.*)\n```$", text, re.MULTILINE)
    command = re.sub(r"\S+/python", shlex.quote(sys.executable), command)
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True)  # while the server runs
    store.database.close()
    assert mode(tmp_path / "backup.db") == 0o600
    (tmp_path / "backup.db").rename(tmp_path / "studio.db")
    restored = Store(Database(url))
    assert restored.hold_restored() == 1
    assert now(restored, attempt).held
    restored.database.close()


def test_the_documented_backup_makes_no_empty_database_in_a_wrong_folder(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "deploy.md").read_text()
    (command,) = re.findall(r"^```sh\n(.*VACUUM INTO.*)\n```$", text, re.MULTILINE)
    command = re.sub(r"\S+/python", shlex.quote(sys.executable), command)
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, check=False, capture_output=True, text=True)
    assert sqlite3.OperationalError.__name__ in done.stderr
    assert list(tmp_path.iterdir()) == []
