"""A stand-in KIE for one file, whose settings its tests change."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox import Server, serve
from tests.studio.sending.kie_of_a_file import Kie


@pytest.fixture(scope="module")
def kie_server() -> Iterator[Server]:
    with serve() as server:
        yield server


@pytest.fixture
def kie(kie_server: Server) -> Iterator[Kie]:
    kie = Kie(kie_server)
    yield kie
    kie.reset()
