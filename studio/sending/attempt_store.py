"""Attempts in the database, and every rule about which state may follow which. Each method is one short transaction.

No method costs more in a large library than in a small one: what is in flight has indexes of its own.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from kie import Cause, PersonaRequest, Track
from studio.database.connection import CommitInDoubt, Database
from studio.database.tables import QUEUED, SENDING, attempts, batches, departures, events, executors, installation
from studio.exceptions import MaybeSaved, NotSaved
from studio.sending import rate_limit, sql_statements
from studio.sending.attempts import CANCELLED, Attempt, NeedsDecision, NotAllowed, Outcome, Seen, Settled, Status
from studio.sending.kinds import BatchItem, Kind, kind_named
from studio.sending.processes import LEASE, Processes
from studio.sending.row_mapping import (
    LISTED,
    REQUEST,
    attempt_of,
    blank_row,
    outcome_columns,
    row_of,
    search_columns,
    track_columns,
    unused_number,
)

BACKUP_AGE = timedelta(minutes=10)
"""A database may have been restored from a backup if processes on its list had their last heartbeat so long ago."""
LONGEST_WAIT = timedelta(seconds=120)
"""No pause is longer, so an attempt that is due later than this was filed while the clock was wrong."""
POLL_LEASE = timedelta(seconds=30)
"""How long a process that polls for an attempt's result has it for itself: a little longer than the poll may take."""
SAME_CLICK = timedelta(seconds=1)
"""The same request again within this time is a double click, whatever became of the first."""

GONE = Outcome.interrupted("The program stopped while the request was on its way.")
IN_CANCELLED_BATCH = sa.exists().where(batches.c.id == attempts.c.batch, batches.c.status == "cancelled")
"""Condition on an attempt: its batch was cancelled."""
ITS_CAUSE_OR_CANCELLED = sa.case((attempts.c.cause == "", CANCELLED), else_=attempts.c.cause)


@dataclass(frozen=True, slots=True)
class Claim:
    """An attempt that the caller has to send or to poll for, if one is due, and when the next one is.

    `at` is None where no other waits. A queued attempt that was claimed is `sending`; a working one stays `working`.
    """

    attempt: Attempt | None = None
    at: datetime | None = None


class Store:
    """The attempts of one database, shared by every process that uses it. Raises `NotSaved` where it cannot be used."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = database.now
        self.processes = Processes(database)

    # Filing.

    def add(
        self,
        account: str,
        kind: Kind,
        body: str,
        replaces: Seen | None = None,
        *,
        request: PersonaRequest | None = None,
        author: str = "",
        track: Track | None = None,
        credits_before: float | None = None,
    ) -> tuple[Attempt, bool]:
        """File a request as `queued`; return its attempt, and whether it is new.

        While an attempt for the same subject is in flight, or within `SAME_CLICK` of an identical one, that one is
        returned. Raises `NeedsDecision` if the subject's last attempt was created or is unknown, unless `replaces`
        names that attempt in that state; `NotAllowed` if the attempt it names is not there any more; and `MaybeSaved`
        if the connection was lost during the commit and the row cannot be read back.
        """
        row = self._new_row(account, BatchItem(kind, body, request, track), author)
        row |= {"credits_before": credits_before, "replaces": replaces.id if replaces else ""}
        try:
            with self.database.writing() as connection:
                return self._file(connection, kind, row, replaces)
        except sa.exc.IntegrityError:  # at this moment a late handle put another attempt for the subject in flight
            with self.database.reading() as connection:
                found, new = _first(connection, sql_statements.SUBJECT_IN_FLIGHT, account, row["subject"]), False
        except CommitInDoubt:
            try:
                found, new = self._read_back(account, row["subject"], row["id"]), True
            except NotSaved:
                raise MaybeSaved from None
        if found is None:
            raise NotSaved
        return found, new

    def _read_back(self, account: str, subject: str, attempt_id: str) -> Attempt | None:
        """Read whether a row was filed, after waiting for the lock that the transaction in doubt may still hold."""
        with self.database.writing() as connection:
            self.database.serialize(connection, "add", account, subject)
            return self._get(connection, account, attempt_id)

    def add_to_batch(
        self, account: str, batch_id: str, items: Sequence[BatchItem], author: str
    ) -> list[Attempt | NeedsDecision]:
        """File some items of a batch as held, in one transaction; return an attempt or the needed decision for each."""
        filed: list[Attempt | NeedsDecision] = []
        with self.database.writing() as connection:
            batch = sa.select(batches.c.status).where(batches.c.id == batch_id).with_for_update()
            if connection.execute(batch).scalar() == "cancelled":
                return filed
            for index, item in enumerate(items):
                moment = self.now() + timedelta(microseconds=index)  # so that rows of one moment keep their order
                row = self._new_row(account, item, author)
                row |= {"created_at": moment, "batch": batch_id, "priority": 1, "held": True}
                try:
                    filed.append(self._file(connection, item.kind, row, None)[0])
                except NeedsDecision as needed:
                    filed.append(needed)
        return filed

    def _new_row(self, account: str, item: BatchItem, author: str) -> dict[str, Any]:
        now, attempt_id = self.now(), uuid.uuid4().hex
        asked = item.request or PersonaRequest("", "", "", "")
        return blank_row() | {
            "id": attempt_id,
            "account": account,
            "author": author,
            "kind": item.kind.name,
            "makes": item.kind.makes,
            "subject": item.kind.subject(attempt_id, item.body),
            "body": item.body,
            "status": Status.QUEUED.value,
            "created_at": now,
            "due_at": now,
            **{name: getattr(asked, name) for name in REQUEST},
            **track_columns(item.track),
        }

    def _file(
        self, connection: sa.Connection, kind: Kind, row: dict[str, Any], replaces: Seen | None
    ) -> tuple[Attempt, bool]:
        account, subject = row["account"], row["subject"]
        self.database.serialize(connection, "add", account, subject)
        in_flight = _first(connection, sql_statements.SUBJECT_IN_FLIGHT, account, subject)
        if in_flight is not None:
            return in_flight, False
        newest = _first(connection, sql_statements.SUBJECT_CLICKED, account, subject)
        if newest is not None and newest.seen != replaces:
            age = row["created_at"] - newest.created_at
            # The body is another one if the first of two clicks went on through KIE's other interface.
            same = newest.request == _request_of(row) and (row["makes"] == "persona" or newest.body == row["body"])
            if same and timedelta(0) <= age < SAME_CLICK:
                return newest, False
        open_matter = _first(connection, sql_statements.SUBJECT_MAY_EXIST, account, subject)
        if kind.once and (open_matter.seen if open_matter is not None else None) != replaces:
            about = open_matter or self._get(connection, account, row["replaces"])
            if about is None:
                raise NotAllowed("It is not in the library any more, so nothing was sent. Look again, then decide.")
            raise NeedsDecision(about, stale=replaces is not None)
        row |= search_columns(row) | {"number": unused_number(connection, row)}
        connection.execute(sa.insert(attempts), row)
        if replaces is not None and open_matter is not None:
            again = open_matter.status is Status.UNKNOWN and open_matter.request == _request_of(row)
            what = "asked_again" if again else "replaced"
            add_event(connection, replaces.id, row["created_at"], what, {"by": row["id"]}, row["author"])
        return attempt_of(connection.execute(sql_statements.GET, {"this": row["id"], "account": account}).one()), True

    # Sending.

    def claim(self, account: str, executor: str, *, limit: int, period: timedelta) -> Claim:
        """Claim the account's next attempt that is due for this process, or return when one will be.

        Exactly one caller gets a queued attempt: it is `sending` from then on, and `Attempt.claim` names this claim. At
        most `limit` requests of an account leave in any stretch of `period`, from whatever process. Attempts to poll
        for come first, then single ones, then those of a batch; among these, the one that has been due longest.
        """
        period *= 1 + rate_limit.SLACK
        with self.database.writing() as connection:
            self.database.serialize(connection, "claim", account)
            now = self.now()
            stretch = rate_limit.parameters(now, limit, period)
            found = connection.execute(sql_statements.NEXT, {"account": account} | stretch).all()
            waits = sorted((row for row in found if row.what != sql_statements.DEPARTED), key=lambda row: row[:3])
            slot = next((min(row.at, now) + period for row in found if row.what == sql_statements.DEPARTED), None)
            due = next((row for row in waits if row.at <= now), None)
            if due is not None and due.what != sql_statements.TO_POLL and slot is not None:
                polls = [row.at for row in waits if row.what == sql_statements.TO_POLL]
                return Claim(at=min([slot, *polls]))
            at = min((row.at for row in waits if row is not due), default=None)
            if due is None:
                return Claim(at=at)
            values: dict[str, object] = {"this": due.id, "to": executor}
            if due.what == sql_statements.TO_POLL:
                claimed = connection.execute(sql_statements.CLAIM_POLL, values | {"until": now + POLL_LEASE}).first()
            else:
                values |= {"which": uuid.uuid4().hex, "whose": account, "moment": now}
                claimed = connection.execute(sql_statements.CLAIM_SEND[self.database.kind], values).first()
                if claimed is not None and self.database.kind == "sqlite":
                    connection.execute(rate_limit.ENTER_DEPARTURE, values)
                if str(values["which"]).startswith(rate_limit.FORGETTING):
                    old = now - max(2 * period, rate_limit.LEAST_KEPT)
                    connection.execute(rate_limit.FORGET_DEPARTURES, {"whose": account, "old": old})
            if claimed is None:
                return Claim(at=now)  # at this moment it was cancelled or paused, or its outcome was written
            return Claim(attempt_of(claimed), at)

    def record_departure(self, attempt: Attempt, ahead: timedelta = timedelta(0)) -> bool:
        """Write that a claimed request leaves now, or `ahead` from now, for the rate limit.

        Returns whether it may leave: not if the attempt was written off meanwhile.
        """
        with self.database.writing() as connection:
            if connection.execute(sa.select(attempts.c.id).where(_claimed_as(attempt))).first() is None:
                return False
            entry = {"which": attempt.claim, "whose": attempt.account, "moment": self.now() + ahead}
            this = departures.c.claim == attempt.claim
            if not connection.execute(sa.update(departures).where(this).values(at=entry["moment"])).rowcount:
                connection.execute(rate_limit.ENTER_DEPARTURE, entry)
            return True

    def release(self, attempt: Attempt) -> bool:
        """Queue a claimed attempt again that never left; return whether it still was this claim's.

        If its batch was cancelled meanwhile, it is cancelled.
        """
        with self.database.writing() as connection:
            mine = _claimed_as(attempt)
            queued = {"status": Status.QUEUED.value, "due_at": self.now(), "sent_at": None}
            ended = cancelled_at(self.now()) | {"sent_at": None}
            done = connection.execute(sa.update(attempts).where(mine, IN_CANCELLED_BATCH).values(ended)).rowcount
            done = done or connection.execute(sa.update(attempts).where(mine).values(queued)).rowcount
            if done:
                connection.execute(sa.delete(departures).where(departures.c.claim == attempt.claim))
            return bool(done)

    def postpone(self, attempt: Attempt, seconds: float, why: Outcome, instead: tuple[Kind, str] | None = None) -> bool:
        """Queue an attempt again that KIE certainly did not act on, to be sent after a pause.

        With `instead` it is sent as this kind with this body, which ask for the same through KIE's other interface.

        Returns whether it was, now or by an earlier call whose result was lost. Not if it was written off meanwhile,
        because it may have been replaced, nor if its batch was cancelled: then `why` is its outcome, for `finish`.
        """
        with self.database.writing() as connection:
            due = {"due_at": self.now() + timedelta(seconds=seconds), "repeats": attempt.repeats + 1}
            values = outcome_columns(replace(why, status=Status.QUEUED)) | due
            if instead is not None:
                values |= {"kind": instead[0].name, "body": instead[1]}
            mine = sa.and_(sa.or_(_claimed_as(attempt), _postponed_as(attempt)), ~IN_CANCELLED_BATCH)
            if connection.execute(sa.update(attempts).where(mine).values(values)).rowcount:
                if instead is not None:
                    detail = {"code": str(why.code or ""), "message": why.message}
                    add_event(connection, attempt.id, self.now(), "by_job", detail)
                return True
            row = connection.execute(sa.select(attempts.c.id).where(_postponed_as(attempt))).first()
            return row is not None

    def refuse_postponed(self, attempt: Attempt, outcome: Outcome) -> bool:
        """Write that an attempt which this claim has postponed is refused; return whether it still was queued so."""
        with self.database.writing() as connection:
            ended = {"due_at": None, "held": False, "ended_at": self.now(), "repeats": attempt.repeats}
            values = outcome_columns(outcome) | ended
            return bool(connection.execute(sa.update(attempts).where(_postponed_as(attempt)).values(values)).rowcount)

    def finish(self, attempt: Attempt, outcome: Outcome) -> None:
        """Write how a claimed request ended, or that KIE works on it.

        What KIE made is written even if the attempt was written off meanwhile, settled by a person, deleted or erased.
        A refusal is written unless another claim has the row, or a person wrote an ID by hand.
        """
        with self.database.writing() as connection:
            row = connection.execute(sql_statements.GET_LOCKED, {"this": attempt.id}).first()
            if row is None:  # erased meanwhile
                if outcome.status in (Status.CREATED, Status.WORKING) or outcome.result:
                    self._refile(connection, attempt, outcome)
                return
            before = attempt_of(row)
            if before.outcome == outcome or _is_on_file(before, outcome):
                return  # an earlier call wrote it, and its result was lost
            outcome = self._unless_superseded(connection, row._mapping, outcome)
            if _may_move(before, attempt.claim, outcome):
                self._write(connection, before, outcome)
            elif before.claim == attempt.claim and before.status is not Status.QUEUED:
                # A person decided first; what KIE said goes to the event log.
                self._note_late_answer(connection, before, outcome)
                if outcome.handle:
                    connection.execute(sql_statements.CHANGE, {"this": before.id, "handle": outcome.handle})

    def _unless_superseded(self, connection: sa.Connection, row: Mapping[Any, Any], outcome: Outcome) -> Outcome:
        """Return the outcome to write: `unknown` for work on a subject that has another attempt in flight by now."""
        subject = row["account"], row["subject"], row["id"]
        if outcome.status is Status.WORKING and _first(connection, sql_statements.SUBJECT_IN_FLIGHT, *subject):
            return replace(outcome, status=Status.UNKNOWN, cause=Cause.NO_ANSWER.value)
        return outcome

    def poll_later(self, attempt: Attempt, after: timedelta) -> None:
        """Write when KIE is polled next for a working attempt."""
        with self.database.writing() as connection:
            connection.execute(sql_statements.CHANGE_WORKING, {"this": attempt.id, "due_at": self.now() + after})

    def record_credits(self, attempt_id: str, credits_after: float) -> None:
        """Write how many credits were left after an attempt."""
        with self.database.writing() as connection:
            connection.execute(sql_statements.CHANGE, {"this": attempt_id, "credits_after": credits_after})

    def _write(self, connection: sa.Connection, before: Attempt, outcome: Outcome) -> None:
        now = self.now()
        working = outcome.status is Status.WORKING
        poll_at = now + kind_named(before.kind).poll_again_after(timedelta(0)) if working else None
        ended = {"due_at": poll_at, "ended_at": None if working else now, "held": False}
        values = outcome_columns(outcome) | ended
        if not outcome.handle and before.outcome.handle:
            values["handle"] = before.outcome.handle
        if outcome.status in (Status.CREATED, Status.WORKING) or outcome.handle:
            values |= {"settled": Settled.NOT.value, "deleted_at": None}
        if before.status not in (Status.SENDING, Status.WORKING) or before.deleted_at is not None:
            self._note_late_answer(connection, before, outcome)
        if outcome.status is Status.CREATED:
            values["words"] = search_columns(row_of(before) | values)["words"]
            self._settle_repeated(connection, before)
        connection.execute(sql_statements.CHANGE, values | {"this": before.id})

    def _settle_repeated(self, connection: sa.Connection, by: Attempt) -> None:
        earlier = self._get(connection, by.account, by.replaces)
        if earlier is not None and earlier.request == by.request:
            this = sa.and_(attempts.c.id == by.replaces, attempts.c.status == Status.UNKNOWN.value)
            connection.execute(sa.update(attempts).where(this).values(settled=Settled.ASKED_AGAIN.value))

    def _note_late_answer(self, connection: sa.Connection, before: Attempt, outcome: Outcome) -> None:
        """Add to the event log that an answer came after the attempt had been written off, settled or deleted."""
        was = "deleted" if before.deleted_at is not None else before.status.value
        detail = {"was": was, "persona_id": before.persona_id}
        more = {"message": outcome.message, "seen_id": str(outcome.result.get("seen_id", "")), "raw": outcome.raw}
        detail |= {name: text[:500] for name, text in more.items() if text and outcome.status is not Status.CREATED}
        add_event(connection, before.id, self.now(), "late_answer", detail)

    def _refile(self, connection: sa.Connection, attempt: Attempt, outcome: Outcome) -> None:
        """File an attempt again that was erased before its answer came."""
        row = blank_row() | row_of(attempt)
        outcome = self._unless_superseded(connection, row, outcome)
        due, ended = (self.now(), None) if outcome.status is Status.WORKING else (None, self.now())
        row |= outcome_columns(outcome) | {"due_at": due, "ended_at": ended}
        row |= search_columns(row) | {"number": unused_number(connection, row)}
        connection.execute(sa.insert(attempts), row)
        add_event(connection, attempt.id, self.now(), "late_answer", {"was": "forgotten"})

    # What is due, and what became of processes that are gone.

    def accounts_due(self, accounts: Sequence[str], since: timedelta = timedelta(0)) -> list[str]:
        """Return those of these accounts that have an attempt to send or to poll for, due `since` ago or longer."""
        if not accounts:
            return []
        with self.database.reading() as connection:
            found = set(connection.execute(sql_statements.ACCOUNTS_DUE, {"since": self.now() - since}).scalars())
        return sorted(found & set(accounts))

    def correct_due_times(self) -> None:
        """Make attempts due now that are due implausibly late, because the clock was set back after they were filed."""
        with self.database.reading() as connection:
            far = connection.execute(sql_statements.DUE_LATER_THAN, {"moment": self.now() + LONGEST_WAIT}).first()
        if far:
            with self.database.writing() as connection:
                for statement in sql_statements.MAKE_DUE:
                    connection.execute(statement, {"moment": self.now() + LONGEST_WAIT, "now": self.now()})

    def sending_of(self, executor: str) -> list[Attempt]:
        """Return the attempts that are `sending` by a process."""
        with self.database.reading() as connection:
            return [attempt_of(row) for row in connection.execute(sql_statements.SENDING_OF, {"executor": executor})]

    def write_off(self) -> list[str]:
        """Set what gone processes were sending to `unknown`; return the IDs."""
        with self.database.reading() as connection:
            lost = self._lost(connection)
        if lost:
            with self.database.writing() as connection:
                lost = [row for row in self._lost(connection, to_write=True) if row.id in {each.id for each in lost}]
                for before in lost:
                    self._write(connection, before, GONE)
        return [attempt.id for attempt in lost]

    def _lost(self, connection: sa.Connection, *, to_write: bool = False) -> list[Attempt]:
        alive = sa.select(executors.c.id).where(executors.c.seen_at > self.now() - LEASE)
        gone = attempts.c.executor.not_in(connection.execute(alive).scalars().all())
        query = sa.select(*LISTED).where(sa.text(SENDING), gone)
        if to_write:  # an attempt whose outcome is being written at this moment is not lost
            query = query.with_for_update(skip_locked=True)
        return [attempt_of(row) for row in connection.execute(query)]

    def hold_restored(self) -> int:
        """Hold what is queued if the database was restored from a backup; return how many attempts were held.

        They may have been sent since the backup was made, so a person decides. It is taken for a backup if it is
        another file or table than the one used last, or if listed processes had no heartbeat for `BACKUP_AGE`.
        """
        with self.database.writing() as connection:
            self.database.serialize(connection, "start")
            now, identity = self.now(), self.database.identity(connection)
            last = connection.execute(sa.select(installation)).first()
            seen = connection.execute(sa.select(sa.func.max(executors.c.seen_at))).scalar()
            change = sa.insert(installation).values(id=1) if last is None else sa.update(installation)
            connection.execute(change.values(identity=identity))
            copied = last is not None and last.identity != identity
            if not copied and (seen is None or now - seen < BACKUP_AGE):
                return 0
            # Texts are in no list where a person could decide about them, so they are cancelled.
            texts = sa.and_(sa.text("status = 'queued'"), attempts.c.makes == "text")
            connection.execute(sa.update(attempts).where(texts).values(cancelled_at(now)))
            held = connection.execute(sa.update(attempts).where(sa.text(QUEUED)).values(held=True)).rowcount
            waits = sa.select(attempts.c.batch).where(sa.text("batch <> ''"), attempts.c.held)
            paused = sa.update(batches).where(batches.c.id.in_(waits), batches.c.status == "running")
            connection.execute(paused.values(status="paused"))
            return held

    # What people do with queued attempts.

    def look_again(self, account: str, attempt_id: str) -> bool:
        """Have KIE polled once more for an unknown attempt that has a handle; return whether it will be.

        Nothing is sent. Not while another attempt for its subject is in flight.
        """
        with self.database.writing() as connection:
            row = connection.execute(sql_statements.GET_LOCKED, {"this": attempt_id}).first()
            unknown = row is not None and (row.account, row.status) == (account, Status.UNKNOWN.value)
            if row is None or not unknown or not row.handle or row.origin:
                return False
            self.database.serialize(connection, "add", account, row.subject)
            if _first(connection, sql_statements.SUBJECT_IN_FLIGHT, account, row.subject) is not None:
                return False
            values = {"status": Status.WORKING.value, "due_at": self.now(), "ended_at": None}
            connection.execute(sql_statements.CHANGE, values | {"this": attempt_id})
            add_event(connection, attempt_id, self.now(), "looked_again", {})
            return True

    def cancel(self, account: str, attempt_id: str) -> bool:
        """Cancel an attempt that is queued, pausing or held; return whether it still was."""
        with self.database.writing() as connection:
            queued = sa.and_(attempts.c.id == attempt_id, attempts.c.account == account, attempts.c.status == "queued")
            values = cancelled_at(self.now()) | {"cause": ITS_CAUSE_OR_CANCELLED}
            return bool(connection.execute(sa.update(attempts).where(queued).values(values)).rowcount)

    def send_held(self, account: str, attempt_id: str) -> bool:
        """Make a held attempt due; return whether it was held."""
        with self.database.writing() as connection:
            this = sa.and_(attempts.c.id == attempt_id, attempts.c.account == account, attempts.c.held)
            values = {"held": False, "due_at": self.now()}
            return bool(connection.execute(sa.update(attempts).where(this).values(values)).rowcount)

    # Reading.

    def get(self, account: str, attempt_id: str) -> Attempt | None:
        """Return one attempt of an account, whole."""
        with self.database.reading() as connection:
            return self._get(connection, account, attempt_id)

    def newest(self, account: str, limit: int, makes: str = "persona") -> list[Attempt]:
        """Return the newest attempts of an account, without their raw answers."""
        with self.database.reading() as connection:
            found = connection.execute(sql_statements.NEWEST, {"account": account, "makes": makes, "count": limit})
            return [attempt_of(row) for row in found]

    def states(self, attempt_ids: Sequence[str], unsaved: Mapping[str, Outcome]) -> dict[str, tuple[object, ...]]:
        """Return `Attempt.state` of each of these attempts, whosever they are, with outcomes that are not written."""
        columns = [attempts.c[name] for name in ("id", "status", "due_at", "repeats", "held")]
        found: dict[str, tuple[object, ...]] = {}
        with self.database.reading() as connection:
            for first in range(0, len(attempt_ids), 10_000):  # a statement takes some 30,000 values
                query = sa.select(*columns).where(attempts.c.id.in_(attempt_ids[first : first + 10_000]))
                for row in connection.execute(query):
                    status = unsaved[row.id].status if row.id in unsaved else Status(row.status)
                    saved = row.id not in unsaved
                    found[row.id] = Attempt.state_of(status, row.due_at, row.repeats, row.held, saved)
        return found

    def any_in_flight(self, account: str) -> bool:
        """Whether an attempt of this account has not ended yet."""
        with self.database.reading() as connection:
            return connection.execute(sql_statements.ANY_IN_FLIGHT, {"account": account}).first() is not None

    def _get(self, connection: sa.Connection, account: str, attempt_id: str) -> Attempt | None:
        row = connection.execute(sql_statements.GET, {"this": attempt_id, "account": account}).first()
        return attempt_of(row) if row else None


def _first(
    connection: sa.Connection, of_subject: sa.Select[Any], account: str, subject: str, but: str = ""
) -> Attempt | None:
    row = connection.execute(of_subject, {"account": account, "subject": subject, "but": but}).first()
    return attempt_of(row) if row else None


def _is_on_file(before: Attempt, outcome: Outcome) -> bool:
    """Whether a row has what KIE made, or the handle that it gave, already."""
    if outcome.status is Status.WORKING:
        return bool(outcome.handle) and outcome.handle == before.outcome.handle
    made = (before.status, before.persona_id, before.outcome.result)
    return made == (Status.CREATED, outcome.persona_id, outcome.result) and outcome.status is Status.CREATED


def _may_move(before: Attempt, claim: str, outcome: Outcome) -> bool:
    """Whether the outcome of a claim replaces what the row says by now.

    What KIE made does, and a handle, unless the row has what was made. A refusal, or a lost answer, does only if the
    row still has this claim and is `sending`, `working`, or was written off.
    """
    if outcome.status is Status.CREATED:
        return True
    if outcome.status is Status.WORKING or outcome.handle not in ("", before.outcome.handle):
        return before.status is not Status.CREATED
    lost = before.status is Status.UNKNOWN and (outcome.status is Status.REFUSED or before.outcome == GONE)
    return before.claim == claim and (lost or before.status in (Status.SENDING, Status.WORKING))


def _claimed_as(attempt: Attempt) -> sa.ColumnElement[bool]:
    return sa.and_(attempts.c.id == attempt.id, attempts.c.claim == attempt.claim, sa.text(SENDING))


def _postponed_as(attempt: Attempt) -> sa.ColumnElement[bool]:
    """Condition: queued again by this claim, and not claimed or cancelled since."""
    queued = sa.and_(attempts.c.id == attempt.id, attempts.c.claim == attempt.claim, sa.text("status = 'queued'"))
    return sa.and_(queued, attempts.c.repeats == attempt.repeats + 1)


def cancelled_at(moment: datetime) -> dict[str, Any]:
    """Return the columns of a queued attempt that is cancelled."""
    return {"status": Status.REFUSED.value, "cause": CANCELLED, "due_at": None, "held": False, "ended_at": moment}


def _request_of(row: Mapping[str, Any]) -> PersonaRequest:
    return PersonaRequest(**{name: row[name] for name in REQUEST})


def add_event(
    connection: sa.Connection, attempt_id: str, at: datetime, kind: str, detail: Mapping[str, str], author: str = ""
) -> None:
    """Add to an attempt's event log."""
    text = json.dumps(dict(detail), ensure_ascii=False)
    connection.execute(sa.insert(events).values(attempt_id=attempt_id, at=at, kind=kind, detail=text, author=author))
