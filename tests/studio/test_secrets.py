"""After good and bad days the token is nowhere: not in the database's files, not in a log, not in what a page gets."""

from __future__ import annotations

import base64
import io
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from kie import InvalidInput, KieClient, KieError
from sandbox import Server
from studio.facade import Studio
from studio.library.export_files import json_file
from studio.library.search_query import Query
from studio.settings import Settings
from tests.studio.helpers import ended, history_file, press

TOKEN = "kie-Zaunkoenig-5f1d0c77-Hausrotschwanz"
FORMS = [
    TOKEN.encode(),
    TOKEN.encode("utf-16-le"),
    base64.b64encode(TOKEN.encode()),
    base64.b64encode(f"Bearer {TOKEN}".encode()),
    base64.b64encode(f" Bearer {TOKEN}".encode())[4:-4],
    TOKEN.encode().hex().encode(),
]


class Traces(NamedTuple):
    """All that is left of a session, in bytes."""

    files: dict[str, bytes]
    logs: bytes
    pages: bytes


def _breaks(*args: object) -> None:
    raise RuntimeError(f"Bearer {TOKEN}")


@pytest.fixture(scope="module")
def log() -> Iterator[io.StringIO]:
    """Everything that any logger says, down to the smallest."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    loggers = [logging.getLogger(name) for name in ("", "dbos", "sqlalchemy", "urllib3")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
    yield written
    for logger, level in zip(loggers, levels, strict=True):
        logger.removeHandler(handler)
        logger.setLevel(level)


@pytest.fixture(scope="module")
def traces(server: Server, tmp_path_factory: pytest.TempPathFactory, log: io.StringIO) -> Traces:
    folder = tmp_path_factory.mktemp("session")
    server.sandbox.new_account(token=TOKEN)
    settings = Settings(TOKEN, server.base_url, read_timeout=1, database_url=f"sqlite:///{folder}/studio.db")
    studio = Studio(settings)
    try:
        shown = _session(studio, server)
        files = _files(folder)
    finally:
        studio.close()
    files |= {f"{name} after the end": content for name, content in _files(folder).items()}
    return Traces(files, log.getvalue().encode(), "\n".join(f"{each} {each!r}" for each in shown).encode())


def _session(studio: Studio, server: Server) -> list[object]:
    """Make something of everything, and return all that pages get."""
    sandbox = server.sandbox
    account = studio.sign_in(TOKEN)

    def tell(key: str) -> None:
        ended(studio, account, press(studio, account, key))

    tell("finished")
    sandbox.fault("code", token=TOKEN, code=422, message=f"no such token: {TOKEN}")
    tell("documented")
    for kind, key in (("html", "callback"), ("drop_after", "instrumental"), ("cut_json", "one_refused")):
        sandbox.fault(kind, token=TOKEN)
        tell(key)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(KieClient, "create_persona", _breaks)
        tell("not_ready")
    studio.token_store.add(TOKEN, "http://kie.invalid")
    tell("code_402")
    with pytest.raises(InvalidInput) as invalid:
        studio.sign_in(f"{TOKEN} {TOKEN}")
    sandbox.revoke(TOKEN)
    with pytest.raises(KieError) as refused:
        studio.sign_in(TOKEN)
    history = studio.history(account, 100)
    in_full = [studio.attempt(account, each.id) for each in history]
    files = [history_file(studio, account), json_file(studio.library, account.id, Query()).read()]
    return [history, in_full, files, studio, vars(studio), account, invalid.value, refused.value]


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_token_is_nowhere_after_a_session(traces: Traces) -> None:
    everything = {**traces.files, "logs": traces.logs, "pages": traces.pages}
    assert [(name, form) for name, content in everything.items() for form in FORMS if form in content] == []


def test_what_was_searched_holds_the_whole_session(traces: Traces) -> None:
    assert {"studio.db", "studio.db-wal", "studio.db after the end"} <= set(traces.files)
    assert b"no such token: [token]" in traces.files["studio.db after the end"]
    assert b"RuntimeError" in traces.logs
    assert traces.pages.count(b"audio_id=") == 7 * 2 * 2  # attempts, in the list and in full, as str and as repr
