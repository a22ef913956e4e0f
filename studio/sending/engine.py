"""The engine: claims attempts that are due, sends each or polls KIE for its result, and writes the outcome. On DBOS.

Each account with something due has a workflow `serve_account`, which claims its attempts one after another, starts a
workflow `carry_out` for each, and executes the last one itself. If an account's next attempt is due later, its workflow
is enqueued with that delay, and no thread waits. All state is in the attempts' rows, so a lost workflow costs nothing:
the next heartbeat starts another. Finished workflows are deleted.
"""

from __future__ import annotations

import contextvars
import glob
import logging
import sqlite3
import threading
import time
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import chain, repeat
from pathlib import Path
from traceback import format_tb
from typing import Any

import sqlalchemy as sa
from dbos import DBOS, DBOSConfig, SetEnqueueOptions, SetWorkflowID
from sqlalchemy import event

from kie import Cause, KieError, NotConnected
from kie.errors import NotLeaving
from studio.database.connection import sqlite_file
from studio.exceptions import NotSaved
from studio.people.token_store import TokenStore
from studio.sending.attempt_store import Store
from studio.sending.attempts import Attempt, Outcome, Status
from studio.sending.interface_choice import InterfaceChoice
from studio.sending.kinds import Kind, kind_named
from studio.sending.processes import LEASE
from studio.sending.rate_limit import ENTRIES, LATE, SLACK, TOO_LATE

log = logging.getLogger(__name__)

HEARTBEAT = 2.0
"""Seconds between two heartbeats; a quarter of the lease."""
LOOK_UP_TRIES = 3
"""How often a refused attempt is sent again because that could not be asked."""
LOOK_UP_PAUSE = 15.0
"""Seconds for which a refused attempt is queued while KIE is asked which interface knows its song: longer than that
takes."""
CONNECT_TIMEOUT, BALANCE_TIMEOUT = 5.0, (2.0, 5.0)
"""Seconds to connect before sending; and for the balance call, to connect and for the whole answer."""
SAVE_PAUSES = (0.2, 0.5, 1.0, 2.0)
"""Seconds between tries to write an outcome that could not be written; the last one is repeated."""
MOST_AT_ONCE, MOST_OF_ONE = 256, 128
"""Attempts that this process has claimed and not ended, in all and of one account."""
QUEUE_POLLING = 4.0
"""Seconds between two reads of a queue by DBOS. What is delayed starts up to so much late, and a second more."""
EARLY = QUEUE_POLLING + 1.0
"""Seconds by which DBOS is asked to serve an account before its attempt is due, so that it is not late."""
NEAR = EARLY + 0.5
"""An account whose attempt is due within so many seconds waits for it in a thread."""
MOST_WAITING = 8
"""Accounts that wait in a thread; the others are enqueued, however soon they are due."""
OVERDUE = timedelta(seconds=3)
"""If an attempt has been due for so long, no workflow serves its account."""
MOST_REMEMBERED = 2000
"""Attempts of this process that stay in memory, to be shown while the database cannot be read."""
FILE_INFIX = "-engine-"
"""On SQLite, DBOS's file of a process is named by the database's name, this, and the process's ID."""

_engine: Engine | None = None


@DBOS.workflow(name="serve_account")
def serve_account(account: str) -> None:
    """Claim and start what is due for an account, until nothing is. May run any number of times."""
    if _engine is not None:
        _engine.serve(account)


@DBOS.workflow(name="carry_out")
def execute_attempt(attempt_id: str) -> None:
    """Send an attempt that this process has claimed, or poll for its result. Without the claim it does nothing."""
    if _engine is not None:
        _engine.execute(attempt_id)


@event.listens_for(sa.Engine, "connect")
def add_unixepoch(connection: Any, record: object) -> None:
    """Add the SQL function that DBOS needs and SQLite before 3.42 lacks."""
    if isinstance(connection, sqlite3.Connection) and sqlite3.sqlite_version_info < (3, 42):
        connection.create_function("unixepoch", 1, lambda what: time.time() if what == "subsec" else int(time.time()))


class Engine:
    """What sends this process's attempts. There is one in a process at a time, as there is one DBOS.

    At most `rate_limit` requests of an account leave in `rate_period` seconds, and each has `read_timeout` seconds for
    its answer. `shared` says that every process on this database has the token, so any of them may serve its account.
    `interfaces` chooses between KIE's interfaces; without it, every attempt is sent as it was filed.
    `changed` is called with the ID of each attempt whose row has changed, `on_credits` with what an account has left.
    """

    def __init__(
        self,
        store: Store,
        token_store: TokenStore,
        *,
        rate_limit: int,
        rate_period: float,
        read_timeout: float,
        shared: bool = False,
        interfaces: InterfaceChoice | None = None,
        changed: Callable[[str], None] = lambda attempt_id: None,
    ) -> None:
        self._limit, self._period = rate_limit, timedelta(seconds=rate_period)
        self._late = rate_period * SLACK * LATE
        self._read_timeout = read_timeout
        self._store = store
        self._token_store = token_store
        self._changed = changed
        self._interfaces = interfaces or InterfaceChoice("direct")
        self.executor = uuid.uuid4().hex
        """This process's ID; never reused, so that no other process takes its attempts for its own."""
        self._queue = "accounts" if shared else self.executor
        """A pasted token is in the memory of one process, so only that process reads its queue."""
        self.on_credits: Callable[[str, float], None] = lambda account, left: None
        self.unsaved: dict[str, Outcome] = {}
        """Outcomes that could not be written yet, by attempt ID."""
        self._state = threading.Condition()
        self._claimed: dict[str, tuple[Attempt, float]] = {}
        """What this process has claimed and not ended, and when its departure was recorded (monotonic seconds)."""
        self._claims_under_way = 0
        self._serving: dict[str, bool] = {}
        """The accounts that are being served, and whether `serve_soon` was called for them meanwhile."""
        self._planned: dict[str, float] = {}
        """When the next enqueued workflow of an account claims (monotonic seconds)."""
        self._to_serve: deque[str] = deque()
        self._gone_executors: set[str] = set()
        """Gone processes whose workflows are to be deleted."""
        self._cleanup_due = self._lost_queue = False
        self._waiting_threads = 0
        self._workflows: deque[tuple[float, str]] = deque()
        self._remembered: OrderedDict[str, Attempt] = OrderedDict()
        self._closing = False
        self._last_heartbeat = time.monotonic()
        """When this process last wrote its heartbeat (monotonic seconds)."""
        self._stalled_until = 0.0
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._drive_dbos, name="dbos-driver", daemon=True),
            threading.Thread(target=self._run_heartbeat, name="heartbeat", daemon=True),
        ]

    # Start and end.

    def launch(self) -> None:
        """Start serving accounts, and take over the attempts of gone processes."""
        global _engine
        _engine = self
        if held := self._store.hold_restored():
            log.warning("This database seems to come from a backup: %d queued attempts wait for a person.", held)
        self.send_heartbeat()
        config: DBOSConfig = {
            "name": "persona-studio",
            "executor_id": self.executor,
            "application_version": "2",
            "log_level": "ERROR",
            "scheduler_polling_interval_sec": 3600.0,  # not used here
            "notification_coalesce_sec": 1.0,
        }
        database = self._store.database.engine.url
        if self._store.database.kind == "sqlite":
            # One file for each process: no write in it waits for the attempts', or for a process that is stalled.
            self._delete_files_of_gone()
            config["system_database_engine"] = sqlite_file(f"{database.database}{FILE_INFIX}{self.executor}")
        else:
            config["system_database_url"] = database.render_as_string(hide_password=False)
            config["sys_db_pool_size"] = 8
        dbos = DBOS(config=config)
        with suppress(AttributeError):  # its internal queue has no setting, and is a quarter of an idle process's work
            dbos._registry.get_internal_queue()._polling_interval_sec = 60.0
        DBOS.listen_queues([self._queue])
        DBOS.launch()
        DBOS.register_queue(self._queue, polling_interval_sec=QUEUE_POLLING)
        self._recover(timedelta(0))
        for thread in self._threads:
            thread.start()

    def close(self, wait: float) -> None:
        """Send nothing more; stop when all requests that left have ended, or after `wait` seconds."""
        global _engine
        with self._state:
            self._closing = True
            self._state.notify_all()
            self._state.wait_for(lambda: not self._claimed and not self._serving, timeout=wait)
        self._stopped.set()  # not before: without heartbeats others would write its attempts off
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=HEARTBEAT)

        cleaned_up = threading.Event()

        def clean_up() -> None:
            with suppress(Exception):
                self._clean_up(0.0, {self.executor})
                cleaned_up.set()

        threading.Thread(target=clean_up, name="tidy", daemon=True).start()
        in_time = cleaned_up.wait(1.0)  # without its database DBOS tries for ever
        DBOS.destroy()
        _engine = None
        if self._store.database.kind == "sqlite":
            self._delete_file_of(self.executor)
        if in_time:  # otherwise the process that finds this one gone deletes its workflows
            with suppress(NotSaved):
                self._store.processes.unregister(self.executor)

    def serve_soon(self, account: str) -> None:
        """Have an account served: something of it may be due. Never waits for the database."""
        with self._state:
            if account in self._serving:
                self._serving[account] = True
            elif account not in self._to_serve:
                self._to_serve.append(account)
            self._state.notify_all()

    def remembered(self, account: str, attempt_id: str) -> Attempt | None:
        """Return an attempt from this process's memory, or None; for when the database cannot be read."""
        with self._state:
            attempt = self._remembered.get(attempt_id)
        return attempt.with_unsaved(self.unsaved.get(attempt_id)) if attempt and attempt.account == account else None

    # Serving accounts.

    def _drive_dbos(self) -> None:
        """Start a workflow for each account that is to be served, and delete finished workflows.

        In a thread of its own, because DBOS blocks while its database is gone, and neither pages nor the heartbeat may
        wait. What could not be started is still due, and the next heartbeat finds it.
        """
        while True:
            with self._state:
                self._state.wait_for(lambda: self._to_serve or self._cleanup_due or self._closing)
                if self._closing:
                    return
                account = self._to_serve.popleft() if self._to_serve else None
                if account is None:
                    self._cleanup_due = False
                    gone, self._gone_executors = self._gone_executors, set()
            try:
                if account is not None:
                    self._start("serve", serve_account, account)
                else:
                    if self._lost_queue:
                        DBOS.register_queue(self._queue, polling_interval_sec=QUEUE_POLLING)
                        self._lost_queue = False
                    self._clean_up(5.0, gone)
            except Exception as error:  # noqa: BLE001  # whatever DBOS or the database says
                log.error("DBOS could not be used now: %s", type(error).__name__)
                if account is None:
                    self._gone_executors |= gone

    def serve(self, account: str) -> None:
        """Claim and start what is due for an account, until nothing is due any more."""
        with self._state:
            if account in self._serving:
                self._serving[account] = True
                return
            self._serving[account] = False
            self._planned.pop(account, None)
        try:
            last, seconds = self._serve_while_near(account)
        finally:
            with self._state:
                more = self._serving.pop(account)
                self._state.notify_all()
        if more:
            self.serve_soon(account)
        elif seconds is not None and not self._closing:
            self._serve_later(account, seconds)
        if last is not None:
            self.execute(last.id)

    def _serve_while_near(self, account: str) -> tuple[Attempt | None, float | None]:
        """Claim and start attempts of an account while its next one is due within `NEAR` seconds.

        Returns the last attempt that was claimed if none follows it, for the caller to execute, or else the seconds
        until the next one is due, or None.
        """
        while not self._closing:
            attempt, seconds = self._claim_next(account)
            if attempt is not None and seconds is None:
                return attempt, None
            if attempt is not None and not self._start_executing(attempt):
                return None, None  # the next heartbeat tries again
            with self._state:
                more, self._serving[account] = self._serving[account], False
                if more or (seconds is not None and seconds <= 0):
                    continue
                if seconds is None or seconds > NEAR or self._waiting_threads >= MOST_WAITING:
                    return None, seconds
                self._waiting_threads += 1
                self._state.wait_for(lambda: self._closing or self._serving[account], timeout=seconds)
                self._waiting_threads -= 1
        return None, None

    def _claim_next(self, account: str) -> tuple[Attempt | None, float | None]:
        """Claim the next attempt that is due; return it, and the seconds until the one after it is, or None."""
        if self._closing or self._token_store.account(account) is None:
            return None, None
        if time.monotonic() - self._last_heartbeat > LEASE.total_seconds():
            return None, 0.5  # it was stalled: without a new heartbeat its claims would be written off at once
        with self._state:
            mine = sum(attempt.account == account for attempt, _ in self._claimed.values())
            if len(self._claimed) >= MOST_AT_ONCE or mine >= MOST_OF_ONE:
                return None, 0.2
            self._claims_under_way += 1
        attempt = None
        try:
            claim = self._store.claim(account, self.executor, limit=self._limit, period=self._period)
            attempt = claim.attempt
        except Exception as error:  # noqa: BLE001  # the database; the next heartbeat tries again
            log.info("Nothing could be claimed: %s", type(error).__name__)
            return None, None
        finally:
            with self._state:
                if attempt is not None:
                    since = self._store.now() - (attempt.sent_at or attempt.created_at)
                    ago = 0.0 if attempt.status is Status.WORKING else max(0.0, since.total_seconds())
                    self._claimed[attempt.id] = (attempt, time.monotonic() - ago)
                    self._remember(attempt)
                self._claims_under_way -= 1
        # Pages are not notified of a claim: the answer often comes before they are drawn anew, and the change notifier
        # finds the claim within a second.
        if claim.at is None:
            return attempt, None
        seconds = (claim.at - self._store.now()).total_seconds()
        return attempt, seconds if attempt is not None else max(0.01, seconds)

    def _start_executing(self, attempt: Attempt) -> bool:
        try:
            # In an empty context, so that it does not become a child workflow.
            contextvars.Context().run(self._start, "carry", execute_attempt, attempt.id)
        except Exception as error:  # noqa: BLE001  # whatever DBOS or the database says
            log.error("Attempt %s could not be started now: %s", attempt.id, type(error).__name__)
            self._release(attempt)
            self._drop_claim(attempt)
            return False
        return True

    def _serve_later(self, account: str, seconds: float) -> None:
        """Enqueue the workflow of an account so that it starts just before the next attempt is due."""
        at = time.monotonic() + seconds
        with self._state:
            if self._planned.get(account, at + 1) <= at + 0.5 and self._planned[account] > time.monotonic():
                return
            self._planned[account] = at

        def enqueue(name: str) -> None:
            with SetWorkflowID(name), SetEnqueueOptions(delay_seconds=max(0.0, seconds - EARLY)):
                DBOS.enqueue_workflow(self._queue, serve_account, account)
            self._note_workflow(name)

        try:
            contextvars.Context().run(enqueue, f"serve-{uuid.uuid4().hex}")
        except Exception as error:  # noqa: BLE001  # the heartbeat serves what is overdue
            log.error("Account %s could not be put off: %s", account, type(error).__name__)

    def _start(self, what: str, workflow: Callable[[str], None], argument: str) -> None:
        with SetWorkflowID(name := f"{what}-{uuid.uuid4().hex}"):
            DBOS.start_workflow(workflow, argument)
        self._note_workflow(name)

    # Executing attempts.

    def execute(self, attempt_id: str) -> None:
        """Send a claimed attempt, or poll for its result; write the outcome before anything else happens."""
        with self._state:
            attempt, claimed_at = self._claimed.get(attempt_id, (None, 0.0))
        if attempt is None:
            return
        try:
            ended = self._poll(attempt) if attempt.status is Status.WORKING else self._send(attempt, claimed_at)
        except BaseException as error:
            # A bug in this program. The request may have left, so it is not sent again; its outcome is unknown.
            log.critical("Attempt %s: %s", attempt.id, type(error).__name__)
            self._save(attempt, Outcome.interrupted(f"The program failed: {type(error).__name__}."))
            raise
        finally:
            self._drop_claim(attempt)
        if ended:
            self._note_balance(attempt)
        else:
            self.serve_soon(attempt.account)

    def _drop_claim(self, attempt: Attempt) -> None:
        """Note that this claim is over. The attempt may have been claimed again meanwhile; that claim stays."""
        with self._state:
            if self._claimed.get(attempt.id, (None, 0.0))[0] is attempt:
                del self._claimed[attempt.id]
            self._state.notify_all()
        self._changed(attempt.id)

    def _send(self, attempt: Attempt, claimed_at: float) -> bool:
        """Send an attempt once; return whether it has ended."""
        kind = kind_named(attempt.kind)

        def departing() -> None:
            recorded, ahead = claimed_at, 0.0
            for _ in range(ENTRIES):
                now = time.monotonic()
                if now - claimed_at > TOO_LATE:
                    raise NotLeaving("It was held up in this program for too long, so it did not leave.")
                if now - recorded <= self._late:
                    return
                recorded, leaves = now + ahead, False
                with suppress(NotSaved):
                    leaves = self._store.record_departure(attempt, timedelta(seconds=ahead))
                if not leaves or time.monotonic() - claimed_at > TOO_LATE:
                    raise NotLeaving("The database did not let it leave in time, so nothing was sent.")
                ahead = 2 * (time.monotonic() - now)  # recording takes time too; a time that is too late does no harm

        client = self._token_store.client(attempt.account, (CONNECT_TIMEOUT, self._read_timeout), departing)
        if client is None or self._closing:  # signed out, or the engine closes, since the claim
            self._release(attempt)
            return False
        pause, instead = None, None
        try:
            with client:
                outcome = kind.send(client, attempt)
        except KieError as error:
            outcome = Outcome.of(error, again_may_cost=kind.again_may_cost)
            if isinstance(error, NotConnected) and error.stopped:
                if self._release(attempt):
                    return False
            elif outcome.status is Status.REFUSED and not self._stalled_since(claimed_at):
                if self._interfaces.may_be_of_job(attempt, error):
                    return self._look_up(attempt, error, outcome)
                instead = self._interfaces.instead(attempt, error)
                pause = 0.0 if instead else kind.pause(attempt, error, self._store.now())
        except Exception as error:  # noqa: BLE001  # whatever it was, the request may have left, and that is written
            # Without the error's own text, which could quote a header.
            log.error("Attempt %s: %s\n%s", attempt.id, type(error).__name__, "".join(format_tb(error.__traceback__)))
            outcome = Outcome.interrupted(
                f"The program failed while the request was on its way: {type(error).__name__}."
            )
        return self._save(attempt, outcome, pause, instead)

    def _look_up(self, attempt: Attempt, error: KieError, outcome: Outcome) -> bool:
        """Ask which interface knows the song of an attempt that was refused; return whether the attempt has ended.

        The refusal is on disk before that: as queued for later, because KIE certainly did not act on it.
        """
        if self._save(attempt, outcome, LOOK_UP_PAUSE):
            return True
        client, instead = self._token_store.client(attempt.account, BALANCE_TIMEOUT), None
        try:
            if client is not None and not self._closing:
                instead = self._interfaces.look_up(attempt, client)
        except KieError:
            if attempt.repeats < LOOK_UP_TRIES:
                return False  # it is sent again later, and then KIE is asked again
        pause = 0.0 if instead else kind_named(attempt.kind).pause(attempt, error, self._store.now())
        if pause is not None:
            return self._save(attempt, outcome, pause, instead)
        with suppress(Exception):  # it stays queued, and is asked for again
            self._store.refuse_postponed(attempt, outcome)
        return True

    def _stalled_since(self, moment: float) -> bool:
        """Whether a heartbeat came so late that other processes may have written this one's attempts off.

        Then a person may have decided about them already, and nothing is sent again automatically.
        """
        return time.monotonic() - self._last_heartbeat > LEASE.total_seconds() or self._stalled_until > moment

    def _poll(self, attempt: Attempt) -> bool:
        """Ask KIE for an attempt's result; return whether it has ended."""
        kind = kind_named(attempt.kind)
        age = self._store.now() - (attempt.sent_at or attempt.created_at)
        outcome = None
        client = self._token_store.client(attempt.account)
        if client is not None and not self._closing:
            try:
                with client:
                    outcome = kind.poll(client, attempt)
            except Exception as error:  # noqa: BLE001  # nothing is lost, and KIE is asked again
                log.info("Attempt %s could not be looked for: %s", attempt.id, type(error).__name__)
        if outcome is None and age > kind.poll_for:
            outcome = replace(attempt.outcome, status=Status.UNKNOWN, cause=Cause.UNFINISHED.value)
        if outcome is not None:
            return self._save(attempt, outcome)
        with suppress(Exception):  # the claim to poll expires, and then it is claimed again
            self._store.poll_later(attempt, kind.poll_again_after(age))
        return False

    def _save(
        self,
        attempt: Attempt,
        outcome: Outcome,
        pause: float | None = None,
        instead: tuple[Kind, str] | None = None,
    ) -> bool:
        """Write the outcome, or postpone the attempt by `pause` seconds; return whether the attempt has ended.

        `instead` is the kind and the body with which a postponed attempt is sent.

        While that fails, the outcome is in `unsaved`, where pages find it, and once in the log.
        """
        pauses = chain(SAVE_PAUSES, repeat(SAVE_PAUSES[-1]))
        while True:
            last_try = self._closing
            try:
                if pause is not None and self._store.postpone(attempt, pause, outcome, instead):
                    self.unsaved.pop(attempt.id, None)
                    return False
                self._store.finish(attempt, outcome)
            except Exception as error:  # noqa: BLE001  # a full disk, a lost database: the persona ID must not be lost
                if attempt.id not in self.unsaved:
                    facts = (attempt.id, type(error).__name__, outcome.status.value, outcome.persona_id, outcome.handle)
                    log.critical("Attempt %s could not be saved (%s): %s, persona ID %r, handle %r", *facts)
                    self.unsaved[attempt.id] = outcome if pause is None else replace(outcome, status=Status.QUEUED)
                    self._changed(attempt.id)
                if last_try:
                    return True
                with self._state:
                    self._state.wait_for(lambda: self._closing, timeout=next(pauses))
            else:
                with self._state:
                    self._remember(replace(attempt, outcome=outcome))
                self.unsaved.pop(attempt.id, None)
                return outcome.status is not Status.WORKING

    def _release(self, attempt: Attempt) -> bool:
        """Queue an attempt again that was claimed and never left; return whether it is queued."""
        try:
            return self._store.release(attempt)
        except Exception as error:  # noqa: BLE001  # the heartbeat finds it
            log.error("Attempt %s could not be put back: %s", attempt.id, type(error).__name__)
            return True

    def _note_balance(self, attempt: Attempt) -> None:
        """Ask KIE how many credits are left, after the outcome is written; without an answer nothing is noted."""
        client = None if self._closing else self._token_store.client(attempt.account, BALANCE_TIMEOUT)
        if client is None:
            return
        try:
            with client:
                left = client.credits()
            self.on_credits(attempt.account, left)
            self._store.record_credits(attempt.id, left)
        except Exception as error:  # noqa: BLE001  # the outcome is written already
            log.info("The balance after attempt %s is not known: %s", attempt.id, type(error).__name__)

    def _remember(self, attempt: Attempt) -> None:
        self._remembered[attempt.id] = attempt
        self._remembered.move_to_end(attempt.id)
        while len(self._remembered) > MOST_REMEMBERED:
            self._remembered.popitem(last=False)

    # Heartbeat, recovery and cleaning up.

    def _run_heartbeat(self) -> None:
        while not self._stopped.wait(HEARTBEAT):
            try:
                self.send_heartbeat()
                self._recover(OVERDUE)
                with self._state:
                    self._cleanup_due = True
                    self._state.notify_all()
            except Exception as error:  # noqa: BLE001  # the database logs its trouble itself
                log.info("The heartbeat failed; it goes on: %s", type(error).__name__)

    def send_heartbeat(self) -> None:
        """Write this process's heartbeat, and note if the last one is older than the lease."""
        self._store.processes.heartbeat(self.executor)
        if time.monotonic() - self._last_heartbeat > LEASE.total_seconds():
            self._stalled_until = time.monotonic()
            self._lost_queue = True  # another process may have deleted it
        self._last_heartbeat = time.monotonic()

    def _recover(self, overdue: timedelta) -> None:
        """Find attempts that no workflow serves: of gone processes, and of this one if a workflow was lost."""
        for executor in self._store.processes.gone():
            if self._store.processes.unregister_if_gone(executor):
                with self._state:
                    self._gone_executors.add(executor)
        for attempt_id in self._store.write_off():
            self._changed(attempt_id)
        self._release_unsent()
        self._store.correct_due_times()
        for account in self._store.accounts_due(self._token_store.accounts(), overdue):
            self.serve_soon(account)

    def _release_unsent(self) -> None:
        """Queue attempts again that are `sending` by this process in the database but not in `_claimed`.

        That is a claim whose commit succeeded and whose answer was lost. A claim under way fills `_claimed` before it
        ends, so nothing is released while there is one.
        """
        rows = self._store.sending_of(self.executor)
        with self._state:
            if self._claims_under_way:
                return
            lost = [row for row in rows if row.id not in self._claimed and row.id not in self.unsaved]
        for attempt in lost:
            self._store.release(attempt)

    def _clean_up(self, older_than: float, executors: set[str]) -> None:
        """Delete finished workflows, and all workflows of these processes."""
        self._delete_finished(older_than)
        for executor in executors:
            if self._store.database.kind == "sqlite":
                if executor != self.executor:
                    self._delete_file_of(executor)
                continue
            while found := DBOS.list_workflows(executor_id=executor, load_input=False, load_output=False, limit=1000):
                DBOS.delete_workflows([workflow.workflow_id for workflow in found])
            DBOS.delete_queue(executor)

    def _delete_files_of_gone(self) -> None:
        listed = self._store.processes.listed()
        place = Path(self._store.database.engine.url.database or "")
        for file in place.parent.glob(f"{glob.escape(place.name)}{FILE_INFIX}*"):
            executor = file.name.removeprefix(place.name + FILE_INFIX).partition("-")[0]
            if executor not in listed:
                self._delete_file_of(executor)

    def _delete_file_of(self, executor: str) -> None:
        for end in ("", "-wal", "-shm"):
            Path(f"{self._store.database.engine.url.database}{FILE_INFIX}{executor}{end}").unlink(missing_ok=True)

    def _note_workflow(self, workflow_id: str) -> None:
        with self._state:
            self._workflows.append((time.monotonic(), workflow_id))

    def _delete_finished(self, older_than: float) -> None:
        """Delete workflows that were started so many seconds ago and have finished."""
        with self._state:
            due = []
            while self._workflows and self._workflows[0][0] + older_than <= time.monotonic():
                due.append(self._workflows.popleft()[1])
        for first in range(0, len(due), 500):
            some = due[first : first + 500]
            ended = {"SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"}
            found = DBOS.list_workflows(workflow_ids=some, load_input=False, load_output=False)
            over = [workflow.workflow_id for workflow in found if workflow.status in ended]
            if over:
                DBOS.delete_workflows(over)
            for workflow_id in {workflow.workflow_id for workflow in found} - set(over):
                self._note_workflow(workflow_id)
