"""Batches: attempts that are started together, and can be paused, resumed and cancelled together."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice

import sqlalchemy as sa

from studio.database.tables import attempts, batches
from studio.sending.attempt_store import ITS_CAUSE_OR_CANCELLED, Store, cancelled_at
from studio.sending.attempts import Attempt, NeedsDecision, Status
from studio.sending.kinds import BatchItem

PORTION = 200
"""Rows of one transaction, so that other transactions do not wait long."""


class BatchStatus(StrEnum):
    """What a person decided about a batch."""

    RUNNING = "running"
    PAUSED = "paused"
    """What was not sent is held."""
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch, and how many of its attempts have which status."""

    id: str
    name: str
    status: BatchStatus
    created_at: datetime
    author: str
    counts: dict[Status, int]


class Batches:
    """The batches of one database. Every method takes the account first, and sees nothing of another one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._database = store.database

    def start(
        self, account: str, name: str, items: Iterable[BatchItem], author: str = ""
    ) -> tuple[str, list[Attempt | NeedsDecision]]:
        """File a batch; return its ID, and for each item its attempt, new or in flight already, or the needed decision.

        The batch is filed as paused and then resumed, so that nothing leaves before all is filed.
        """
        batch_id = uuid.uuid4().hex
        row = {"id": batch_id, "account": account, "name": name, "author": author, "created_at": self._store.now()}
        with self._database.writing() as connection:
            connection.execute(sa.insert(batches).values(row | {"status": BatchStatus.PAUSED.value}))
        filed: list[Attempt | NeedsDecision] = []
        remaining = iter(items)
        while portion := list(islice(remaining, PORTION)):
            filed += self._store.add_to_batch(account, batch_id, portion, author)
        self.resume(account, batch_id)
        return batch_id, filed

    def pause(self, account: str, batch_id: str) -> None:
        """Hold what was not sent of a batch; what is in flight goes on."""
        self._mark(account, batch_id, BatchStatus.PAUSED, held=True)

    def resume(self, account: str, batch_id: str) -> None:
        """Make what is held of a paused batch due."""
        self._mark(account, batch_id, BatchStatus.RUNNING, held=False)

    def cancel(self, account: str, batch_id: str) -> int:
        """Cancel what was not sent yet; return how many attempts that were."""
        self._mark(account, batch_id, BatchStatus.CANCELLED, held=True)
        cancelled = 0
        mine = sa.and_(attempts.c.batch == batch_id, attempts.c.account == account, attempts.c.status == "queued")
        while True:
            with self._database.writing() as connection:
                some = connection.execute(sa.select(attempts.c.id).where(mine).limit(PORTION)).scalars().all()
                values = cancelled_at(self._store.now()) | {"cause": ITS_CAUSE_OR_CANCELLED}
                this = sa.and_(attempts.c.id.in_(some), mine)  # as it is now: one may just have been claimed
                cancelled += connection.execute(sa.update(attempts).where(this).values(values)).rowcount
            if len(some) < PORTION:
                return cancelled

    def get(self, account: str, batch_id: str) -> Batch | None:
        """Return a batch, or None if the account has none of this ID."""
        with self._database.reading() as connection:
            this = sa.and_(batches.c.id == batch_id, batches.c.account == account)
            row = connection.execute(sa.select(batches).where(this)).first()
            if row is None:
                return None
            mine = sa.and_(sa.text("batch <> ''"), attempts.c.batch == batch_id)
            query = sa.select(attempts.c.status, sa.func.count()).where(mine).group_by(attempts.c.status)
            counts = {Status(status): count for status, count in connection.execute(query)}
        return Batch(row.id, row.name, BatchStatus(row.status), row.created_at, row.author, counts)

    def _mark(self, account: str, batch_id: str, status: BatchStatus, *, held: bool) -> None:
        with self._database.writing() as connection:
            this = sa.and_(batches.c.id == batch_id, batches.c.account == account, batches.c.status != "cancelled")
            if not connection.execute(sa.update(batches).where(this).values(status=status.value)).rowcount:
                return
            # Also what is being sent, for if KIE asks to wait, it is queued again.
            mine = sa.and_(attempts.c.batch == batch_id, attempts.c.status.in_(("queued", "sending")))
            connection.execute(sa.update(attempts).where(mine).values(held=held))
