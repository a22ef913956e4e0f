"""The engine: takes what is due from the store, sends it or looks for it, and writes the outcome. Runs on DBOS.

For each account at work there is a workflow `serve_account`, which claims one attempt after another, starts a workflow
`carry_out` for each, and carries out the last one itself. An account whose next attempt is due later is left to DBOS:
its workflow is enqueued with that delay, and no thread waits. All state is in the attempts' rows, so a workflow that is
lost costs nothing: the next sign of life starts another. Finished workflows are deleted.
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

from kie import KieError, NotConnected
from kie.errors import NotLeaving
from studio.database.connection import sqlite_file
from studio.exceptions import NotSaved
from studio.people.token_store import TokenStore
from studio.sending.attempt_store import SLACK, Store
from studio.sending.attempts import Attempt, Outcome, Status
from studio.sending.kinds import kind_named
from studio.sending.processes import LEASE

log = logging.getLogger(__name__)

HEARTBEAT = 2.0
"""Seconds between two signs of life; a quarter of the store's lease."""
CONNECT_TIMEOUT = 5.0
"""Seconds."""
BALANCE_TIMEOUT = (2.0, 5.0)
SAVE_PAUSES = (0.2, 0.5, 1.0, 2.0)
"""Seconds between tries to write an outcome that could not be written; the last one again and again."""
LATE = 0.25
"""The part of the rate limit's slack after which a request that leaves is entered as leaving now."""
ENTRIES = 3
"""How often a departure is entered anew at most; then it leaves all the same, for the database may always be slow."""
TOO_LATE = 2.0
"""Seconds after its claim from which on a request does not leave: it would break the rate limit, and it may have been
given up for lost."""
MOST_AT_ONCE, MOST_OF_ONE = 256, 128
"""Requests that a process has on their way, in all and of one account."""
POLLING = 4.0
"""Seconds between two looks of DBOS into a queue; what is delayed starts late by so much, and a second more."""
EARLY = POLLING + 1.0
"""Seconds before its turn at which DBOS is told to serve an account, so that it is not late."""
NEAR = EARLY + 0.5
"""Seconds up to which an account waits for its turn in a thread."""
MOST_WAITING = 8
"""Accounts that wait in a thread; the others are left to DBOS however soon their turn is."""
OVERDUE = timedelta(seconds=3)
"""What is due for so long has nobody who serves it."""
KEPT = 2000
"""Attempts of this process that are kept in memory, to be shown while the database cannot be read."""
SHARED_QUEUE = "accounts"
FILE = "-engine-"
"""What stands between the database's name and a process's ID in the name of the file that DBOS has on SQLite."""

_engine: Engine | None = None


@DBOS.workflow(name="serve_account")
def serve_account(account: str) -> None:
    """Claim and start what is due for an account, until nothing is. Repeating it is harmless."""
    if _engine is not None:
        _engine.serve(account)


@DBOS.workflow(name="carry_out")
def carry_out(attempt_id: str) -> None:
    """Send an attempt that this process has claimed, or look for its result. Elsewhere, or later, it does nothing."""
    if _engine is not None:
        _engine.carry_out(attempt_id)


@event.listens_for(sa.Engine, "connect")
def teach_old_sqlite(connection: Any, record: object) -> None:
    """Add the one function that DBOS misses where Python 3.12 or newer was built on a SQLite before 3.42."""
    if isinstance(connection, sqlite3.Connection) and sqlite3.sqlite_version_info < (3, 42):
        connection.create_function("unixepoch", 1, lambda what: time.time() if what == "subsec" else int(time.time()))


class Engine:
    """The sending of this process. One at a time in a process, because DBOS is.

    At most `rate_limit` requests of an account leave in `rate_period` seconds, and each has `read_timeout` seconds for
    its answer. `shared` says that every process on this database has the token, so any of them may serve its account.
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
        changed: Callable[[str], None] = lambda attempt_id: None,
    ) -> None:
        self._limit, self._period = rate_limit, timedelta(seconds=rate_period)
        self._late = rate_period * SLACK * LATE
        self._read_timeout = read_timeout
        self._store = store
        self._token_store = token_store
        self._changed = changed
        self.executor = uuid.uuid4().hex
        """This process's own ID; never reused, so that no other process takes its attempts for its own."""
        self._queue = SHARED_QUEUE if shared else self.executor
        """A pasted token lives in one process, so its queue is that process's own; `KIE_API_KEY` is everybody's."""
        self.on_credits: Callable[[str, float], None] = lambda account, left: None
        self.unsaved: dict[str, Outcome] = {}
        """Outcomes that could not be written to disk yet, by attempt."""
        self._state = threading.Condition()
        self._claimed: dict[str, tuple[Attempt, float]] = {}
        """What this process has claimed and not ended, and since when its departure is entered (monotonic seconds)."""
        self._claims_under_way = 0
        self._serving: dict[str, bool] = {}
        """The accounts that are served now, and whether more came meanwhile."""
        self._planned: dict[str, float] = {}
        """When DBOS is to serve an account next (monotonic seconds)."""
        self._wanted: deque[str] = deque()
        self._left_behind: set[str] = set()
        """Processes that are gone and whose workflows are to be deleted."""
        self._tidy = self._lost_queue = False
        self._waiting = 0
        self._over: deque[tuple[float, str]] = deque()
        self._known: OrderedDict[str, Attempt] = OrderedDict()
        self._closing = False
        self._seen = time.monotonic()
        """When this process last gave a sign of life (monotonic seconds)."""
        self._stood_still_until = 0.0
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._drive_dbos, name="dbos-driver", daemon=True),
            threading.Thread(target=self._keep_alive, name="heartbeat", daemon=True),
        ]

    # Start and end.

    def launch(self) -> None:
        """Start working, and take over what gone processes left."""
        global _engine
        _engine = self
        if held := self._store.hold_what_was_restored():
            log.warning("This database seems to come from a backup: %d queued attempts wait for a person.", held)
        self.give_sign_of_life()
        config: DBOSConfig = {
            "name": "persona-studio",
            "executor_id": self.executor,
            "application_version": "2",
            "log_level": "ERROR",
            "scheduler_polling_interval_sec": 3600.0,  # what is not used here is not to cost anything
            "notification_coalesce_sec": 1.0,
        }
        database = self._store.database.engine.url
        if self._store.database.kind == "sqlite":
            # A file of this process's own: no write in it waits for the attempts', or for a process that stands still.
            self._delete_files_of_the_gone()
            config["system_database_engine"] = sqlite_file(f"{database.database}{FILE}{self.executor}")
        else:
            config["system_database_url"] = database.render_as_string(hide_password=False)
            config["sys_db_pool_size"] = 8
        dbos = DBOS(config=config)
        with suppress(
            AttributeError
        ):  # its own queue, which it has no setting for: a quarter of what an idle process costs
            dbos._registry.get_internal_queue()._polling_interval_sec = 60.0
        DBOS.listen_queues([self._queue])
        DBOS.launch()
        DBOS.register_queue(self._queue, polling_interval_sec=POLLING)
        self._recover(timedelta(0))
        for thread in self._threads:
            thread.start()

    def close(self, wait: float) -> None:
        """Send nothing more; stop after the requests that are on their way have ended, or after `wait` seconds."""
        global _engine
        with self._state:
            self._closing = True
            self._state.notify_all()
            self._state.wait_for(lambda: not self._claimed and not self._serving, timeout=wait)
        self._stopped.set()  # not before: others take a process without a heartbeat for gone
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=HEARTBEAT)

        tidied = threading.Event()

        def tidy_up() -> None:
            with suppress(Exception):
                self._tidy_up(0.0, {self.executor})
                tidied.set()

        threading.Thread(target=tidy_up, name="tidy", daemon=True).start()
        all_is_tidy = tidied.wait(1.0)  # without its database DBOS would try for ever
        DBOS.destroy()
        _engine = None
        if self._store.database.kind == "sqlite":
            self._delete_file_of(self.executor)
        if all_is_tidy:  # otherwise whoever finds this process gone deletes what is left
            with suppress(NotSaved):
                self._store.processes.unregister(self.executor)

    def wake(self, account: str) -> None:
        """Serve an account soon: it has something that is due, or may have. Never waits for the database."""
        with self._state:
            if account in self._serving:
                self._serving[account] = True
            elif account not in self._wanted:
                self._wanted.append(account)
            self._state.notify_all()

    def known(self, account: str, attempt_id: str) -> Attempt | None:
        """Return an attempt as this process knows it, for when the database cannot be read."""
        with self._state:
            attempt = self._known.get(attempt_id)
        return attempt.overlaid(self.unsaved.get(attempt_id)) if attempt and attempt.account == account else None

    # Serving accounts.

    def _drive_dbos(self) -> None:
        """Start a workflow for each account that is wanted, and delete what has ended.

        A thread of its own, because DBOS waits for as long as its database is gone: neither a page nor the sign of life
        may. What DBOS cannot start, the next sign of life wants again.
        """
        while True:
            with self._state:
                self._state.wait_for(lambda: self._wanted or self._tidy or self._closing)
                if self._closing:
                    return
                account = self._wanted.popleft() if self._wanted else None
                if account is None:
                    self._tidy = False
                    gone, self._left_behind = self._left_behind, set()
            try:
                if account is not None:
                    self._start("serve", serve_account, account)
                else:
                    if self._lost_queue:
                        DBOS.register_queue(self._queue, polling_interval_sec=POLLING)
                        self._lost_queue = False
                    self._tidy_up(5.0, gone)
            except Exception as error:  # noqa: BLE001  # whatever DBOS or the database says
                log.error("DBOS could not be used now: %s", type(error).__name__)
                if account is None:
                    self._left_behind |= gone

    def serve(self, account: str) -> None:
        """Claim and start what is due for an account, until nothing is due any more."""
        with self._state:
            if account in self._serving:
                self._serving[account] = True
                return
            self._serving[account] = False
            self._planned.pop(account, None)
        last = None
        try:
            last, seconds = self._serve_while_near(account)
        finally:
            with self._state:
                woken = self._serving.pop(account)
                self._state.notify_all()
        if woken:
            self.wake(account)
        elif seconds is not None and not self._closing:
            self._serve_later(account, seconds)
        if last is not None:
            self.carry_out(last.id)

    def _serve_while_near(self, account: str) -> tuple[Attempt | None, float | None]:
        """Serve an account as long as its next attempt is near.

        Returns the last attempt that was claimed if nothing follows it, to be carried out by the caller; otherwise the
        seconds until the next one is due, if there is one.
        """
        while not self._closing:
            attempt, seconds = self._claim_next(account)
            if attempt is not None and seconds is None:
                return attempt, None
            if attempt is not None and not self._start_carrying(attempt):
                return None, None  # the next sign of life tries again
            with self._state:
                woken, self._serving[account] = self._serving[account], False
                if woken or (seconds is not None and seconds <= 0):
                    continue
                if seconds is None or seconds > NEAR or self._waiting >= MOST_WAITING:
                    return None, seconds
                self._waiting += 1
                self._state.wait_for(lambda: self._closing or self._serving[account], timeout=seconds)
                self._waiting -= 1
        return None, None

    def _claim_next(self, account: str) -> tuple[Attempt | None, float | None]:
        """Return the next attempt that is due, and the seconds until there may be another, or None if nothing waits."""
        if self._closing or self._token_store.account(account) is None:
            return None, None
        if time.monotonic() - self._seen > LEASE.total_seconds():
            return None, 0.5  # it stood still: first a sign of life, or what it claims is given up for lost at once
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
                    looks = attempt.status is Status.WORKING
                    entered = time.monotonic() - (0.0 if looks else max(0.0, since.total_seconds()))
                    self._claimed[attempt.id] = (attempt, entered)
                    self._keep(attempt)
                self._claims_under_way -= 1
        # Who waits is not told of the claim: an answer is often there before the page is drawn anew, and the watcher of
        # changes finds it within a second.
        if claim.at is None:
            return attempt, None
        seconds = (claim.at - self._store.now()).total_seconds()
        return attempt, seconds if attempt is not None else max(0.01, seconds)

    def _start_carrying(self, attempt: Attempt) -> bool:
        try:
            # In an empty context, so that it is a workflow of its own and no child.
            contextvars.Context().run(self._start, "carry", carry_out, attempt.id)
        except Exception as error:  # noqa: BLE001  # whatever DBOS or the database says
            log.error("Attempt %s could not be started now: %s", attempt.id, type(error).__name__)
            self._take_back(attempt)
            return False
        return True

    def _serve_later(self, account: str, seconds: float) -> None:
        """Have an account served when its next attempt is nearly due; DBOS keeps the time."""
        at = time.monotonic() + seconds
        with self._state:
            if self._planned.get(account, at + 1) <= at + 0.5 and self._planned[account] > time.monotonic():
                return
            self._planned[account] = at

        def enqueue(name: str) -> None:
            with SetWorkflowID(name), SetEnqueueOptions(delay_seconds=max(0.0, seconds - EARLY)):
                DBOS.enqueue_workflow(self._queue, serve_account, account)
            self._note_over(name)

        try:
            contextvars.Context().run(enqueue, f"serve-{uuid.uuid4().hex}")
        except Exception as error:  # noqa: BLE001  # the heartbeat serves what is overdue
            log.error("Account %s could not be put off: %s", account, type(error).__name__)

    def _start(self, what: str, workflow: Callable[[str], None], argument: str) -> None:
        with SetWorkflowID(name := f"{what}-{uuid.uuid4().hex}"):
            DBOS.start_workflow(workflow, argument)
        self._note_over(name)

    # Carrying out.

    def carry_out(self, attempt_id: str) -> None:
        """Send what was claimed, or look for its result; write the outcome before anything else happens."""
        with self._state:
            attempt, claimed_at = self._claimed.get(attempt_id, (None, 0.0))
        if attempt is None:
            return
        ended = False
        try:
            ended = self._look(attempt) if attempt.status is Status.WORKING else self._send(attempt, claimed_at)
        except BaseException as error:
            # A mistake in this program. The request may have left, so it is not put back; nobody knows its outcome.
            log.critical("Attempt %s: %s", attempt.id, type(error).__name__)
            ended = self._save(attempt, Outcome.interrupted(f"The program failed: {type(error).__name__}."))
            raise
        finally:
            self._let_go(attempt)
        if ended:
            self._look_at_balance(attempt)
        else:
            self.wake(attempt.account)

    def _let_go(self, attempt: Attempt) -> None:
        with self._state:
            self._claimed.pop(attempt.id, None)
            self._state.notify_all()
        self._changed(attempt.id)

    def _send(self, attempt: Attempt, claimed_at: float) -> bool:
        """Say whether it has ended."""
        kind = kind_named(attempt.kind)
        held_back = False

        def departing() -> None:
            nonlocal held_back
            entered, ahead = claimed_at, 0.0
            for _ in range(ENTRIES):
                now = time.monotonic()
                if now - claimed_at > TOO_LATE:
                    held_back = True
                    raise NotLeaving("It was held up in this program for too long, so it did not leave.")
                if now - entered <= self._late:
                    return
                entered = now + ahead
                try:
                    held_back = not self._store.record_departure(attempt, timedelta(seconds=ahead))
                except NotSaved:
                    held_back = True
                if held_back or time.monotonic() - claimed_at > TOO_LATE:
                    held_back = True
                    raise NotLeaving("The database did not let it leave in time, so nothing was sent.")
                ahead = 2 * (time.monotonic() - now)  # entering takes time too; too late a time does no harm

        client = self._token_store.client(attempt.account, (CONNECT_TIMEOUT, self._read_timeout), departing)
        if client is None or self._closing:  # signed out, or at the end, between the claim and here
            self._take_back(attempt)
            return False
        pause = None
        try:
            with client:
                outcome = kind.send(client, attempt)
        except KieError as error:
            outcome = Outcome.of(error, again_may_cost=kind.again_may_cost)
            if held_back and isinstance(error, NotConnected):
                if self._take_back(attempt):
                    return False
            elif outcome.status is Status.REFUSED and not self._stood_still_since(claimed_at):
                pause = kind.pause(attempt, error, self._store.now())
        except Exception as error:  # noqa: BLE001  # whatever it was, the request may have left: that goes on file
            # Without the error's own text, which could quote a header.
            log.error("Attempt %s: %s\n%s", attempt.id, type(error).__name__, "".join(format_tb(error.__traceback__)))
            outcome = Outcome.interrupted(
                f"The program failed while the request was on its way: {type(error).__name__}."
            )
        return self._save(attempt, outcome, pause)

    def _stood_still_since(self, moment: float) -> bool:
        """Whether this process gave no sign of life for so long that others may have taken it for gone.

        Then a person may have decided about its attempts already, and nothing is sent again by itself.
        """
        lease = LEASE.total_seconds()
        return time.monotonic() - self._seen > lease or self._stood_still_until > moment

    def _look(self, attempt: Attempt) -> bool:
        """Say whether it has ended."""
        kind = kind_named(attempt.kind)
        age = self._store.now() - (attempt.sent_at or attempt.created_at)
        outcome = None
        client = self._token_store.client(attempt.account)
        if client is not None and not self._closing:
            try:
                with client:
                    outcome = kind.look(client, attempt)
            except Exception as error:  # noqa: BLE001  # it changes nothing, and is asked again
                log.info("Attempt %s could not be looked for: %s", attempt.id, type(error).__name__)
        if outcome is None and age > kind.look_for:
            outcome = replace(Outcome.interrupted("KIE did not finish it in time."), handle=attempt.outcome.handle)
        if outcome is not None:
            return self._save(attempt, outcome)
        with suppress(Exception):  # its lease ends, and then it is looked for again
            self._store.look_again(attempt, kind.look_again_after(age))
        return False

    def _save(self, attempt: Attempt, outcome: Outcome, pause: float | None = None) -> bool:
        """Write the outcome, or the pause that it asks for; say whether the attempt has ended.

        While that fails, keep it where pages can show it, and in the log as a last resort.
        """
        pauses = chain(SAVE_PAUSES, repeat(SAVE_PAUSES[-1]))
        while True:
            last_try = self._closing
            try:
                if pause is not None and self._store.postpone(attempt, pause, outcome):
                    self.unsaved.pop(attempt.id, None)
                    return False
                self._store.finish(attempt, outcome)
            except Exception as error:  # noqa: BLE001  # a full disk, a lost database: anything but losing the ID
                if attempt.id not in self.unsaved:
                    log.critical(
                        "Attempt %s could not be saved (%s): %s, persona ID %r, handle %r",
                        attempt.id,
                        type(error).__name__,
                        outcome.status.value,
                        outcome.persona_id,
                        outcome.handle,
                    )
                    self.unsaved[attempt.id] = outcome if pause is None else replace(outcome, status=Status.QUEUED)
                    self._changed(attempt.id)
                if last_try:
                    return True
                with self._state:
                    self._state.wait_for(lambda: self._closing, timeout=next(pauses))
            else:
                with self._state:
                    self._keep(replace(attempt, outcome=outcome))
                self.unsaved.pop(attempt.id, None)
                return True

    def _take_back(self, attempt: Attempt) -> bool:
        """Put back what was claimed and never left; say whether it waits again."""
        try:
            return self._store.release(attempt)
        except Exception as error:  # noqa: BLE001  # the heartbeat finds it
            log.error("Attempt %s could not be put back: %s", attempt.id, type(error).__name__)
            return True
        finally:
            self._let_go(attempt)

    def _look_at_balance(self, attempt: Attempt) -> None:
        """Note what KIE says is left, after the outcome is on file; if it does not answer, nothing is noted."""
        client = None if self._closing else self._token_store.client(attempt.account, BALANCE_TIMEOUT)
        if client is None:
            return
        try:
            with client:
                left = client.credits()
            self.on_credits(attempt.account, left)
            self._store.note_credits(attempt.id, left)
        except Exception as error:  # noqa: BLE001  # a nicety; the outcome is safe
            log.info("The balance after attempt %s is not known: %s", attempt.id, type(error).__name__)

    def _keep(self, attempt: Attempt) -> None:
        self._known[attempt.id] = attempt
        self._known.move_to_end(attempt.id)
        while len(self._known) > KEPT:
            self._known.popitem(last=False)

    # The sign of life.

    def _keep_alive(self) -> None:
        while not self._stopped.wait(HEARTBEAT):
            try:
                self.give_sign_of_life()
                self._recover(OVERDUE)
                with self._state:
                    self._tidy = True
                    self._state.notify_all()
            except Exception as error:  # noqa: BLE001  # the database tells its own trouble once
                log.info("The heartbeat failed; it goes on: %s", type(error).__name__)

    def give_sign_of_life(self) -> None:
        """Tell the others that this process is there, and note whether it was not for a while."""
        self._store.processes.heartbeat(self.executor)
        if time.monotonic() - self._seen > LEASE.total_seconds():
            self._stood_still_until = time.monotonic()
            self._lost_queue = True  # others may have deleted it
        self._seen = time.monotonic()

    def _recover(self, overdue: timedelta) -> None:
        """Take up what nobody works on: of gone processes, and of this one if it lost a workflow."""
        for executor in self._store.processes.gone():
            if self._store.processes.unregister_if_gone(executor):
                with self._state:
                    self._left_behind.add(executor)
        for attempt_id in self._store.write_off():
            self._changed(attempt_id)
        self._put_back_what_never_left()
        self._store.mend_times()
        for account in self._store.accounts_due(self._token_store.accounts(), overdue):
            self.wake(account)

    def _put_back_what_never_left(self) -> None:
        """Put back what stands at `sending` for this process although it does not send it.

        That is a claim whose answer was lost. A claim enters what it got in `_claimed` before it is over, so what the
        database tells and `_claimed` does not have while no claim is under way was never begun.
        """
        rows = self._store.sending_of(self.executor)
        with self._state:
            if self._claims_under_way:
                return
            lost = [row for row in rows if row.id not in self._claimed and row.id not in self.unsaved]
        for attempt in lost:
            self._store.release(attempt)

    def _tidy_up(self, older_than: float, executors: set[str]) -> None:
        """Delete the workflows that have ended, and those of processes that end: the attempts' rows tell all."""
        self._delete_finished(older_than)
        for executor in executors:
            if self._store.database.kind == "sqlite":
                if executor != self.executor:
                    self._delete_file_of(executor)
                continue
            while found := DBOS.list_workflows(executor_id=executor, load_input=False, load_output=False, limit=1000):
                DBOS.delete_workflows([workflow.workflow_id for workflow in found])
            DBOS.delete_queue(executor)

    def _delete_files_of_the_gone(self) -> None:
        known = self._store.processes.listed()
        place = Path(self._store.database.engine.url.database or "")
        for file in place.parent.glob(f"{glob.escape(place.name)}{FILE}*"):
            executor = file.name.removeprefix(place.name + FILE).partition("-")[0]
            if executor not in known:
                self._delete_file_of(executor)

    def _delete_file_of(self, executor: str) -> None:
        for end in ("", "-wal", "-shm"):
            Path(f"{self._store.database.engine.url.database}{FILE}{executor}{end}").unlink(missing_ok=True)

    def _note_over(self, workflow_id: str) -> None:
        with self._state:
            self._over.append((time.monotonic(), workflow_id))

    def _delete_finished(self, older_than: float) -> None:
        """Delete the workflows that have ended: the attempts' rows tell all that there is to tell."""
        with self._state:
            due = []
            while self._over and self._over[0][0] + older_than <= time.monotonic():
                due.append(self._over.popleft()[1])
        for first in range(0, len(due), 500):
            some = due[first : first + 500]
            ended = {"SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"}
            found = DBOS.list_workflows(workflow_ids=some, load_input=False, load_output=False)
            over = [workflow.workflow_id for workflow in found if workflow.status in ended]
            if over:
                DBOS.delete_workflows(over)
            for workflow_id in {workflow.workflow_id for workflow in found} - set(over):
                self._note_over(workflow_id)
