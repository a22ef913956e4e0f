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


def test_an_id_in_a_traceback_or_in_an_object_is_masked(caplog: pytest.LogCaptureFixture) -> None:
    session_id = uuid.uuid4()
    try:
        raise KeyError(str(session_id))
    except KeyError as error:
        logging.getLogger("asyncio").exception("Task of %s failed: %r", session_id, error)
        logging.getLogger("asyncio").error("%(what)s", {"what": session_id}, exc_info=True)
    assert str(session_id) not in caplog.text
    assert caplog.text.count("KeyError: '(an ID)'") == 2


def test_the_line_for_a_request_is_written_as_before(caplog: pytest.LogCaptureFixture) -> None:
    from uvicorn.logging import AccessFormatter

    log, session_id = logging.getLogger("uvicorn.access"), uuid.uuid4()
    with caplog.at_level(logging.INFO, "uvicorn.access"):
        log.info('%s - "%s %s HTTP/%s" %d', "192.0.2.1:1", "PUT", f"/upload_file/{session_id}/f", "1.1", 204)
    line = AccessFormatter("%(request_line)s %(status_code)s", use_colors=False).format(caplog.records[-1])
    assert line == "PUT /upload_file/(an ID)/f HTTP/1.1 204 No Content"


def test_a_record_with_wrong_arguments_raises_nothing_here() -> None:
    class Unprintable:
        def __str__(self) -> str:
            raise RuntimeError

    before, logging.raiseExceptions = logging.raiseExceptions, False
    try:
        logging.getLogger("asyncio").error("%d of %d", "x")
        logging.getLogger("asyncio").error("%s", Unprintable())
    finally:
        logging.raiseExceptions = before


def test_our_own_records_are_not_touched(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("persona-studio").warning("The persona %s", session_id := str(uuid.uuid4()))
    assert session_id in caplog.text
