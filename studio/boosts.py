"""Boosts: descriptions that KIE makes richer, for credits. Filed before it is asked, on disk before on screen.

A boost is cheap and can be asked for again, so it has no durable run: if the process dies meanwhile it is `unknown`.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from kie import KieClient, KieError, Sent
from studio.attempts import Status
from studio.schema import boosts, executors
from studio.store import LEASE, Store

log = logging.getLogger(__name__)

SAVE_TRIES, SAVE_PAUSE = 60, 2.0
"""How often an answer is tried to be written, and the seconds between."""


@dataclass(frozen=True, slots=True)
class Boost:
    """One boost as it stands on disk; `price` in credits, from KIE's answer."""

    id: str
    status: Status
    content: str
    text: str = ""
    price: float | None = None
    cause: str = ""
    code: int | None = None
    message: str = ""

    @property
    def state(self) -> tuple[object, ...]:
        """What a page that waits for it compares."""
        return (self.status,)


class Boosts:
    """The boosts of one database."""

    def __init__(self, store: Store, executor: str, tell: Callable[[str], None] = lambda boost_id: None) -> None:
        self._tell = tell
        self._engine = store.engine
        self._writer = store.engine.execution_options(write=True)
        self._now = store.now
        self._executor = executor

    def start(self, account: str, content: str, client: Callable[[], KieClient]) -> Boost:
        """Ask for a boost in the background; while one of this account is on its way, that one is returned."""
        with self._writer.begin() as connection:
            if connection.dialect.name == "postgresql":
                lock = sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(f"boost {account}", 0))
                connection.execute(sa.select(lock))
            self._write_off(connection, account)
            under_way = connection.execute(
                sa.select(boosts).where(boosts.c.account == account, boosts.c.status == Status.SENDING.value)
            ).first()
            if under_way is not None:
                return _read(under_way)
            row = {
                "id": uuid.uuid4().hex,
                "account": account,
                "status": Status.SENDING.value,
                "content": content,
                "created_at": self._now(),
                "executor": self._executor,
            }
            connection.execute(sa.insert(boosts).values(row))
        threading.Thread(target=self._send, args=(row["id"], content, client), name="boost").start()
        return Boost(str(row["id"]), Status.SENDING, content)

    def get(self, account: str, boost_id: str) -> Boost | None:
        """Return one boost of an account as it stands on disk."""
        with self._writer.begin() as connection:
            self._write_off(connection, account)
            row = connection.execute(
                sa.select(boosts).where(boosts.c.id == boost_id, boosts.c.account == account)
            ).first()
        return _read(row) if row is not None else None

    def _send(self, boost_id: str, content: str, client: Callable[[], KieClient]) -> None:
        values: dict[str, Any]
        try:
            with client() as line:
                made = line.boost_style(content)
            values = {"status": Status.CREATED.value, "text": made.text, "price": made.credits_consumed}
        except KieError as error:
            lost = error.sent is Sent.UNKNOWN
            values = {
                "status": (Status.UNKNOWN if lost else Status.REFUSED).value,
                "cause": error.cause.value,
                "code": error.code,
                "message": error.message,
            }
        except Exception as error:  # noqa: BLE001  # whatever it was, the request may have left
            log.error("Boost %s: %s", boost_id, type(error).__name__)
            values = {"status": Status.UNKNOWN.value, "cause": "no_answer"}
        for _ in range(SAVE_TRIES):
            try:
                with self._writer.begin() as connection:
                    connection.execute(sa.update(boosts).where(boosts.c.id == boost_id).values(values))
            except sa.exc.SQLAlchemyError as error:
                log.error("Boost %s could not be saved: %s", boost_id, type(error).__name__)
                time.sleep(SAVE_PAUSE)
            else:
                self._tell(boost_id)
                return

    def states(self, ids: Sequence[str]) -> dict[str, tuple[object, ...]]:
        """Return `Boost.state` of each of these boosts, whosever they are. Raises what the database raises."""
        status = sa.case((self._lost(), Status.UNKNOWN.value), else_=boosts.c.status)
        with self._engine.begin() as connection:
            rows = connection.execute(sa.select(boosts.c.id, status).where(boosts.c.id.in_(ids)))
            return {boost_id: (state,) for boost_id, state in rows}

    def _write_off(self, connection: sa.Connection, account: str) -> None:
        """What a gone process had asked for has no answer any more."""
        lost = sa.update(boosts).where(boosts.c.account == account, self._lost())
        connection.execute(lost.values(status=Status.UNKNOWN.value, cause="no_answer"))

    def _lost(self) -> sa.ColumnElement[bool]:
        alive = sa.select(executors.c.id).where(executors.c.seen_at > self._now() - LEASE)
        return sa.and_(
            boosts.c.status == Status.SENDING.value,
            boosts.c.executor != self._executor,
            boosts.c.executor.not_in(alive),
        )


def _read(row: Any) -> Boost:
    return Boost(row.id, Status(row.status), row.content, row.text, row.price, row.cause, row.code, row.message)
