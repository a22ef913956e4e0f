"""After good and bad days the token is nowhere: not in the database's files, not in a log, not in what a page gets."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from studio_helpers import ended, press

from kie import InvalidInput, KieClient, KieError
from sandbox import Server
from studio.service import Studio

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


@pytest.fixture
def traces(
    server: Server,
    tmp_path: Path,
    open_studio: Callable[..., Studio],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> Traces:
    caplog.set_level(logging.DEBUG)
    sandbox = server.sandbox
    sandbox.new_account(token=TOKEN)
    studio = open_studio(api_key=TOKEN, read_timeout=1)
    account, _ = studio.sign_in(TOKEN)

    def tell(key: str) -> None:
        ended(studio, account, press(studio, account, key))

    tell("finished")
    sandbox.fault("code", token=TOKEN, code=422, message=f"no such token: {TOKEN}")
    tell("documented")
    for kind in ("html", "drop_after", "cut_json"):
        sandbox.fault(kind, token=TOKEN)
        tell({"html": "callback", "drop_after": "instrumental", "cut_json": "one_refused"}[kind])
    with monkeypatch.context() as patch:
        patch.setattr(KieClient, "create_persona", _breaks)
        tell("not_ready")
    studio.vault.keep(TOKEN, "http://kie.invalid")
    tell("code_402")
    with pytest.raises(InvalidInput) as invalid:
        studio.sign_in(f"{TOKEN} {TOKEN}")
    studio.settings = type(studio.settings)(base_url=server.base_url)
    sandbox.revoke(TOKEN)
    with pytest.raises(KieError) as refused:
        studio.sign_in(TOKEN)

    history = studio.history(account, 100)
    assert len(history) == 7
    in_full = [studio.attempt(account, each.id) for each in history]
    shown = [history, in_full, studio.history_csv(account), studio, vars(studio), account, invalid.value, refused.value]
    files = _files(tmp_path)
    studio.close()
    files |= {f"{name} after the end": content for name, content in _files(tmp_path).items()}
    out, err = capfd.readouterr()
    return Traces(files, f"{out}{err}{caplog.text}".encode(), "\n".join(f"{each} {each!r}" for each in shown).encode())


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_token_is_nowhere_after_a_session(traces: Traces) -> None:
    everything = {**traces.files, "logs": traces.logs, "pages": traces.pages}
    assert [(name, form) for name, content in everything.items() for form in FORMS if form in content] == []


def test_what_was_searched_holds_the_whole_session(traces: Traces) -> None:
    assert {"studio.db", "studio.db-wal", "studio.db after the end"} <= set(traces.files)
    assert all(b"finished" or word for word in ())
    assert b"no such token: [token]" in traces.files["studio.db after the end"]
    assert b"RuntimeError" in traces.logs
