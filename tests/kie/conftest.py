"""A client and the two servers that it talks to: one that sends any bytes, and the sandbox with its faults."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kie import KieClient
from sandbox import Server, serve
from tests.kie.servers import TOKEN, Account, ScriptedServer, Validate

CONTRACT = Path(__file__).parents[1] / "contract" / "kie-openapi.yaml"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


@pytest.fixture(scope="session")
def shared_server() -> Iterator[ScriptedServer]:
    """One server for the many examples of a property."""
    with ScriptedServer() as server:
        yield server


@pytest.fixture
def client(server: ScriptedServer) -> Iterator[KieClient]:
    """A client of the server that repeats nothing."""
    with KieClient(TOKEN, server.base_url, (2, 5), repeat=False) as client:
        yield client


@pytest.fixture(scope="session")
def kie_server() -> Iterator[Server]:
    with serve() as server:
        yield server


@pytest.fixture
def account(kie_server: Server) -> Account:
    return Account(kie_server)


@pytest.fixture(scope="session")
def contract() -> dict[str, Any]:
    read: dict[str, Any] = yaml.load(CONTRACT.read_text(), yaml.CSafeLoader)  # the plain loader takes a second
    return read


@pytest.fixture(scope="session")
def validate(contract: dict[str, Any]) -> Validate:
    from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it comes without types

    def check(schema: str, value: Any) -> None:
        whole = {"$ref": f"#/components/schemas/{schema}", "components": contract["components"]}
        assert [error.message for error in Draft202012Validator(whole).iter_errors(value)] == []

    return check
