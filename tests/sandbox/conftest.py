"""Sandboxes served over real HTTP: one for all tests with an account each, or one of a test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import requests

from sandbox import Sandbox, Server, serve
from tests.sandbox.sandbox_caller import Caller, Clock


@pytest.fixture(scope="session")
def shared_server() -> Iterator[Server]:
    with serve() as server:
        yield server


@pytest.fixture
def caller(shared_server: Server) -> Caller:
    return Caller(shared_server, shared_server.sandbox.new_account())


@pytest.fixture
def another_caller(shared_server: Server) -> Caller:
    return Caller(shared_server, shared_server.sandbox.new_account())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def own(clock: Clock) -> Iterator[Caller]:
    """The first account of a sandbox of its own, whose settings and clock the test may change."""
    with serve(sandbox=Sandbox(clock)) as server:
        yield Caller(server, server.token)


@pytest.fixture
def code_of() -> Callable[[requests.Response], tuple[int, int]]:
    """HTTP status and the code in the body."""
    return lambda response: (response.status_code, response.json()["code"])
