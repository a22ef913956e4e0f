"""A client that speaks to a served sandbox as one account, and a clock for tests that would have to wait."""

from __future__ import annotations

from typing import Any

import requests

from sandbox import Scenario, Server
from sandbox.replies import PERSONA_PATH, TASK_PATH
from tests.scenarios import BY_KEY


class Clock:
    """Time that passes only when a test says so."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


class Caller:
    """One account's view of the API."""

    def __init__(self, server: Server, token: str) -> None:
        self.server, self.token = server, token

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        options = {"timeout": 5, "headers": headers, "allow_redirects": False, **options}
        return requests.request(method, self.server.base_url + path, **options)

    def persona(self, scenario: Scenario | str = "finished", **changes: Any) -> requests.Response:
        if isinstance(scenario, str):
            scenario = BY_KEY[scenario]
        window = {"vocalEnd": 15} if scenario.key == "short" else {}
        body = {
            "taskId": scenario.task_id,
            "audioId": scenario.audio_id,
            "name": "Harbour alto",
            "description": "Low and smoky",
            **window,
            **changes,
        }
        return self.send("POST", PERSONA_PATH, json=body)

    def task(self, scenario: Scenario | str = "finished") -> requests.Response:
        task_id = (BY_KEY[scenario] if isinstance(scenario, str) else scenario).task_id
        return self.send("GET", TASK_PATH, params={"taskId": task_id})

    def fault(self, kind: str, **fields: Any) -> None:
        self.server.sandbox.fault(kind, token=self.token, **fields)

    @property
    def personas(self) -> list[dict[str, str]]:
        return self.server.sandbox.personas(self.token)
