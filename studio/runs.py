"""Durable runs: each takes one attempt from `queued` to its outcome, in the background, also after a crash.

A run carries only the attempt's ID. Many runs may try the same attempt (after a crash, after a token was pasted
again); `Store.claim` lets one of them send, once.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import chain, repeat
from traceback import format_tb
from typing import Any

import sqlalchemy as sa
from dbos import DBOS, DBOSConfig
from sqlalchemy import event

from kie import Cause, KieClient, KieError, pause_before_repeat
from studio.attempts import Attempt, Outcome, Status
from studio.settings import Settings
from studio.store import Store
from studio.tokens import Vault

log = logging.getLogger(__name__)

HEARTBEAT = 2.0
"""Seconds between two signs of life; a quarter of the store's lease."""
CONNECT_TIMEOUT = 5.0
"""Seconds."""
LOOK_TIMEOUT = (5.0, 20.0)
"""Seconds to connect and to read, for calls that change nothing."""
SAVE_PAUSES = (0.2, 0.5, 1.0, 2.0)
"""Seconds between tries to write an outcome that could not be written; the last one again and again."""

SONG_PAUSE, SONG_TRIES = 15.0, 8
"""Seconds between tries, and how many, while KIE does not see a song yet that was just finished (kie-api.md, 1)."""
FRESH = timedelta(minutes=15)
"""A song this young may be finished and still not be there for personas."""

_runs: Runs | None = None


def may_wait_for_song(attempt: Attempt, outcome: Outcome, now: datetime) -> bool:
    """Whether a refused attempt is tried again by itself: KIE made nothing, and its song is only minutes old."""
    made = attempt.track.created_at if attempt.track is not None else None
    too_early = outcome.status is Status.REFUSED and outcome.cause == Cause.NOT_READY.value
    return too_early and attempt.repeats < SONG_TRIES and made is not None and now - made < FRESH


@DBOS.workflow(name="send_attempt")
def send_attempt(attempt_id: str) -> None:
    """Try an attempt until it ended, or until there is nothing to do here."""
    runs = _runs
    if runs is None:
        return
    with runs.at_work(attempt_id):
        while (pause := try_attempt(attempt_id)) is not None:
            DBOS.sleep(pause)


@DBOS.step(name="try_attempt", retries_allowed=True, interval_seconds=2.0, backoff_rate=1.0, max_attempts=1_000_000)
def try_attempt(attempt_id: str) -> float | None:
    """Send the attempt if it is this run's turn; return the seconds after which to try again, or None.

    Trying the step again after an error, or after a crash, is safe: `Store.claim` never lets a request leave twice.
    It is tried for as long as this process lives, because nobody else takes up what a living process works on.
    """
    return _runs.send(attempt_id) if _runs is not None else None


@event.listens_for(sa.Engine, "connect")
def teach_old_sqlite(connection: Any, record: object) -> None:
    """Add the one function that DBOS misses where Python 3.12 or newer was built on a SQLite before 3.42."""
    if isinstance(connection, sqlite3.Connection) and sqlite3.sqlite_version_info < (3, 42):
        connection.create_function("unixepoch", 1, lambda what: time.time() if what == "subsec" else int(time.time()))


class Runs:
    """The runs of this process. One at a time in a process, because DBOS is."""

    def __init__(self, settings: Settings, store: Store, vault: Vault) -> None:
        self._settings = settings
        self._store = store
        self._vault = vault
        self._executor = uuid.uuid4().hex
        self._sending: Counter[str] = Counter()
        self._running: Counter[str] = Counter()
        self._idle = threading.Condition()
        self._closing = threading.Event()
        self._stop = threading.Event()
        self._pulse = threading.Thread(target=self._keep_alive, name="heartbeat", daemon=True)
        self.on_credits: Callable[[str, float], None] = lambda account, left: None
        """Told what an account has left after each attempt."""
        self.on_change: Callable[[str], None] = lambda attempt_id: None
        """Told of each attempt that this process has moved on."""
        self.unsaved: dict[str, Outcome] = {}
        """Outcomes that could not be written to disk yet, by attempt."""

    @property
    def executor(self) -> str:
        """This process's own ID; never reused, so that no other process takes its runs for its own."""
        return self._executor

    def launch(self) -> None:
        """Start working, and take over what gone processes left."""
        global _runs
        _runs = self
        self._store.beat(self._executor)
        url = self._store.engine.url.render_as_string(hide_password=False)
        config: DBOSConfig = {
            "name": "persona-studio",
            "system_database_url": url,
            "executor_id": self._executor,
            "application_version": "1",
            "log_level": "WARNING",
        }
        DBOS(config=config)
        DBOS.launch()
        self._recover()
        self._pulse.start()

    def start(self, attempt_id: str) -> None:
        """Start a run in this process."""
        DBOS.start_workflow(send_attempt, attempt_id)

    def adopt(self) -> None:
        """Start runs for the queued attempts whose token is known here and that nobody works on: those of no process
        or a gone one, and those of this process that have no run, because starting it failed or DBOS dropped it."""
        with self._idle:
            busy = list(self._running)
        for attempt_id in self._store.adopt(self._vault.accounts(), self._executor, busy):
            try:
                self.start(attempt_id)
            except Exception as error:  # noqa: BLE001  # the next heartbeat tries again
                log.error("No run could be started for attempt %s: %s", attempt_id, type(error).__name__)

    @contextmanager
    def at_work(self, attempt_id: str) -> Iterator[None]:
        """Note that this process has a run for an attempt."""
        with self._idle:
            self._running[attempt_id] += 1
        try:
            yield
        finally:
            with self._idle:
                self._running -= Counter([attempt_id])  # keeps no zeros

    def close(self, wait: float) -> None:
        """Send nothing more; stop after the requests that are on their way have ended, or after `wait` seconds."""
        global _runs
        with self._idle:
            self._closing.set()
            self._idle.wait_for(lambda: not self._sending, timeout=wait)
        self._stop.set()  # not before: others take a process without a heartbeat for gone
        if self._pulse.is_alive():
            self._pulse.join(timeout=HEARTBEAT)
        DBOS.destroy()
        _runs = None
        self._store.leave(self._executor)

    def send(self, attempt_id: str) -> float | None:
        """Claim, send, and write the outcome, in that order; return seconds to wait before the next try, or None."""
        account = self._store.account_of(attempt_id)
        client = self._vault.client(account, (CONNECT_TIMEOUT, self._settings.read_timeout)) if account else None
        with self._idle:  # one at a time, so that what `busy` says still holds when the claim is decided
            if self._closing.is_set():
                return None
            claim = self._store.claim(
                attempt_id,
                self._executor,
                can_send=client is not None,
                busy=attempt_id in self._sending,
                limit=self._settings.rate_limit,
                period=timedelta(seconds=self._settings.rate_period),
            )
            if claim.attempt is None or client is None:
                return claim.wait
            self._sending[attempt_id] += 1
        self.on_change(attempt_id)
        try:
            with client:
                return self._send(claim.attempt, client)
        finally:
            with self._idle:
                self._sending -= Counter([attempt_id])  # keeps no zeros
                self._idle.notify_all()

    def _send(self, attempt: Attempt, client: KieClient) -> float | None:
        try:
            outcome = Outcome.of(client.create_persona(attempt.request))
        except KieError as error:
            outcome = Outcome.of(error)
            pause = pause_before_repeat(error, attempt.repeats)
            if pause is None and may_wait_for_song(attempt, outcome, self._store.now()):
                pause = SONG_PAUSE
            if pause is not None:
                self._save(attempt, outcome, pause)
                return pause
        except Exception as error:  # noqa: BLE001  # whatever it was, the request may have left: that goes on file
            # Without the error's own text, which could quote a header.
            log.error("Attempt %s: %s\n%s", attempt.id, type(error).__name__, "".join(format_tb(error.__traceback__)))
            outcome = Outcome.interrupted(
                f"The program failed while the request was on its way: {type(error).__name__}."
            )
        self._save(attempt, outcome)
        self._look_at_balance(attempt)
        return None

    def _look_at_balance(self, attempt: Attempt) -> None:
        """Note what KIE says is left, after the outcome is on file; if it does not answer, nothing is noted."""
        client = None if self._closing.is_set() else self._vault.client(attempt.account, LOOK_TIMEOUT)
        if client is None:
            return
        try:
            with client:
                left = client.credits()
            self._store.note_credits(attempt.id, left)
            self.on_credits(attempt.account, left)
        except Exception as error:  # noqa: BLE001  # a nicety; the outcome is safe
            log.info("The balance after attempt %s is not known: %s", attempt.id, type(error).__name__)

    def _save(self, attempt: Attempt, outcome: Outcome, pause: float | None = None) -> None:
        """Write the outcome, or the pause that it asks for.

        While that fails, keep it where pages can show it, and in the log as a last resort.
        """
        pauses = chain(SAVE_PAUSES, repeat(SAVE_PAUSES[-1]))
        while True:
            last_try = self._closing.is_set()
            try:
                if pause is None:
                    self._store.finish(attempt.id, outcome, self._executor)
                else:
                    self._store.postpone(attempt.id, pause, outcome, self._executor)
            except Exception as error:  # noqa: BLE001  # a full disk, a lost database: anything but losing the ID
                first_try = attempt.id not in self.unsaved
                self.unsaved[attempt.id] = outcome
                if first_try:
                    log.critical(
                        "Attempt %s could not be saved (%s): %s, persona ID %r",
                        attempt.id,
                        type(error).__name__,
                        outcome.status.value,
                        outcome.persona_id,
                    )
                    self.on_change(attempt.id)
                if last_try:
                    return
                self._closing.wait(next(pauses))
            else:
                self.unsaved.pop(attempt.id, None)
                self.on_change(attempt.id)
                return

    def _recover(self) -> None:
        for executor in self._store.gone():
            pending = DBOS.list_workflows(
                executor_id=executor, status="PENDING", load_input=False, load_output=False, limit=1000
            )
            for run in pending:
                DBOS.resume_workflow(run.workflow_id)
            if not pending:
                self._store.leave(executor)
        self._store.write_off()
        self.adopt()

    def _keep_alive(self) -> None:
        while not self._stop.wait(HEARTBEAT):
            try:
                self._store.beat(self._executor)
                self._recover()
            except Exception:
                log.exception("The heartbeat failed; it goes on.")
