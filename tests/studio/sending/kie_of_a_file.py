"""The stand-in KIE of a test file's own, whose settings its tests change, and what arrived there."""

from __future__ import annotations

from typing import Any

from sandbox import Sandbox, Server
from sandbox.replies import JOB_PATH, PERSONA_PATH
from studio.facade import Studio
from studio.people.token_store import Account


class Kie:
    """A sandbox of this file's own, whose settings the tests change."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.sandbox: Sandbox = server.sandbox
        self.token = ""

    def account(self, studio: Studio) -> Account:
        self.token = self.sandbox.new_account()
        return studio.token_store.add(self.token, self.server.base_url)

    def fault(self, kind: str, path: str = JOB_PATH, **fields: Any) -> None:
        self.sandbox.fault(kind, token=self.token, path=path, **fields)

    @property
    def sent(self) -> tuple[int, int]:
        """How many requests for a persona arrived: direct ones, and jobs."""
        return self.sandbox.count(PERSONA_PATH, self.token), self.sandbox.count(JOB_PATH, self.token)

    @property
    def made(self) -> list[str]:
        return [each["personaId"] for each in self.sandbox.personas(self.token)]

    def reset(self) -> None:
        """Take the settings back."""
        fresh = Sandbox()
        for name in ("clock", "direct", "persona_shape", "job_seconds", "unknown_job"):
            setattr(self.sandbox, name, getattr(fresh, name))
