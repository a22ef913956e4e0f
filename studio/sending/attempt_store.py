"""Attempts on disk. Every method is one short transaction; what may follow what is decided here and nowhere else.

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
from studio.database.tables import (
    IN_FLIGHT,
    QUEUED,
    SENDING,
    WORKING,
    attempts,
    batches,
    departures,
    events,
    executors,
    installation,
)
from studio.exceptions import MaybeSaved, NotSaved
from studio.sending import sql_statements
from studio.sending.attempts import CANCELLED, Attempt, NeedsDecision, NotAllowed, Outcome, Seen, Settled, Status
from studio.sending.kinds import BatchItem, Kind, kind_named
from studio.sending.processes import LEASE, Processes
from studio.sending.row_mapping import (
    LISTED,
    REQUEST,
    blank_row,
    columns_of,
    found_by,
    free_number,
    outcome_columns,
    read,
    track_columns,
)

BACKUP_AGE = timedelta(minutes=10)
"""A database whose processes stopped so long ago without a word may have been brought back from a backup."""
LONGEST_WAIT = timedelta(seconds=120)
"""No pause is longer: a queued attempt that is due later than this was filed by a clock that was wrong."""
LOOK_LEASE = timedelta(seconds=60)
"""While a process asks for the result of an attempt, others leave it alone for so long."""
SAME_CLICK = timedelta(seconds=1)
"""The same request again within this time of the last one is a double click, whatever became of the first."""
LEAST_KEPT = timedelta(minutes=1)
"""How long an account's departures are kept at least."""
FORGETTING = "0"
"""A claim whose name begins so forgets its account's old departures: one of sixteen."""
SLACK = 0.02
"""The part of its period that is added to the rate limit, because requests are not equally long on their way."""

GONE = Outcome.interrupted("The program stopped while the request was on its way.")
OF_CANCELLED = sa.exists().where(batches.c.id == attempts.c.batch, batches.c.status == "cancelled")
"""Of an attempt: that it belongs to a batch that was cancelled."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The answer to "what is next for this account?": an attempt to send or to look for, and when to ask again.

    `at` is None where nothing else waits. A queued attempt that was claimed is `sending`; a working one stays so.
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
        """File a request as `queued`, and say whether it is new.

        It is not new while one for the same subject is in flight, or within `SAME_CLICK` of an identical one: then
        the earlier attempt is returned. Raises `NeedsDecision` if what the subject made last was created or is
        unknown, unless `replaces` names that attempt as it stands, `NotAllowed` if it names one that is not there any
        more, and `MaybeSaved` if the database broke off so that nobody knows whether it is filed.
        """
        row = self._new_row(account, kind, body, request) | {
            "author": author,
            "credits_before": credits_before,
            "replaces": replaces.id if replaces else "",
            **(track_columns(track) if track is not None else {}),
        }
        try:
            with self.database.writing() as connection:
                return self._file(connection, kind, row, replaces)
        except sa.exc.IntegrityError:  # in this moment a late handle put another attempt for the subject in flight
            with self.database.reading() as connection:
                found = _first(connection, sql_statements.SUBJECT_IN_FLIGHT, account, row["subject"])
            if found is None:
                raise NotSaved from None
            return found, False
        except CommitInDoubt:
            try:
                found = self._read_back(account, row["subject"], row["id"])
            except NotSaved:
                raise MaybeSaved from None
            if found is None:
                raise NotSaved from None
            return found, True

    def _read_back(self, account: str, subject: str, attempt_id: str) -> Attempt | None:
        """Look whether a row was filed after all, under the lock that a transaction in doubt still holds."""
        with self.database.writing() as connection:
            self.database.one_at_a_time(connection, "add", account, subject)
            row = connection.execute(sa.select(attempts).where(attempts.c.id == attempt_id)).first()
        return read(row) if row else None

    def add_to_batch(
        self, account: str, batch_id: str, items: Sequence[BatchItem], author: str
    ) -> list[Attempt | NeedsDecision]:
        """File some rows of a batch in one transaction, held; return what came of each."""
        filed: list[Attempt | NeedsDecision] = []
        with self.database.writing() as connection:
            batch = sa.select(batches.c.status).where(batches.c.id == batch_id).with_for_update()
            if connection.execute(batch).scalar() == "cancelled":
                return filed
            for index, item in enumerate(items):
                moment = self.now() + timedelta(microseconds=index)  # so that rows of one moment keep their order
                row = self._new_row(account, item.kind, item.body, item.request) | {
                    "created_at": moment,
                    "author": author,
                    "batch": batch_id,
                    "priority": 1,
                    "held": True,
                    **(track_columns(item.track) if item.track is not None else {}),
                }
                try:
                    filed.append(self._file(connection, item.kind, row, None)[0])
                except NeedsDecision as needed:
                    filed.append(needed)
        return filed

    def _new_row(self, account: str, kind: Kind, body: str, request: PersonaRequest | None) -> dict[str, Any]:
        now, attempt_id = self.now(), uuid.uuid4().hex
        asked = request or PersonaRequest("", "", "", "")
        return blank_row() | {
            "id": attempt_id,
            "account": account,
            "kind": kind.name,
            "makes": kind.makes,
            "subject": kind.subject(attempt_id, body),
            "body": body,
            "status": Status.QUEUED.value,
            "created_at": now,
            "due_at": now,
            **{name: getattr(asked, name) for name in REQUEST},
        }

    def _file(
        self, connection: sa.Connection, kind: Kind, row: dict[str, Any], replaces: Seen | None
    ) -> tuple[Attempt, bool]:
        account, subject = row["account"], row["subject"]
        self.database.one_at_a_time(connection, "add", account, subject)
        in_flight = _first(connection, sql_statements.SUBJECT_IN_FLIGHT, account, subject)
        if in_flight is not None:
            return in_flight, False
        newest = _first(connection, sql_statements.SUBJECT_CLICKED, account, subject)
        if newest is not None and newest.seen != replaces:
            age = row["created_at"] - newest.created_at
            same = newest.request == _request_of(row) and newest.body in ("", row["body"])
            if same and timedelta(0) <= age < SAME_CLICK:
                return newest, False
        open_matter = _first(connection, sql_statements.SUBJECT_MAY_EXIST, account, subject)
        if kind.once and (open_matter.seen if open_matter is not None else None) != replaces:
            about = open_matter or self._get(connection, account, row["replaces"])
            if about is None:
                raise NotAllowed("It is not in the library any more, so nothing was sent. Look again, then decide.")
            raise NeedsDecision(about, stale=replaces is not None)
        row |= found_by(row) | {"number": free_number(connection, row)}
        connection.execute(sa.insert(attempts), row)
        if replaces is not None and open_matter is not None:
            again = open_matter.status is Status.UNKNOWN and open_matter.request == _request_of(row)
            what = "asked_again" if again else "replaced"
            add_event(connection, replaces.id, row["created_at"], what, {"by": row["id"]}, row["author"])
        return read(connection.execute(sql_statements.GET, {"this": row["id"], "account": account}).one()), True

    # Sending.

    def claim(self, account: str, executor: str, *, limit: int, period: timedelta) -> Claim:
        """Give this process the account's next attempt that is due, or say when one will be.

        Exactly one caller is given a queued attempt: it stands at `sending` from then on, under a name of its own
        (`Attempt.claim`). At most `limit` requests of an account leave in any stretch of `period`, whoever sends
        them. Single attempts go before those of a batch, the longest due first.
        """
        period *= 1 + SLACK
        with self.database.writing() as connection:
            self.database.one_at_a_time(connection, "claim", account)
            now = self.now()
            # Another server's clock may be ahead, so what left less than a period in the future counts too.
            stretch = {"after": now - period, "until": now + period, "nth": limit - 1}
            found = connection.execute(sql_statements.NEXT, {"account": account} | stretch).all()
            waits = sorted(
                (row for row in found if row.what != sql_statements.DEPARTED), key=lambda row: tuple(row)[:3]
            )
            gate = next((min(row.at, now) + period for row in found if row.what == sql_statements.DEPARTED), None)
            due = next((row for row in waits if row.at <= now), None)
            if due is not None and due.what != sql_statements.LOOKED_FOR and gate is not None:
                looks = [row.at for row in waits if row.what == sql_statements.LOOKED_FOR]
                return Claim(at=min([gate, *looks]))
            at = min((row.at for row in waits if row is not due), default=None)
            if due is None:
                return Claim(at=at)
            values: dict[str, object] = {"this": due.id, "to": executor}
            if due.what == sql_statements.LOOKED_FOR:
                claimed = connection.execute(sql_statements.LOOK_FOR, values | {"until": now + LOOK_LEASE}).first()
            else:
                values |= {"which": uuid.uuid4().hex, "whose": account, "moment": now}
                claimed = connection.execute(sql_statements.SEND[self.database.kind], values).first()
                if claimed is not None and self.database.kind == "sqlite":
                    connection.execute(sql_statements.ENTER_DEPARTURE, values)
                if str(values["which"]).startswith(FORGETTING):
                    old = now - max(2 * period, LEAST_KEPT)
                    connection.execute(sql_statements.FORGET_DEPARTURES, {"whose": account, "old": old})
            if claimed is None:
                return Claim(at=now)  # in this moment it was cancelled, paused, or its outcome was written
            return Claim(read(claimed), at)

    def record_departure(self, attempt: Attempt, ahead: timedelta = timedelta(0)) -> bool:
        """Note that a claimed request leaves only now, or so much later, which is what the rate limit counts.

        Says whether it may: not if it was given up for lost meanwhile.
        """
        with self.database.writing() as connection:
            mine = sa.select(attempts.c.id).where(
                attempts.c.id == attempt.id, attempts.c.claim == attempt.claim, sa.text(SENDING)
            )
            if connection.execute(mine).first() is None:
                return False
            entry = {"which": attempt.claim, "whose": attempt.account, "moment": self.now() + ahead}
            this = departures.c.claim == attempt.claim
            if not connection.execute(sa.update(departures).where(this).values(at=entry["moment"])).rowcount:
                connection.execute(sql_statements.ENTER_DEPARTURE, entry)
            return True

    def release(self, attempt: Attempt) -> bool:
        """Put a claimed attempt that never left back into the queue; say whether it still was this claim's.

        One of a batch that was cancelled meanwhile is cancelled.
        """
        with self.database.writing() as connection:
            mine = sa.and_(attempts.c.id == attempt.id, attempts.c.claim == attempt.claim, sa.text(SENDING))
            queued = {"status": Status.QUEUED.value, "due_at": self.now(), "sent_at": None}
            ended = {"status": Status.REFUSED.value, "due_at": None, "held": False, "ended_at": self.now()}
            ended |= {"cause": CANCELLED, "sent_at": None}
            done = connection.execute(sa.update(attempts).where(mine, OF_CANCELLED).values(ended)).rowcount
            done = done or connection.execute(sa.update(attempts).where(mine).values(queued)).rowcount
            if done:
                connection.execute(sa.delete(departures).where(departures.c.claim == attempt.claim))
            return bool(done)

    def postpone(self, attempt: Attempt, seconds: float, why: Outcome) -> bool:
        """Put an attempt that KIE certainly did not act on back into the queue, to be sent again after a pause.

        Says whether it was, now or by an earlier call of which nobody heard. One that was written off meanwhile stays
        so, because it was given up for lost and may have been replaced, and nothing more of a cancelled batch is sent:
        the answer is an outcome then.
        """
        with self.database.writing() as connection:
            mine = sa.and_(attempts.c.id == attempt.id, attempts.c.claim == attempt.claim, sa.text(SENDING))
            values = outcome_columns(replace(why, status=Status.QUEUED)) | {
                "due_at": self.now() + timedelta(seconds=seconds),
                "repeats": attempt.repeats + 1,
            }
            if connection.execute(sa.update(attempts).where(mine, sa.not_(OF_CANCELLED)).values(values)).rowcount:
                return True
            row = connection.execute(sa.select(attempts).where(attempts.c.id == attempt.id)).first()
            done = (Status.QUEUED.value, attempt.claim, attempt.repeats + 1)
            return row is not None and (row.status, row.claim, row.repeats) == done

    def finish(self, attempt: Attempt, outcome: Outcome) -> None:
        """Write how a claimed request ended, or that KIE works on it.

        Also if the attempt was taken for lost meanwhile, was settled by a person, deleted or forgotten: what KIE made
        is written whatever the row says by now, because it is the truth. A refusal is written unless the row is another
        claim's, or a person wrote an ID by hand.
        """
        with self.database.writing() as connection:
            row = connection.execute(sql_statements.GET_LOCKED, {"this": attempt.id}).first()
            if row is None:  # forgotten meanwhile
                if outcome.status in (Status.CREATED, Status.WORKING) or outcome.result:
                    self._file_again(connection, attempt, outcome)
                return
            before = read(row)
            if before.outcome == outcome or _is_on_file(before, outcome):
                return  # written before, although that was not heard
            outcome = self._unless_superseded(connection, row.account, row.subject, row.id, outcome)
            if _may_move(before, attempt.claim, outcome):
                self._write(connection, before, outcome)
            elif before.claim == attempt.claim and before.status is not Status.QUEUED:
                # A person was quicker; nothing that KIE says is lost.
                self._late(connection, before, outcome)
                if outcome.handle:
                    connection.execute(sql_statements.CHANGE, {"this": before.id, "handle": outcome.handle})

    def _unless_superseded(
        self, connection: sa.Connection, account: str, subject: str, attempt_id: str, outcome: Outcome
    ) -> Outcome:
        """Return what is to be written: work for a subject of which another attempt is in flight is not waited for."""
        if outcome.status is not Status.WORKING or not _first(
            connection, sql_statements.SUBJECT_IN_FLIGHT, account, subject, attempt_id
        ):
            return outcome
        return replace(outcome, status=Status.UNKNOWN, cause=Cause.NO_ANSWER.value)

    def look_again(self, attempt: Attempt, after: timedelta) -> None:
        """Note when a working attempt is looked for next."""
        with self.database.writing() as connection:
            working = sa.and_(attempts.c.id == attempt.id, sa.text(WORKING))
            connection.execute(sa.update(attempts).where(working).values(due_at=self.now() + after))

    def note_credits(self, attempt_id: str, credits_after: float) -> None:
        """Keep what KIE said was left after an attempt."""
        with self.database.writing() as connection:
            connection.execute(sql_statements.CHANGE, {"this": attempt_id, "credits_after": credits_after})

    def _write(self, connection: sa.Connection, before: Attempt, outcome: Outcome) -> None:
        now = self.now()
        working = outcome.status is Status.WORKING
        look_at = now + kind_named(before.kind).look_again_after(timedelta(0)) if working else None
        values = outcome_columns(outcome) | {
            "due_at": look_at,
            "ended_at": None if working else now,
            "held": False,
        }
        if not outcome.handle and before.outcome.handle:
            values["handle"] = before.outcome.handle
        if outcome.status in (Status.CREATED, Status.WORKING) or outcome.handle:
            values |= {"settled": Settled.NOT.value, "deleted_at": None}
        if before.status not in (Status.SENDING, Status.WORKING) or before.deleted_at is not None:
            self._late(connection, before, outcome)
        if outcome.status is Status.CREATED:
            values["words"] = found_by(columns_of(before) | values)["words"]
            self._settle_what_was_asked_again(connection, before)
        connection.execute(sql_statements.CHANGE, values | {"this": before.id})

    def _settle_what_was_asked_again(self, connection: sa.Connection, by: Attempt) -> None:
        earlier = connection.execute(
            sa.select(attempts).where(
                attempts.c.id == by.replaces,
                attempts.c.account == by.account,
                attempts.c.status == Status.UNKNOWN.value,
            )
        ).first()
        if earlier is not None and read(earlier).request == by.request:
            this = sa.and_(attempts.c.id == by.replaces, attempts.c.status == Status.UNKNOWN.value)
            connection.execute(sa.update(attempts).where(this).values(settled=Settled.ASKED_AGAIN.value))

    def _late(self, connection: sa.Connection, before: Attempt, outcome: Outcome) -> None:
        """Tell in the story that an answer came after it had been given up for lost."""
        was = "deleted" if before.deleted_at is not None else before.status.value
        detail = {"was": was, "persona_id": before.persona_id}
        more = {"message": outcome.message, "seen_id": str(outcome.result.get("seen_id", "")), "raw": outcome.raw}
        detail |= {name: text[:500] for name, text in more.items() if text and outcome.status is not Status.CREATED}
        add_event(connection, before.id, self.now(), "late_answer", detail)

    def _file_again(self, connection: sa.Connection, attempt: Attempt, outcome: Outcome) -> None:
        """File an attempt anew that was forgotten before its answer came."""
        row = blank_row() | columns_of(attempt)
        outcome = self._unless_superseded(connection, attempt.account, row["subject"], attempt.id, outcome)
        due, ended = (self.now(), None) if outcome.status is Status.WORKING else (None, self.now())
        row |= outcome_columns(outcome) | {"due_at": due, "ended_at": ended}
        row |= found_by(row) | {"number": free_number(connection, row)}
        connection.execute(sa.insert(attempts), row)
        add_event(connection, attempt.id, self.now(), "late_answer", {"was": "forgotten"})

    # What is due, and what a process left behind.

    def accounts_due(self, accounts: Sequence[str], since: timedelta = timedelta(0)) -> list[str]:
        """Return those of these accounts that have something to send or to look for, due `since` ago or longer."""
        if not accounts:
            return []
        with self.database.reading() as connection:
            found = set(connection.execute(sql_statements.ACCOUNTS_DUE, {"since": self.now() - since}).scalars())
        return sorted(found & set(accounts))

    def mend_times(self) -> None:
        """Let attempts go that are due implausibly late, because the clock was set back after they were filed."""
        with self.database.reading() as connection:
            far = connection.execute(sql_statements.DUE_LATER_THAN, {"moment": self.now() + LONGEST_WAIT}).first()
        if far:
            with self.database.writing() as connection:
                for condition in (QUEUED, WORKING):
                    late = sa.and_(sa.text(condition), attempts.c.due_at > self.now() + LONGEST_WAIT)
                    connection.execute(sa.update(attempts).where(late).values(due_at=self.now()))

    def sending_of(self, executor: str) -> list[Attempt]:
        """Return what a process is sending, as far as the database knows."""
        with self.database.reading() as connection:
            return [read(row) for row in connection.execute(sql_statements.SENDING_OF, {"executor": executor})]

    def write_off(self) -> list[str]:
        """Move what gone processes were sending to `unknown`; return the IDs."""
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
        if to_write:  # one whose answer is being written in this moment is not lost
            query = query.with_for_update(skip_locked=True)
        return [read(row) for row in connection.execute(query)]

    def hold_what_was_restored(self) -> int:
        """Hold what is queued in a database that was brought back from a backup, and return how many attempts that are.

        It may have been sent since the backup was made, so a person decides. A backup is told by being another file or
        table than the one that was used last, or by processes that stopped without a word `BACKUP_AGE` ago or longer.
        """
        with self.database.writing() as connection:
            self.database.one_at_a_time(connection, "start")
            now, identity = self.now(), self.database.identity(connection)
            last = connection.execute(sa.select(installation)).first()
            seen = connection.execute(sa.select(sa.func.max(executors.c.seen_at))).scalar()
            if last is None:
                connection.execute(sa.insert(installation).values(id=1, identity=identity))
            else:
                connection.execute(sa.update(installation).values(identity=identity))
            copied = last is not None and last.identity != identity
            if not copied and (seen is None or now - seen < BACKUP_AGE):
                return 0
            # Nobody finds a text in a list that could be asked about, so it ends; nothing of it was sent.
            texts = sa.and_(sa.text("status = 'queued'"), attempts.c.makes == "text")
            ended = {"status": Status.REFUSED.value, "cause": CANCELLED, "due_at": None, "held": False, "ended_at": now}
            connection.execute(sa.update(attempts).where(texts).values(ended))
            held = connection.execute(sa.update(attempts).where(sa.text(QUEUED)).values(held=True)).rowcount
            waits = sa.select(attempts.c.batch).where(sa.text("batch <> ''"), attempts.c.held)
            paused = sa.update(batches).where(batches.c.id.in_(waits), batches.c.status == "running")
            connection.execute(paused.values(status="paused"))
            return held

    # What people do with what waits.

    def cancel(self, account: str, attempt_id: str) -> bool:
        """End an attempt that is queued, waiting or held; say whether it still was."""
        with self.database.writing() as connection:
            row = connection.execute(sql_statements.GET_LOCKED, {"this": attempt_id}).first()
            if row is None or row.account != account or row.status != Status.QUEUED.value:
                return False
            before = read(row).outcome
            outcome = replace(before, status=Status.REFUSED, cause=before.cause or CANCELLED)
            values = outcome_columns(outcome) | {"due_at": None, "held": False, "ended_at": self.now()}
            connection.execute(sql_statements.CHANGE, values | {"this": attempt_id})
            return True

    def send_held(self, account: str, attempt_id: str) -> bool:
        """Let a held attempt be sent; say whether it was held."""
        with self.database.writing() as connection:
            this = sa.and_(attempts.c.id == attempt_id, attempts.c.account == account, attempts.c.held)
            values = {"held": False, "due_at": self.now()}
            return bool(connection.execute(sa.update(attempts).where(this).values(values)).rowcount)

    # Looking.

    def get(self, account: str, attempt_id: str) -> Attempt | None:
        """Return one attempt of an account, whole."""
        with self.database.reading() as connection:
            return self._get(connection, account, attempt_id)

    def newest(self, account: str, limit: int, makes: str = "persona") -> list[Attempt]:
        """Return the newest attempts of an account, without their raw answers."""
        with self.database.reading() as connection:
            found = connection.execute(sql_statements.NEWEST, {"account": account, "makes": makes, "count": limit})
            return [read(row) for row in found]

    def states(self, attempt_ids: Sequence[str]) -> dict[str, tuple[Any, ...]]:
        """Return `Attempt.state` of each of these attempts, whosever they are."""
        columns = [attempts.c[name] for name in ("id", "status", "due_at", "repeats", "held")]
        found: dict[str, tuple[Any, ...]] = {}
        with self.database.reading() as connection:
            for first in range(0, len(attempt_ids), 10_000):  # a statement takes some 30,000 values
                query = sa.select(*columns).where(attempts.c.id.in_(attempt_ids[first : first + 10_000]))
                for row in connection.execute(query):
                    waits = row.status == Status.QUEUED.value and row.repeats
                    found[row.id] = (row.status, row.due_at if waits else None, row.repeats, row.held, True)
        return found

    def any_in_flight(self, account: str) -> bool:
        """Whether an attempt of this account has not ended yet."""
        query = sa.select(sa.true()).where(attempts.c.account == account, sa.text(IN_FLIGHT)).limit(1)
        with self.database.reading() as connection:
            return connection.execute(query).first() is not None

    def _get(self, connection: sa.Connection, account: str, attempt_id: str) -> Attempt | None:
        row = connection.execute(sql_statements.GET, {"this": attempt_id, "account": account}).first()
        return read(row) if row else None


def _first(
    connection: sa.Connection, of_subject: sa.Select[Any], account: str, subject: str, but: str = ""
) -> Attempt | None:
    row = connection.execute(of_subject, {"account": account, "subject": subject, "but": but}).first()
    return read(row) if row else None


def _is_on_file(before: Attempt, outcome: Outcome) -> bool:
    """Whether a row tells already what KIE made, or the handle that it gave; it may tell more by now."""
    if outcome.status is Status.WORKING:
        return bool(outcome.handle) and outcome.handle == before.outcome.handle
    made = (before.status, before.persona_id, before.outcome.result)
    return made == (Status.CREATED, outcome.persona_id, outcome.result) and outcome.status is Status.CREATED


def _may_move(before: Attempt, claim: str, outcome: Outcome) -> bool:
    """Whether the answer to a claim is written over what the row says by now.

    What KIE made always is, and a handle, unless it is known what was made. A refusal, or that no answer came, is only
    if the claim is still the row's and nobody has said more: the request is on its way, or was given up for lost.
    """
    if outcome.status is Status.CREATED:
        return True
    if outcome.status is Status.WORKING or outcome.handle not in ("", before.outcome.handle):
        return before.status is not Status.CREATED
    lost = before.status is Status.UNKNOWN and (outcome.status is Status.REFUSED or before.outcome == GONE)
    return before.claim == claim and (lost or before.status in (Status.SENDING, Status.WORKING))


def _request_of(row: Mapping[str, Any]) -> PersonaRequest:
    return PersonaRequest(**{name: row[name] for name in REQUEST})


def add_event(
    connection: sa.Connection, attempt_id: str, at: datetime, kind: str, detail: Mapping[str, str], author: str = ""
) -> None:
    """Add to an attempt's story."""
    text = json.dumps(dict(detail), ensure_ascii=False)
    connection.execute(sa.insert(events).values(attempt_id=attempt_id, at=at, kind=kind, detail=text, author=author))
