"""The life of an attempt, in any order of events: what is promised holds whatever persons, processes, the network, the
database and the clock do, on SQLite and on PostgreSQL.

`Life` is played by hypothesis: it takes steps at random, and after each compares the database with a model of KIE.
"""

from __future__ import annotations

import itertools
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings, stateful
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from kie import PersonaRequest
from sandbox import Server
from studio.database.tables import attempts, metadata
from studio.exceptions import NotSaved
from studio.facade import Studio
from studio.library.edits import Library
from studio.sending import attempt_store as store_module
from studio.sending import batches as batches_module
from studio.sending import engine as engine_module
from studio.sending import kinds
from studio.sending.attempt_store import Store
from studio.sending.attempts import Attempt, NeedsDecision, Outcome, Seen, Status
from studio.sending.attempts import NotAllowed as NotAllowed
from studio.sending.batches import Batches, BatchStatus
from studio.sending.kinds import BatchItem, Kind, body_of
from studio.sending.kinds.boost import BOOST
from studio.sending.kinds.persona import PERSONA
from studio.sending.processes import LEASE
from studio.settings import Settings
from tests.studio.helpers import ME, Clock, a_request, ended, until
from tests.studio.model import (
    CERTAINLY_NOT,
    FATES,
    PORTRAIT,
    UNCLEAR,
    FakeClient,
    Kie,
    Process,
    Received,
    ShakyDatabase,
)

BEGINNINGS = (
    "anything",
    "late",
    "late, settled",
    "late, deleted",
    "late, forgotten",
    "late, asked again",
    "late, settled, asked again",
    "late, forgotten, asked again",
    "a pause that nobody heard of",
    "a batch of which one is on its way",
    "a batch of which one is on its way, cancelled",
    "claimed, and held up a moment, at the limit",
    "claimed, and held up, at the limit",
)
"""The dangerous places, at which chance alone arrives rarely."""
LIVES = {"sqlite": 20, "postgresql": 4}
"""How many are played from each, of 40 steps; always the same ones, so that a failure stays one."""
LIMIT, PERIOD = 2, 10.0
KINDS = {"persona": PERSONA, "boost": BOOST, "portrait": PORTRAIT}
IN_FLIGHT = ("queued", "sending", "working")
MAY_EXIST = ("created", "unknown")
LOOKED_AT = [
    attempts.c[name]
    for name in (
        "id", "subject", "status", "claim", "executor", "persona_id", "handle", "result", "held", "due_at",
        "batch", "deleted_at",
    )
]  # fmt: skip

ROWS = sa.select(*LOOKED_AT).order_by(attempts.c.number)

KIND = st.sampled_from(["persona", "portrait", "persona", "boost"])
TRACK = st.sampled_from([0, 0, 0, 1])
DECISION = st.sampled_from(["fresh", "as seen", "none"])
FIRST_KIND = st.sampled_from(["portrait", "persona", "portrait", "boost"])
FIRST_FATE = st.sampled_from(["done", "too often", "done", "no credits", "answer lost"])
TWO = st.integers(0, 1)
ANY = st.integers(0, 5)
FATE = st.sampled_from([*FATES, "done", "too often", "too often"])
BREAKS = st.sampled_from([(), (), (), ("after",), ("before",), ("", "after"), ("", "before")])
"""Which of the next transactions break off, before or after the commit was done; mostly none."""


class Life(RuleBasedStateMachine):
    """Two processes, a person with two tabs, KIE, and one database."""

    beginning: str
    store: Store
    database: ShakyDatabase
    clock: Clock

    def __init__(self) -> None:
        super().__init__()
        with self.database.writing() as connection:
            for table in metadata.tables.values():
                connection.execute(table.delete())
        self.clock.set_back()
        self.seconds = 0.0
        """True time, which nobody sets back."""
        self.kie = Kie()
        self.library, self.batches = Library(self.database), Batches(self.store)
        self.token_store = SimpleNamespace(account=lambda account: True, accounts=lambda: [ME], client=self.a_client)
        self.fate = "done"
        self.broken = ""
        self.on_the_line: Attempt | None = None
        self.rows: dict[str, Any] = {}
        self.filed: list[str] = []
        """Every click that was filed, in the order in which that was."""
        self.seen: list[dict[str, Seen]] = [{}, {}]
        """By tab and subject: what a person saw there last."""
        self.made: dict[str, Outcome] = {}
        """What KIE made and a process was told to have written."""
        self.handles: dict[str, str] = {}
        self.cancelled: set[str] = set()
        self.ended_batches: set[str] = set()
        self.send_held: set[str] = set()
        self.may_be_unknown: set[str] = set()
        self.beats: dict[str, datetime] = {}
        self.allowed_to_vanish = False
        self.clock_was_turned = False
        self.processes = [self.a_process(), self.a_process()]

    @initialize(kind=FIRST_KIND, fate=FIRST_FATE)
    def it_begins_with(self, kind: str, fate: str) -> None:
        """Go to a dangerous place, by steps like all others."""
        first, *more = self.beginning.split(", ")
        if first == "late":
            self.then(self.a_person_clicks, 0, kind, 0, 0, "fresh")
            self.then(self.a_process_claims_and_sends, 0, fate)
            self.then(self.a_process_stalls_and_is_taken_for_gone, 0)
            if "settled" in more:
                self.then(self.a_person_settles_what_is_unknown, 0, False)
            if "deleted" in more:
                self.then(self.a_person_deletes, 0)
            if "forgotten" in more:
                self.then(self.a_person_has_the_account_forgotten)
            if "asked again" in more:
                self.then(self.pass_time, 3)
                self.then(self.a_person_clicks, 0, kind, 0, 1, "fresh")
        elif first == "a pause that nobody heard of":
            self.then(self.a_person_clicks, 0, kind, 0, 0, "fresh")
            self.then(self.a_process_claims_and_sends, 0, "too often")
            self.then(self.an_answer_is_written_and_nobody_hears_of_it, 0)
            self.then(self.a_process_claims_after_the_pause, 1, "")
        elif first == "a batch of which one is on its way":
            self.then(self.a_person_starts_a_batch, [(kind, 0), (kind, 1)])
            self.then(self.a_process_claims_and_sends, 0, fate)
            if "cancelled" in more:
                self.then(self.a_person_stops_or_resumes_a_batch, 0, "cancel")
        elif first == "claimed":
            late, later = (0.05, 9.95) if "and held up a moment" in more else (0.7, 9.6)
            for track in (0, 1):
                self.then(self.a_person_clicks, 0, kind, track, 0, "fresh")
                self.then(self.a_process_claims, 0)
            self.then(self.pass_time, late)
            for _ in range(2):
                self.then(self.what_was_claimed_leaves, 0, fate)
            self.then(self.a_person_clicks, 0, "persona" if kind == "boost" else "boost", 0, 0, "fresh")
            self.then(self.pass_time, later)

    def then(self, step: Callable[..., None], *how: Any) -> None:
        step(*how)
        self.all_promises_are_kept()

    # What a person does.

    @precondition(lambda self: len(self.having("queued")) < 2)
    @rule(tab=TWO, kind=KIND, track=TRACK, words=TWO, decision=DECISION, breaks=BREAKS)
    def a_person_clicks(
        self, tab: int, kind: str, track: int, words: int, decision: str, breaks: tuple[str, ...] = ()
    ) -> None:
        """In a tab that shows what it showed last, or now ("fresh"); or knowing of nothing ("none")."""
        body, request = a_body(kind, track, words)
        subject = KINDS[kind].subject("", body)
        if decision == "fresh":
            self.look(tab, subject)
        self.click(tab, KINDS[kind], body, request, self.seen[tab].get(subject) if decision != "none" else None, breaks)

    def look(self, tab: int, subject: str) -> None:
        """Show a person what became of a subject."""
        self.seen[tab].pop(subject, None)
        for key in self.filed:
            row = self.rows.get(key)
            if row is not None and row.subject == subject and row.status in MAY_EXIST:
                self.seen[tab][subject] = Seen(key, Status(row.status))

    def click(
        self, tab: int, kind: Kind, body: str, request: PersonaRequest | None, decision: Seen | None, breaks: Any
    ) -> None:
        subject = kind.subject("", body)
        before = self.rows
        attempt, new, shown = None, False, None
        with self.breaking(breaks):
            try:
                attempt, new = self.store.add(ME, kind, body, decision, request=request)
            except NeedsDecision as needed:
                shown = needed.earlier
            except NotAllowed:
                self.seen[tab].pop(subject)
        after = self.fetch()
        if shown is not None:
            assert (kind.once, shown.account) == (True, ME)
            self.seen[tab][subject] = shown.seen
        assert len(after) - len(before) == new, "exactly what is new is filed"
        if attempt is None:
            return
        self.seen[tab][subject] = attempt.seen
        if not new:
            assert before[attempt.id].subject == subject
            return
        self.filed.append(attempt.id)
        assert self.store.add(ME, kind, body, decision, request=request) == (attempt, False), "a double click is one"
        of_subject = [before[key] for key in self.filed if key in before and before[key].subject == subject]
        assert not [row for row in of_subject if row.status in IN_FLIGHT], "one at a time"
        open_matters = [row for row in of_subject if row.status in MAY_EXIST]
        if not kind.once or (not open_matters and decision is None):
            return
        assert decision is not None, "what may exist is not asked for again without a decision"
        assert decision.id in before, "a stale decision sends nothing"
        assert decision.status.value == before[decision.id].status, "a stale decision sends nothing"
        if not self.clock_was_turned:
            assert decision.id == open_matters[-1].id, "a stale decision sends nothing"

    @rule(tab=TWO, kind=st.sampled_from(["persona", "portrait"]), track=TRACK, words=TWO)
    @precondition(lambda self: self.having("unknown") and len(self.having("queued")) < 2)
    def a_person_asks_again_after_looking(self, tab: int, kind: str, track: int, words: int) -> None:
        self.a_person_clicks(tab, kind, track, words, "fresh")

    @rule(rows=st.lists(st.tuples(KIND, TRACK), min_size=1, max_size=3), breaks=BREAKS)
    @precondition(lambda self: not self.having(*IN_FLIGHT) and len(self.batch_ids()) < 2)
    def a_person_starts_a_batch(self, rows: list[tuple[str, int]], breaks: tuple[str, ...] = ()) -> None:
        bodies = [(KINDS[kind], *a_body(kind, track, 0)) for kind, track in rows]
        with self.breaking(breaks):
            self.batches.start(ME, "", [BatchItem(kind, body, request) for kind, body, request in bodies])
        self.filed += [key for key in self.fetch() if key not in self.filed]

    @rule(which=ANY, what=st.sampled_from(["pause", "resume", "cancel"]), breaks=BREAKS)
    @precondition(lambda self: any(row.batch for row in self.having("queued", "sending")))
    def a_person_stops_or_resumes_a_batch(self, which: int, what: str, breaks: tuple[str, ...] = ()) -> None:
        batch = pick([row.batch for row in self.having("queued", "sending") if row.batch], which)
        waiting = [row.id for row in self.rows.values() if row.batch == batch and row.status == "queued"]
        with self.breaking(breaks):
            getattr(self.batches, what)(ME, batch)
            if what == "cancel":
                self.cancelled.update(waiting)
                self.ended_batches.add(batch)

    @rule(which=ANY, breaks=BREAKS)
    @precondition(lambda self: self.having("queued") and len(self.cancelled) < 2)
    def a_person_cancels(self, which: int, breaks: tuple[str, ...] = ()) -> None:
        row = pick(self.having("queued"), which)
        with self.breaking(breaks):
            assert self.store.cancel(ME, row.id)
            self.cancelled.add(row.id)

    @rule(which=ANY, breaks=BREAKS)
    @precondition(lambda self: self.held())
    def a_person_lets_go_what_is_held(self, which: int, breaks: tuple[str, ...] = ()) -> None:
        row = pick(self.held(), which)
        self.send_held.add(row.id)
        with self.breaking(breaks):
            assert self.store.send_held(ME, row.id)

    @rule(which=ANY, found=st.booleans(), breaks=BREAKS)
    @precondition(lambda self: self.having("unknown"))
    def a_person_settles_what_is_unknown(self, which: int, found: bool, breaks: tuple[str, ...] = ()) -> None:
        row = pick(self.having("unknown"), which)
        with self.breaking(breaks):
            if found:
                self.library.found_by_hand(ME, row.id, "by-hand")
            else:
                self.library.not_made(ME, row.id)

    @rule(which=ANY, breaks=BREAKS)
    @precondition(lambda self: self.deletable())
    def a_person_deletes(self, which: int, breaks: tuple[str, ...] = ()) -> None:
        row = pick(self.deletable(), which)
        with self.breaking(breaks):
            self.library.delete(ME, row.id)

    @rule(which=ANY, breaks=BREAKS)
    @precondition(lambda self: any(row.deleted_at for row in self.rows.values()))
    def a_person_restores(self, which: int, breaks: tuple[str, ...] = ()) -> None:
        row = pick([row for row in self.rows.values() if row.deleted_at], which)
        with self.breaking(breaks):
            self.library.restore(ME, row.id)

    @rule(breaks=BREAKS)
    @precondition(lambda self: self.having("unknown") and not self.having(*IN_FLIGHT))
    def a_person_has_the_account_forgotten(self, breaks: tuple[str, ...] = ()) -> None:
        self.allowed_to_vanish = True
        with self.breaking(breaks):
            self.library.erase_account(ME)

    # What processes do.

    @rule(which=TWO, breaks=BREAKS)
    @precondition(lambda self: self.waiting())
    def a_process_claims(self, which: int, breaks: tuple[str, ...] = ()) -> None:
        self.serve(pick(self.awake(), which), breaks)

    @rule(which=TWO, fate=FATE, breaks=BREAKS)
    @precondition(lambda self: self.waiting())
    def a_process_claims_and_sends(self, which: int, fate: str, breaks: tuple[str, ...] = ()) -> None:
        self.serve(pick(self.awake(), which), breaks, fate)

    @rule(which=TWO, fate=FATE)
    @precondition(lambda self: self.waiting())
    def a_process_claims_and_sends_and_writes(self, which: int, fate: str) -> None:
        self.serve(pick(self.awake(), which), (), fate, write=True)

    @rule(which=TWO, fate=st.sampled_from(["", *FATES]))
    @precondition(lambda self: self.waiting() and any(row.due_at > self.clock() for row in self.having("queued")))
    def a_process_claims_after_the_pause(self, which: int, fate: str) -> None:
        self.pass_time(61)
        self.serve(pick(self.awake(), which), (), fate)

    def waiting(self) -> bool:
        """Whether there is something to claim, as it seems."""
        return bool(self.awake() and self.having("queued", "working"))

    def serve(self, process: Process, breaks: tuple[str, ...], fate: str = "", write: bool = False) -> None:
        before = self.rows
        with self.breaking(breaks):
            attempt = process.claim_next(ME)
        if attempt is None:
            return
        row = before[attempt.id]
        assert row.status in ("queued", "working")
        if row.status == "queued":
            assert attempt.status is Status.SENDING
            assert not row.held
            batch = self.batches.get(ME, row.batch) if row.batch else None
            assert batch is None or batch.status is BatchStatus.RUNNING or row.id in self.send_held
        if fate:
            self.carry(process, attempt, fate)
        if write and attempt.id in process.brought:
            self.write(process, attempt.id)

    @rule(which=TWO, fate=FATE, breaks=BREAKS)
    @precondition(lambda self: any(process.to_send for process in self.awake()))
    def what_was_claimed_leaves(self, which: int, fate: str, breaks: tuple[str, ...] = ()) -> None:
        process = pick([process for process in self.awake() if process.to_send], which)
        with self.breaking(breaks):
            self.carry(process, process.to_send[0], fate)

    @rule(which=TWO, breaks=BREAKS)
    @precondition(lambda self: any(process.brought for process in self.awake()))
    def an_answer_is_written(self, which: int, breaks: tuple[str, ...] = ()) -> None:
        process = pick([process for process in self.awake() if process.brought], which)
        self.write(process, next(iter(process.brought)), breaks)

    @rule(which=TWO)
    @precondition(lambda self: any(process.brought for process in self.awake()))
    def an_answer_is_written_and_nobody_hears_of_it(self, which: int) -> None:
        self.an_answer_is_written(which, ("after",))

    @rule(which=TWO, breaks=BREAKS)
    @precondition(lambda self: self.late())
    def a_late_answer_is_written(self, which: int, breaks: tuple[str, ...] = ()) -> None:
        process, attempt_id = pick(self.late(), which)
        process.stalled = False
        self.write(process, attempt_id, breaks)

    def late(self) -> list[tuple[Process, str]]:
        """The answers that came after their attempts had been given up for lost."""
        lost = [(process, key) for process in self.processes for key in process.brought]
        return [(process, key) for process, key in lost if key not in self.rows or self.rows[key].status != "sending"]

    @rule(which=TWO, breaks=BREAKS)
    @precondition(lambda self: self.awake() and self.having("sending"))
    def a_process_gives_a_sign_of_life(self, which: int, breaks: tuple[str, ...] = ()) -> None:
        process = pick(self.awake(), which)
        self.heartbeat(process)
        self.recover(process, breaks)

    @rule(which=TWO)
    @precondition(lambda self: self.at_work())
    def a_process_stalls(self, which: int) -> None:
        pick(self.at_work(), which).stalled = True

    @rule(which=TWO)
    @precondition(lambda self: self.at_work())
    def a_process_stalls_and_is_taken_for_gone(self, which: int) -> None:
        process = pick(self.at_work(), which)
        process.stalled = True
        self.pass_time(LEASE.total_seconds() + 1)
        other = self.processes[1 - self.processes.index(process)]
        other.stalled = False
        self.heartbeat(other)
        self.recover(other)

    @rule()
    @precondition(lambda self: len(self.awake()) < len(self.processes))
    def a_stalled_process_comes_back(self) -> None:
        next(process for process in self.processes if process.stalled).stalled = False

    @rule(which=TWO, how=st.sampled_from(["crash", "end", "end in time"]), breaks=BREAKS)
    @precondition(lambda self: any(process.hands for process in self.processes))
    def a_process_ends_and_another_starts(self, which: int, how: str, breaks: tuple[str, ...] = ()) -> None:
        process = pick([process for process in self.processes if process.hands], which)
        if how != "crash" and not process.stalled:
            with self.breaking(breaks):
                process.end()
            for attempt_id in list(process.brought) if how == "end in time" else []:
                self.write(process, attempt_id)
            self.store.processes.unregister(process.executor)
            self.beats.pop(process.executor, None)
        self.processes[self.processes.index(process)] = self.a_process()

    # What happens elsewhere.

    @rule(which=ANY, well=st.booleans())
    @precondition(lambda self: None in self.kie.paintings.values())
    def kie_ends_a_portrait(self, which: int, well: bool) -> None:
        handle = pick([handle for handle, painted in self.kie.paintings.items() if painted is None], which)
        self.kie.paintings[handle] = f"{handle}.png" if well else ""

    @rule(seconds=st.sampled_from([0.05, 0.7, 3.0, 9.6, 12.0, 61.0, 3600.0, 90_000.0]))
    @precondition(lambda self: self.having(*IN_FLIGHT) or any(process.hands for process in self.processes))
    def time_passes(self, seconds: float) -> None:
        self.pass_time(seconds)

    def pass_time(self, seconds: float) -> None:
        self.seconds += seconds
        self.clock.forward(seconds)
        for process in self.awake():
            self.heartbeat(process)

    @rule(seconds=st.sampled_from([5.0, 3600.0]))
    @precondition(lambda self: self.having(*IN_FLIGHT) and not self.clock_was_turned)
    def the_clock_is_set_back(self, seconds: float) -> None:
        self.clock.forward(-seconds)
        self.clock_was_turned = True
        for one in self.kie.received:
            one.at = float("-inf")  # no limit is kept over this

    # What holds after every step.

    @invariant()
    def all_promises_are_kept(self) -> None:
        before, self.rows = self.rows, self.fetch()
        for key in before.keys() - self.rows.keys():
            assert self.allowed_to_vanish, "nothing vanishes"
            self.made.pop(key, None)
            self.handles.pop(key, None)
        self.allowed_to_vanish = False
        self.send_held.difference_update(row.id for row in self.rows.values() if row.held)
        flying = [row.subject for row in self.rows.values() if row.status in IN_FLIGHT]
        assert len(flying) == len(set(flying)), "one at a time for a subject"
        for key, row in self.rows.items():
            old = before[key].status if key in before else "queued"
            if row.status in ("queued", "sending"):
                assert old in ("queued", "sending"), f"{old} became {row.status}: it would be sent again"
            if row.status == "unknown" and old != "unknown":
                assert key in self.may_be_unknown, "unknown, although nothing left and its process lived"
        for key, outcome in self.made.items():
            row = self.rows[key]
            assert (row.status, row.persona_id) == ("created", outcome.persona_id), "what KIE made is on file"
            assert not outcome.result or row.result, "what KIE made is on file"
        for key, handle in self.handles.items():
            assert self.rows[key].handle == handle, "every handle is on file"
        waiting = [row for row in self.having("queued") if row.batch in self.ended_batches]
        assert not [row for row in waiting if row.id not in self.send_held], "nothing of a cancelled batch waits"

    def teardown(self) -> None:
        """Let everything come to its end: nothing is in flight for ever, and nothing that came is lost."""
        self.database.breaks = ()
        if sys.exc_info()[1] is not None:
            return
        for process in self.processes:
            process.stalled = False
        self.clock.forward(100_000)
        self.seconds += 100_000
        for _ in range(12):
            self.kie.paintings = {handle: painted or f"{handle}.png" for handle, painted in self.kie.paintings.items()}
            for process in self.processes:
                self.heartbeat(process)
                for attempt in process.to_send:
                    self.carry(process, attempt, "done")
                for attempt_id in list(process.brought):
                    self.write(process, attempt_id)
                self.recover(process)
            for row in self.held():
                self.send_held.add(row.id)
                self.store.send_held(ME, row.id)
            for process in self.processes:
                while (claimed := process.claim_next(ME)) is not None:
                    self.carry(process, claimed, "done")
                    if claimed.id in process.brought:
                        self.write(process, claimed.id)
            self.all_promises_are_kept()
            if not self.having(*IN_FLIGHT):
                break
            self.seconds += 31
            self.clock.forward(31)
        assert not self.having(*IN_FLIGHT), "every attempt ends"
        assert self.store.accounts_due([ME]) == []

    # How steps are taken.

    def a_process(self) -> Process:
        process = Process(self.store, self.token_store, Settings(rate_limit=LIMIT, rate_period=PERIOD))
        self.store.hold_restored()
        self.heartbeat(process)
        self.recover(process)
        return process

    def a_client(self, account: str, timeout: object = None, departing: Callable[[], None] | None = None) -> FakeClient:
        return FakeClient(self.kie, departing, self.left)

    def left(self) -> Received | None:
        """A request is leaving: the last moment at which the promise can be broken."""
        attempt, fate = self.on_the_line, self.fate
        assert attempt
        earlier = [one for one in self.kie.received if one.attempt == attempt.id]
        recent = [one for one in self.kie.received if one.at > self.seconds - PERIOD]
        if any(one.fate != "heard: certainly not" for one in earlier):
            self.broken = "one click, two requests"
        if attempt.id in self.cancelled:
            self.broken = "what was cancelled was sent"
        if fate == "never connected":
            return None
        if len(recent) >= LIMIT:
            self.broken = "too many requests in one stretch of the period"
        self.kie.received.append(Received(attempt.id, self.seconds, fate))
        self.may_be_unknown.add(attempt.id)
        return self.kie.received[-1]

    def carry(self, process: Process, attempt: Attempt, fate: str) -> None:
        self.fate, self.on_the_line = fate, attempt
        received = len(self.kie.received)
        process.carry(attempt)
        assert not self.broken, self.broken  # not before: the engine takes every error for a lost answer
        if attempt.status is Status.WORKING:
            self.may_be_unknown.add(attempt.id)
        elif len(self.kie.received) > received and fate in UNCLEAR:
            assert process.brought[attempt.id][1].status is Status.UNKNOWN, "KIE may have acted"

    def write(self, process: Process, attempt_id: str, breaks: tuple[str, ...] = ()) -> None:
        """Have a process write what it was told, and look whether the row says it."""
        attempt, outcome, pause = process.brought[attempt_id]
        before = self.fetch().get(attempt_id)
        for one in self.kie.received:
            if one.attempt == attempt_id and one.fate in CERTAINLY_NOT:
                one.fate = "heard: certainly not"
        with self.breaking(breaks):
            written = process.write(attempt_id)
        assert written or breaks, "it could be written"
        if not written:
            return
        after = self.fetch().get(attempt_id)
        if outcome.status is Status.CREATED:
            assert after is not None, "what KIE made is filed again"
            known = before is not None and (before.status, before.persona_id) == ("created", outcome.persona_id)
            assert known or after.deleted_at is None, "what KIE made comes back, unless it was known and then deleted"
            self.made[attempt_id] = outcome
        elif outcome.status is Status.WORKING:
            assert after is not None, "what KIE works on is filed again"
            self.handles[attempt_id] = outcome.handle
            known = before is not None and before.handle == outcome.handle
            assert known or after.status != "refused", "what KIE works on is not said to be refused"
        elif before is None:
            assert after is None
        else:
            mine = before.claim == attempt.claim
            if pause is not None and mine and before.status == "sending":
                expected = ["queued", "refused"] if before.batch else ["queued"]
            elif outcome.status is Status.REFUSED and mine and before.status in ("sending", "working", "unknown"):
                expected = ["refused"]
            elif outcome.status is Status.UNKNOWN and mine and before.status in ("sending", "working"):
                expected = ["unknown"]
            else:
                expected = [before.status]
            assert after is not None
            assert after.status in expected

    def heartbeat(self, process: Process) -> None:
        process.send_heartbeat()
        self.beats[process.executor] = self.clock()

    def recover(self, process: Process, breaks: tuple[str, ...] = ()) -> None:
        for executor in [key for key, last in self.beats.items() if last <= self.clock() - LEASE]:
            del self.beats[executor]  # taken for gone until its next sign of life
        for row in self.fetch().values():
            if row.status == "sending" and row.executor not in self.beats:
                self.may_be_unknown.add(row.id)
        with self.breaking(breaks):
            process.sign_of_life()

    @contextmanager
    def breaking(self, breaks: tuple[str, ...]) -> Iterator[None]:
        """Let some of the next transactions break off; only then may the database be said not to work."""
        self.database.breaks = breaks
        try:
            yield
        except NotSaved:
            assert breaks, "the database works"
        finally:
            self.database.breaks = ()

    def fetch(self) -> dict[str, Any]:
        with self.database.reading() as connection:
            return {row.id: row for row in connection.execute(ROWS)}

    def at_work(self) -> list[Process]:
        return [process for process in self.awake() if process.hands]

    def awake(self) -> list[Process]:
        return [process for process in self.processes if not process.stalled]

    def having(self, *statuses: str) -> list[Any]:
        return [row for row in self.rows.values() if row.status in statuses]

    def deletable(self) -> list[Any]:
        return [row for row in self.having(*MAY_EXIST) if row.deleted_at is None]

    def held(self) -> list[Any]:
        return [row for row in self.rows.values() if row.status == "queued" and row.held]

    def batch_ids(self) -> list[str]:
        return list(dict.fromkeys(row.batch for row in self.rows.values() if row.batch))


def pick(some: list[Any], which: int) -> Any:
    return some[which % len(some)]


def a_body(kind: str, track: int, words: int) -> tuple[str, Any]:
    """What is asked for, and the request where it is a persona."""
    if kind == "boost":
        return body_of({"content": f"text {track}"}), None
    request = a_request(f"audio-{track}", name=f"Name {words}")
    if kind == "persona":
        return body_of(request.payload()), request
    return body_of({"audioId": f"audio-{track}", "frame": words}), None


@pytest.fixture
def shaky_database(store_url: str, clock: Clock) -> Iterator[ShakyDatabase]:
    """A database that nobody waits for the disk of."""
    database = ShakyDatabase(store_url, clock)
    if database.kind == "sqlite":
        sa.event.listen(database.engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF"))
    yield database
    database.close()


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_whatever_happens_in_whatever_order_the_promise_is_kept(
    beginning: str, shaky_database: ShakyDatabase, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(kinds.KINDS, PORTRAIT.name, PORTRAIT)
    everything = SimpleNamespace(is_enabled=lambda rule: True)
    # All rules take part in every life: hypothesis would leave most of them out of most.
    monkeypatch.setattr(stateful, "FeatureStrategy", lambda **options: st.just(everything))
    numbers = itertools.count(1)

    class ThisLife(Life):
        def __init__(self) -> None:
            nonlocal numbers
            numbers = itertools.count(1)
            monkeypatch.setattr(engine_module, "time", SimpleNamespace(monotonic=lambda: self.seconds))
            super().__init__()

    ids = SimpleNamespace(uuid4=lambda: uuid.UUID(int=next(numbers)))
    for module in (store_module, batches_module, engine_module):
        monkeypatch.setattr(module, "uuid", ids)
    ThisLife.beginning = beginning
    ThisLife.database, ThisLife.clock, ThisLife.store = shaky_database, clock, Store(shaky_database)
    run_state_machine_as_test(
        ThisLife,
        settings=settings(
            max_examples=LIVES[shaky_database.kind],
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            database=None,
            print_blob=True,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_a_third_kind_takes_one_class_and_goes_its_whole_way(
    open_studio: Callable[..., Studio], server: Server, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(kinds.KINDS, PORTRAIT.name, PORTRAIT)
    kie, studio = Kie(), open_studio()
    account = studio.token_store.add(token, server.base_url)

    def left() -> Received:
        kie.received.append(Received("", 0.0, "done"))
        return kie.received[-1]

    monkeypatch.setattr(
        studio.token_store, "client", lambda account, timeout=None, departing=None: FakeClient(kie, departing, left)
    )
    store, engine = studio.open().result(30)
    attempt, _ = store.add(account.id, PORTRAIT, a_body("portrait", 0, 0)[0])
    engine.serve_soon(account.id)
    handle = until(studio, account, attempt, lambda now: now.outcome.handle != "").outcome.handle
    kie.paintings[handle] = "quay.png"
    made = ended(studio, account, attempt)
    assert (made.status, made.outcome.result, len(kie.received)) == (Status.CREATED, {"portrait": "quay.png"}, 1)
