"""Which of KIE's interfaces a request goes to: the setting, and with "auto" what this process has learnt from KIE."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from typing import Literal, TypeVar

from kie import Cause, KieClient, KieError, MusicTask
from studio.sending.attempts import Attempt
from studio.sending.kinds import Kind, kind_named

log = logging.getLogger(__name__)

Key = TypeVar("Key")
Value = TypeVar("Value")
GONE = frozenset({Cause.REMOVED, Cause.SWITCHED_OFF})
"""Causes after which the direct call is certainly gone."""
NOT_SEEN = frozenset({Cause.NOT_FOUND, Cause.NOT_READY})
"""Causes after which a job may know the song that the direct call does not."""
MOST_REMEMBERED = 10_000
"""Accounts, and tasks, that are remembered; the oldest are forgotten first."""


class InterfaceChoice:
    """Chooses for one process. Safe for many threads.

    With "auto", a request goes to the direct interface, unless its song is known to jobs only, or KIE has told the
    account that it does not offer the direct call any more.
    """

    def __init__(self, setting: Literal["auto", "direct", "jobs"] = "auto") -> None:
        self._setting = setting
        self._lock = threading.Lock()
        self._without_direct: OrderedDict[str, str] = OrderedDict()
        """Accounts for which the direct call is gone, each with the attempt that found it out."""
        self._songs_of_jobs: OrderedDict[tuple[str, str], None] = OrderedDict()
        """Tasks, each with its account, that only jobs know."""

    def choose(self, account: str, task_id: str, kind: Kind, body: str) -> tuple[Kind, str]:
        """Return the kind and the body of a request about a task's track, given those of the direct interface."""
        by_job = self._setting == "jobs"
        if self._setting == "auto":
            with self._lock:
                by_job = account in self._without_direct or (account, task_id) in self._songs_of_jobs
        return (by_job and kind.as_job(body)) or (kind, body)

    def note_task(self, account: str, task_id: str, task: MusicTask) -> None:
        """Remember the interface that knows a task."""
        with self._lock:
            if task.interface == "jobs":
                _remember(self._songs_of_jobs, (account, task_id), None)
            else:
                self._songs_of_jobs.pop((account, task_id), None)

    def is_of_job(self, account: str, task_id: str) -> bool:
        """Whether only jobs know a task."""
        with self._lock:
            return (account, task_id) in self._songs_of_jobs

    def instead(self, attempt: Attempt, error: KieError, client: KieClient | None) -> tuple[Kind, str] | None:
        """Return the kind and the body with which a refused attempt goes on, or None if it does not.

        Only where KIE certainly did not act. `client` asks which interface knows the song.
        """
        kind, task_id = kind_named(attempt.kind), attempt.request.task_id
        as_job = kind.as_job(attempt.body) if self._setting == "auto" and attempt.body else None
        if error.cause is Cause.REMOVED and kind.operation.is_job:  # the next request tries the direct call again
            with self._lock:
                self._without_direct.pop(attempt.account, None)
        if as_job is None:
            return None
        if error.cause in GONE:
            with self._lock:
                if attempt.account not in self._without_direct:
                    log.warning("KIE does not offer the direct call any more; it is asked by jobs from now on.")
                    _remember(self._without_direct, attempt.account, attempt.id)
            return as_job
        if error.cause in NOT_SEEN and client is not None:
            try:
                with client:
                    self.note_task(attempt.account, task_id, client.music_task(task_id))
            except KieError:
                return None
            return as_job if self.is_of_job(attempt.account, task_id) else None
        return None

    def changed_with(self, attempt: Attempt) -> bool:
        """Whether this attempt found out that the direct call is gone."""
        with self._lock:
            return self._without_direct.get(attempt.account) == attempt.id


def _remember(memory: OrderedDict[Key, Value], key: Key, value: Value) -> None:
    memory[key] = value
    while len(memory) > MOST_REMEMBERED:
        memory.popitem(last=False)
