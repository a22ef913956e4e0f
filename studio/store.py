"""Attempts on disk. Every method is one short transaction; what may follow what is decided here and nowhere else."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from kie import PersonaRequest, Track
from studio.attempts import IN_FLIGHT, Attempt, NotSaved, Outcome, Settled, Status
from studio.schema import attempts, engine_for, events, executors, number_at, upgrade
from studio.words import searchable, sortable

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=8)
"""A process that has not been seen for this long is gone. Being wrong costs nothing: see `claim` and `finish`."""
LONGEST_WAIT = 60.0
"""Seconds after which a waiting attempt looks again, in case the clock was set back meanwhile."""
SAME_CLICK = timedelta(seconds=1)
"""The same request again within this time of the last one is a double click, whatever became of the first."""

GONE = Outcome.interrupted("The program stopped while the request was on its way.")
IN_FLIGHT_VALUES = [status.value for status in IN_FLIGHT]
MAY_EXIST = [Status.CREATED.value, Status.UNKNOWN.value]


class NeedsDecision(Exception):
    """This track has a persona, or an attempt whose outcome is unknown: a person decides before more is sent."""

    def __init__(self, earlier: Attempt) -> None:
        super().__init__(earlier.status)
        self.earlier = earlier


@dataclass(frozen=True, slots=True)
class Claim:
    """The answer to "may I send this attempt now?": yes with the attempt, later in `wait` seconds, or no."""

    attempt: Attempt | None = None
    wait: float | None = None


class Store:
    """The attempts of one database, shared by every process that uses it."""

    def __init__(self, database_url: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.engine = engine_for(database_url)
        self._writer = self.engine.execution_options(write=True)
        self.now = self._now = clock
        upgrade(self.engine)

    def close(self) -> None:
        """Close the connections."""
        self.engine.dispose()

    def add(
        self,
        account: str,
        request: PersonaRequest,
        executor: str,
        replaces: str = "",
        *,
        author: str = "",
        track: Track | None = None,
        credits_before: float | None = None,
    ) -> tuple[Attempt, bool]:
        """File a request as `queued`, and say whether it is new.

        It is not new while one for the same track is in flight, or within `SAME_CLICK` of an identical one: then
        the earlier attempt is returned. Raises `NeedsDecision` if the track's last attempt was created or is
        unknown, unless `replaces` names that attempt.
        """
        with self._writer.begin() as connection:
            self._one_at_a_time(connection, account, request.audio_id)
            of_track = sa.and_(attempts.c.account == account, attempts.c.audio_id == request.audio_id)
            in_flight = self._newest(connection, sa.and_(of_track, attempts.c.status.in_(IN_FLIGHT_VALUES)))
            if in_flight is not None:
                return in_flight, False
            newest = self._newest(connection, of_track)
            if newest is not None:
                age = self._now() - newest.created_at
                same_click = newest.request == request and timedelta(0) <= age < SAME_CLICK
                if same_click and newest.id != replaces:
                    return newest, False
            open_matter = self._newest(connection, sa.and_(of_track, attempts.c.status.in_(MAY_EXIST)))
            if open_matter is not None and open_matter.id != replaces:
                raise NeedsDecision(open_matter)
            row = {
                "id": uuid.uuid4().hex,
                "account": account,
                "status": Status.QUEUED.value,
                "created_at": self._now(),
                "replaces": replaces,
                "executor": executor,
                "author": author,
                "credits_before": credits_before,
                **asdict(request),
                **(track_columns(track) if track is not None else {}),
            }
            row |= found_by(row) | {"number": free_number(connection, row)}
            connection.execute(sa.insert(attempts).values(row))
            if open_matter is not None:
                same = open_matter.status is Status.UNKNOWN and open_matter.request == request
                add_event(
                    connection, replaces, self._now(), "asked_again" if same else "replaced", {"by": row["id"]}, author
                )
            return self._get(connection, row["id"]), True

    def claim(
        self, attempt_id: str, executor: str, *, can_send: bool, busy: bool, limit: int, period: timedelta
    ) -> Claim:
        """Move an attempt from `queued` to `sending` for this process; exactly one caller is told to go.

        `can_send` says that this process knows the token; without it the attempt is left for one that does. `busy`
        says that this process is sending the attempt at this moment. At most `limit` requests of an account leave
        in any `period`. An attempt that stands at `sending` although the process that sent it is gone becomes
        `unknown`: it may have arrived, so it is never sent again from here.
        """
        with self._writer.begin() as connection:
            attempt = self._get(connection, attempt_id)
            now = self._now()
            if attempt.status is Status.SENDING:
                alive = busy if attempt.executor == executor else attempt.executor in self._alive(connection)
                if not alive:
                    self._write_outcome(connection, attempt_id, GONE)
                return Claim()
            if attempt.status is not Status.QUEUED:
                return Claim()
            if not can_send:
                self._park(connection, attempt_id)
                return Claim()
            if attempt.wait_until and attempt.wait_until > now:
                return Claim(wait=min((attempt.wait_until - now).total_seconds(), LONGEST_WAIT))
            self._one_at_a_time(connection, attempt.account)
            sent = connection.execute(
                sa.select(attempts.c.sent_at)
                .where(attempts.c.account == attempt.account, attempts.c.sent_at > now - period)
                .order_by(attempts.c.sent_at.desc())
                .offset(limit - 1)
                .limit(1)
            ).scalar()
            if sent is not None:
                return Claim(wait=min(sent + period - now, period).total_seconds())
            claimed = connection.execute(
                sa.update(attempts)
                .where(attempts.c.id == attempt_id, attempts.c.status == Status.QUEUED.value)
                .values(status=Status.SENDING.value, sent_at=now, wait_until=None, executor=executor)
            )
            return Claim(self._get(connection, attempt_id)) if claimed.rowcount else Claim()

    def postpone(self, attempt_id: str, seconds: float, why: Outcome, executor: str) -> None:
        """Put an attempt that KIE certainly did not act on back to `queued`, to be sent again after a pause."""
        with self._writer.begin() as connection:
            connection.execute(
                sa.update(attempts)
                .where(attempts.c.id == attempt_id, _still_of(executor))
                .values(
                    status=Status.QUEUED.value,
                    wait_until=self._now() + timedelta(seconds=seconds),
                    repeats=attempts.c.repeats + 1,
                    cause=why.cause,
                    code=why.code,
                    message=why.message,
                    http_status=why.http_status,
                    raw=why.raw,
                )
            )

    def cancel(self, account: str, attempt_id: str) -> bool:
        """End the waiting of an attempt that KIE refused so far; say whether it was still waiting."""
        with self._writer.begin() as connection:
            waiting = sa.and_(
                attempts.c.id == attempt_id,
                attempts.c.account == account,
                attempts.c.status == Status.QUEUED.value,
                attempts.c.wait_until.is_not(None),
            )
            values = {"status": Status.REFUSED.value, "wait_until": None, "ended_at": self._now()}
            return bool(connection.execute(sa.update(attempts).where(waiting).values(values)).rowcount)

    def park(self, attempt_id: str) -> None:
        """Leave a queued attempt for any process that can work on it."""
        with self._writer.begin() as connection:
            self._park(connection, attempt_id)

    def finish(self, attempt_id: str, outcome: Outcome, executor: str) -> None:
        """Write how a request of this process ended, also if the process was taken for gone meanwhile.

        A persona ID is written whatever the row says by now: it is the truth.
        """
        with self._writer.begin() as connection:
            self._write_outcome(connection, attempt_id, outcome, _still_of(executor))

    def note_credits(self, attempt_id: str, credits_after: float) -> None:
        """Keep what KIE said was left after an attempt."""
        with self._writer.begin() as connection:
            connection.execute(
                sa.update(attempts).where(attempts.c.id == attempt_id).values(credits_after=credits_after)
            )

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Read for a page, in one transaction. Raises `NotSaved` if the database cannot be read."""
        try:
            with self.engine.begin() as connection:
                yield connection
        except sa.exc.SQLAlchemyError as error:
            log.exception("The database could not be read.")
            raise NotSaved from error

    def account_of(self, attempt_id: str) -> str | None:
        """Return whose attempt it is."""
        with self.engine.begin() as connection:
            return connection.execute(sa.select(attempts.c.account).where(attempts.c.id == attempt_id)).scalar()

    def get(self, account: str, attempt_id: str) -> Attempt | None:
        """Return one attempt of an account."""
        with self.reading() as connection:
            row = connection.execute(
                sa.select(attempts).where(attempts.c.id == attempt_id, attempts.c.account == account)
            ).first()
        return read(row) if row else None

    def states(self, ids: Sequence[str]) -> dict[str, tuple[object, ...]]:
        """Return `Attempt.state` of each of these attempts, whosever they are. Raises what the database raises."""
        columns = (attempts.c.id, attempts.c.status, attempts.c.wait_until, attempts.c.repeats)
        found: dict[str, tuple[object, ...]] = {}
        with self.engine.begin() as connection:
            for first in range(0, len(ids), 10_000):  # a statement takes some 30,000 values
                query = sa.select(*columns).where(attempts.c.id.in_(ids[first : first + 10_000]))
                found |= {row.id: (*row[1:], True) for row in connection.execute(query)}
        return found

    def newest(self, account: str, limit: int) -> list[Attempt]:
        """Return an account's newest attempts, the newest first, without the raw answers."""
        query = (
            sa.select(*LISTED)
            .where(attempts.c.account == account, attempts.c.deleted_at.is_(None))
            .order_by(attempts.c.number.desc())
            .limit(limit)
        )
        with self.reading() as connection:
            return [read(row) for row in connection.execute(query)]

    def adopt(self, accounts: Sequence[str], executor: str, busy: Sequence[str] = ()) -> list[str]:
        """Take over the queued attempts of these accounts that nobody works on; return their IDs.

        Nobody works on an attempt of no process or of a gone one, nor on one of this process that is not in `busy`.
        """
        if not accounts:
            return []
        with self._writer.begin() as connection:
            stranded = sa.and_(
                attempts.c.status == Status.QUEUED.value,
                attempts.c.account.in_(accounts),
                attempts.c.executor.not_in([other for other in self._alive(connection) if other != executor]),
                attempts.c.id.not_in(busy),
            )
            ids = list(connection.execute(sa.select(attempts.c.id).where(stranded)).scalars())
            if ids:
                connection.execute(
                    sa.update(attempts).where(stranded, attempts.c.id.in_(ids)).values(executor=executor)
                )
            return ids

    def write_off(self) -> None:
        """Move what gone processes had on its way to `unknown`, also where no run is left that could do it."""
        with self._writer.begin() as connection:
            lost = sa.and_(
                attempts.c.status == Status.SENDING.value, attempts.c.executor.not_in(self._alive(connection))
            )
            for attempt_id in connection.execute(sa.select(attempts.c.id).where(lost)).scalars().all():
                self._write_outcome(connection, attempt_id, GONE)

    def beat(self, executor: str) -> None:
        """Say that this process is alive."""
        with self._writer.begin() as connection:
            seen = sa.update(executors).where(executors.c.id == executor).values(seen_at=self._now())
            if not connection.execute(seen).rowcount:
                connection.execute(sa.insert(executors).values(id=executor, seen_at=self._now()))

    def leave(self, executor: str) -> None:
        """Take a process off the list."""
        with self._writer.begin() as connection:
            connection.execute(sa.delete(executors).where(executors.c.id == executor))

    def gone(self) -> list[str]:
        """Return the processes that are on the list and have not been seen for `LEASE`."""
        with self.engine.begin() as connection:
            dead = sa.select(executors.c.id).where(executors.c.seen_at <= self._now() - LEASE)
            return list(connection.execute(dead).scalars())

    def _park(self, connection: sa.Connection, attempt_id: str) -> None:
        queued = sa.and_(attempts.c.id == attempt_id, attempts.c.status == Status.QUEUED.value)
        connection.execute(sa.update(attempts).where(queued).values(executor=""))

    def _alive(self, connection: sa.Connection) -> list[str]:
        fresh = sa.select(executors.c.id).where(executors.c.seen_at > self._now() - LEASE)
        return list(connection.execute(fresh).scalars())

    def _get(self, connection: sa.Connection, attempt_id: str) -> Attempt:
        return read(connection.execute(sa.select(attempts).where(attempts.c.id == attempt_id)).one())

    def _newest(self, connection: sa.Connection, which: sa.ColumnElement[bool]) -> Attempt | None:
        query = sa.select(attempts).where(which).order_by(attempts.c.created_at.desc()).limit(1)
        row = connection.execute(query).first()
        return read(row) if row else None

    def _write_outcome(
        self,
        connection: sa.Connection,
        attempt_id: str,
        outcome: Outcome,
        still: sa.ColumnElement[bool] = attempts.c.status == Status.SENDING.value,
    ) -> None:
        this = attempts.c.id == attempt_id
        open_row = sa.true() if outcome.status is Status.CREATED else still
        values: dict[str, Any] = {"ended_at": self._now(), "wait_until": None, **asdict(outcome)}
        if outcome.status is Status.CREATED:
            values["words"] = attempts.c.words + " " + searchable([outcome.persona_id])
            before = self._get(connection, attempt_id)
            if before.status is Status.CREATED and before.persona_id == outcome.persona_id:
                return  # written before, although that was not heard
            values["settled"] = Settled.NOT.value
            if before.status is not Status.SENDING:  # a person, or another process, had given the answer up for lost
                detail = {"was": before.status.value, "persona_id": before.persona_id}
                add_event(connection, attempt_id, self._now(), "late_answer", detail)
            lost = sa.and_(
                attempts.c.id == before.replaces,
                attempts.c.account == before.account,
                attempts.c.status == Status.UNKNOWN.value,
            )
            asked_before = self._newest(connection, lost)
            if asked_before is not None and asked_before.request == before.request:
                connection.execute(sa.update(attempts).where(lost).values(settled=Settled.ASKED_AGAIN.value))
        connection.execute(sa.update(attempts).where(this, open_row).values(values))

    def _one_at_a_time(self, connection: sa.Connection, *about: str) -> None:
        """Let one transaction at a time decide about the same thing; SQLite's writers take turns anyway."""
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(" ".join(about), 0))))


def _still_of(executor: str) -> sa.ColumnElement[bool]:
    """Whether an attempt is on its way from this process, or was written off although the process lives."""
    written_off = sa.and_(attempts.c.status == Status.UNKNOWN.value, attempts.c.message == GONE.message)
    return sa.and_(attempts.c.executor == executor, sa.or_(attempts.c.status == Status.SENDING.value, written_off))


TRACK_FIELDS = ("title", "tags", "model", "duration", "audio_url", "image_url", "created_at")
REQUEST_FIELDS = ("task_id", "audio_id", "name", "description", "vocal_start", "vocal_end", "style")
FOUND_BY = (
    "name",
    "description",
    "style",
    "note",
    "tags",
    "track_title",
    "persona_id",
    "task_id",
    "audio_id",
    "author",
)
"""The columns whose words a search looks in."""
LISTED = [column for column in attempts.c if column.name not in ("raw", "words", "sort_name")]
"""The columns of a list: all but the bulky ones."""


class _Places:
    """Where the columns of a row stand: a list has many rows, and this is read once."""

    def __init__(self, columns: Iterable[sa.Column[Any]]) -> None:
        place = {column.name: index for index, column in enumerate(columns)}
        self.names = [field.name for field in fields(Attempt) if field.name in place]
        self.values = itemgetter(*(place[name] for name in self.names))
        self.request = itemgetter(*(place[name] for name in REQUEST_FIELDS))
        self.track = itemgetter(*(place[f"track_{name}"] for name in TRACK_FIELDS))


_PLACES = {len(columns): _Places(columns) for columns in (LISTED, list(attempts.c))}


def read(row: Any) -> Attempt:
    """Make an attempt of a row with all columns of its table, or with `LISTED`."""
    places = _PLACES[len(row)]
    request = PersonaRequest(*places.request(row))
    track = places.track(row)
    values = dict(zip(places.names, places.values(row), strict=True))
    values["status"] = Status(values["status"])
    values["settled"] = Settled(values["settled"])
    values["tags"] = tuple(values["tags"].split("\n")) if values["tags"] else ()
    if any(track):
        values["track"] = Track(request.audio_id, **dict(zip(TRACK_FIELDS, track, strict=True)))
    return Attempt(request=request, **values)


def track_columns(track: Track) -> dict[str, Any]:
    """Return what an attempt's row keeps of its track."""
    return {f"track_{name}": getattr(track, name) for name in TRACK_FIELDS}


def found_by(row: Mapping[str, Any]) -> dict[str, str]:
    """Return the columns by which a row is searched and sorted."""
    return {"words": searchable(row.get(name) or "" for name in FOUND_BY), "sort_name": sortable(row["name"])}


def free_number(connection: sa.Connection, row: Mapping[str, Any]) -> int:
    """Return a place in time for a new row that no other has."""
    number = number_at(row["created_at"], row["id"])
    while connection.execute(sa.select(sa.true()).where(attempts.c.number == number)).first():
        number += 1
    return number


def add_event(
    connection: sa.Connection, attempt_id: str, at: datetime, kind: str, detail: Mapping[str, str], author: str = ""
) -> None:
    """Add to an attempt's story."""
    text = json.dumps(dict(detail), ensure_ascii=False)
    connection.execute(sa.insert(events).values(attempt_id=attempt_id, at=at, kind=kind, detail=text, author=author))
