"""No session's ID in what Streamlit and the server log."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator

import pytest

from views.middleware import log_masks


@pytest.fixture(autouse=True)
def _masked() -> Iterator[None]:
    before = logging.getLogRecordFactory()
    log_masks.install()
    log_masks.install()
    yield
    logging.setLogRecordFactory(before)


@pytest.mark.parametrize("name", ["streamlit.runtime.websocket_session_manager", "uvicorn.error"])
def test_an_id_is_masked_and_the_rest_is_said(name: str, caplog: pytest.LogCaptureFixture) -> None:
    session_id = str(uuid.uuid4())
    logging.getLogger(name).warning("Session with id %s is already connected!", session_id)
    logging.getLogger(name).error(f"{session_id}: 100 %")
    assert [record.getMessage() for record in caplog.records] == [
        "Session with id (an ID) is already connected!",
        "(an ID): 100 %",
    ]


def test_our_own_records_are_not_touched(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("persona-studio").warning("The persona %s", session_id := str(uuid.uuid4()))
    assert session_id in caplog.text
