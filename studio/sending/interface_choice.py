"""Which of KIE's interfaces a request goes to: the setting, and with "auto" what this process has learnt from KIE."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeVar

from kie import Cause, KieClient, KieError, MusicTask, TaskState
from studio.sending.attempts import Attempt
from studio.sending.kinds import Kind, kind_named

log = logging.getLogger(__name__)

Key = TypeVar("Key")
Value = TypeVar("Value")
NOT_SEEN = frozenset({Cause.NOT_FOUND, Cause.NOT_READY})
"""Causes after which a job may know the song that the direct call does not."""
MOST_REMEMBERED = 10_000
"""Accounts, and tasks, that are remembered; the oldest are forgotten first."""


@dataclass(slots=True)
class Change:
    """That the direct call is gone: when an account learnt it, and the persona with which that was said."""

    at: datetime
    said_with: str = ""


class InterfaceChoice:
    """Chooses for one process. Safe for many threads.

    With "auto", a request goes to the direct interface, unless its song is known to jobs only, or KIE has told the
    account that it does not offer the direct call any more.
    """

    def __init__(self, setting: Literal["auto", "direct", "jobs"] = "auto") -> None:
        self._setting = setting
        self._lock = threading.Lock()
        self._without_direct: OrderedDict[str, Change] = OrderedDict()
        """Accounts for which the direct call is gone."""
        self._songs_of_jobs: OrderedDict[tuple[str, str], None] = OrderedDict()
        """Tasks, each with its account, that only jobs know."""

    def choose(self, account: str, task_id: str, kind: Kind, body: str) -> tuple[Kind, str]:
        """Return the kind and the body of a request about a task's track, given those of the direct interface."""
        by_job = self._setting == "jobs"
        if self._setting == "auto":
            with self._lock:
                by_job = account in self._without_direct or (account, task_id) in self._songs_of_jobs
        return (kind_named(kind.job), kind.job_body(body)) if by_job and kind.job else (kind, body)

    def note_task(self, account: str, task_id: str, task: MusicTask) -> None:
        """Remember the interface that knows a task."""
        with self._lock:
            if task.interface == "jobs":
                _remember(self._songs_of_jobs, (account, task_id), None)
            elif task.state is not TaskState.ABSENT:
                self._songs_of_jobs.pop((account, task_id), None)

    def is_of_job(self, account: str, task_id: str) -> bool:
        """Whether only jobs know a task."""
        with self._lock:
            return (account, task_id) in self._songs_of_jobs

    def instead(self, attempt: Attempt, error: KieError) -> tuple[Kind, str] | None:
        """Return the kind and the body with which a refused attempt goes on because its call is gone, or None."""
        if not error.gone or self._setting != "auto":
            return None
        kind = kind_named(attempt.kind)
        with self._lock:
            if kind.operation.is_job:  # the next request tries the direct call again
                self._without_direct.pop(attempt.account, None)
            elif kind.job and attempt.account not in self._without_direct:
                log.warning("KIE does not offer the direct call to account %s; jobs take over.", attempt.account)
                _remember(self._without_direct, attempt.account, Change(datetime.now(UTC)))
        return self._as_job(attempt)

    def may_be_of_job(self, attempt: Attempt, error: KieError) -> bool:
        """Whether jobs may know the song of an attempt that was refused because KIE does not see the song."""
        return self._setting == "auto" and error.cause in NOT_SEEN and self._as_job(attempt) is not None

    def look_up(self, attempt: Attempt, client: KieClient) -> tuple[Kind, str] | None:
        """Ask KIE which interface knows an attempt's song; return what it goes on as if only jobs know it, or None.

        Raises `kie.KieError`.
        """
        task_id = attempt.request.task_id
        if not self.is_of_job(attempt.account, task_id):
            with client:
                self.note_task(attempt.account, task_id, client.music_task(task_id))
        return self._as_job(attempt) if self.is_of_job(attempt.account, task_id) else None

    def says_change(self, attempt: Attempt) -> bool:
        """Whether to say with this persona that its account is served by jobs from now on: with the first one only."""
        with self._lock:
            change = self._without_direct.get(attempt.account)
            if change is None or attempt.ended_at is None or attempt.ended_at < change.at:
                return False
            change.said_with = change.said_with or attempt.id
            return change.said_with == attempt.id

    def _as_job(self, attempt: Attempt) -> tuple[Kind, str] | None:
        kind = kind_named(attempt.kind)
        return (kind_named(kind.job), kind.job_body(attempt.body)) if attempt.body and kind.job else None


def _remember(memory: OrderedDict[Key, Value], key: Key, value: Value) -> None:
    memory[key] = value
    while len(memory) > MOST_REMEMBERED:
        memory.popitem(last=False)
