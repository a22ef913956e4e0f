"""The bytes of an answer: its headers, its chunks, and how it is packed."""

from __future__ import annotations

import http.client
import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.replies import CREDIT_PATH, JOB_RECORD_PATH, PERSONA_PATH
from tests.sandbox.sandbox_caller import Caller

GZIP = {"Accept-Encoding": "gzip, deflate"}


def raw(caller: Caller, method: str, path: str, **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
    """An answer and its bytes, still packed."""
    connection = http.client.HTTPConnection(caller.server.base_url.removeprefix("http://"), timeout=5)
    connection.request(method, path, headers={"Authorization": f"Bearer {caller.token}", **headers})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


def read_none(sandbox: Any) -> None:
    sandbox.rate_limit = 0


@pytest.mark.parametrize(
    ("method", "path", "status", "change"),
    [
        ("GET", CREDIT_PATH, 200, None),
        ("GET", f"{JOB_RECORD_PATH}?taskId=nobodys", 200, None),
        ("POST", PERSONA_PATH, 200, None),
        ("POST", PERSONA_PATH, 429, read_none),
        ("POST", "/api/v1/nowhere", 404, None),
    ],
)
@pytest.mark.parametrize("packed", [True, False], ids=["gzip", "plain"])
def test_every_answer_comes_in_chunks_and_packed_for_who_accepts_it(
    method: str, path: str, status: int, change: Callable[[Any], None] | None, packed: bool, own: Caller
) -> None:
    if change:
        change(own.server.sandbox)
    answer, body = raw(own, method, path, **(GZIP if packed else {}))
    assert (answer.status, answer.getheader("Transfer-Encoding")) == (status, "chunked")
    assert answer.getheader("Content-Length") is None
    assert answer.getheader("Content-Type") == "application/json;charset=UTF-8"
    assert answer.getheader("Content-Encoding") == ("gzip" if packed else None)
    assert isinstance(json.loads(zlib.decompress(body, 31) if packed else body), dict)
