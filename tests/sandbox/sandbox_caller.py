"""A client that speaks to a served sandbox as one account, and a clock for tests that would have to wait."""

from __future__ import annotations

from typing import Any

import requests

from sandbox import Scenario, Server
from sandbox.replies import JOB_PATH, JOB_RECORD_PATH, PERSONA_JOB, PERSONA_PATH, TASK_PATH
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

    def job(self, model: str, given: Any, **options: Any) -> requests.Response:
        return self.send("POST", JOB_PATH, json={"model": model, "input": given}, **options)

    def persona_job(self, scenario: Scenario | str = "job_song", **changes: Any) -> requests.Response:
        return self.job(PERSONA_JOB, self.persona_input(scenario, **changes))

    def persona_input(self, scenario: Scenario | str = "job_song", **changes: Any) -> dict[str, Any]:
        if isinstance(scenario, str):
            scenario = BY_KEY[scenario]
        window = {"vocal_end": 15} if scenario.key == "short" else {}
        ids = {"task_id": scenario.task_id, "audio_id": scenario.audio_id}
        return {**ids, "name": "Harbour alto", "description": "Low and smoky", **window, **changes}

    def record(self, job: requests.Response | str) -> requests.Response:
        """What recordInfo says of the job that an answer names, or of a task ID."""
        job_id = job if isinstance(job, str) else job.json()["data"]["taskId"]
        return self.send("GET", JOB_RECORD_PATH, params={"taskId": job_id})

    def fault(self, kind: str, **fields: Any) -> None:
        self.server.sandbox.fault(kind, token=self.token, **fields)

    @property
    def personas(self) -> list[dict[str, str]]:
        return self.server.sandbox.personas(self.token)
