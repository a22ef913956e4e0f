"""The SQL from the click to the outcome, built once at import: building it takes SQLAlchemy longer than running it.

`attempt_store.py` decides what is done with it.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from studio.database.tables import IN_FLIGHT, QUEUED, SENDING, WORKING, attempts, departures, executors
from studio.sending.rate_limit import nth_last_departure
from studio.sending.row_mapping import LISTED

_THIS = attempts.c.id == sa.bindparam("this")
_MINE = attempts.c.account == sa.bindparam("account")


def _first_two(what: int, condition: str, *more: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Return a query for the two attempts of an account that are due first."""
    order = sa.literal_column(str(what), sa.Integer).label("what")
    query = sa.select(order, attempts.c.due_at.label("at"), attempts.c.number, attempts.c.id)
    query = query.where(sa.text(condition), _MINE, attempts.c.due_at.is_not(None), *more)
    return query.order_by(attempts.c.due_at, attempts.c.number).limit(2).subquery().select()


def _claiming(condition: str, **values: Any) -> sa.sql.dml.ReturningUpdate[Any]:
    change = sa.update(attempts).where(_THIS, sa.text(condition)).values(executor=sa.bindparam("to"), **values)
    return change.returning(*attempts.c)


def _of_subject(condition: str) -> sa.Select[Any]:
    """Return a query for the newest attempt for a subject; imported ones come last."""
    others = attempts.c.subject == sa.bindparam("subject"), attempts.c.id != sa.bindparam("but")
    query = sa.select(attempts).where(_MINE, *others, sa.text(condition))
    return query.order_by(sa.case((attempts.c.origin == "", 0), else_=1), attempts.c.created_at.desc()).limit(1)


SUBJECT_IN_FLIGHT = _of_subject(IN_FLIGHT)
SUBJECT_CLICKED = _of_subject("origin = ''")
SUBJECT_MAY_EXIST = _of_subject("status IN ('created', 'unknown')")
GET_LOCKED = sa.select(attempts).where(_THIS).with_for_update()
CHANGE = sa.update(attempts).where(_THIS)
CHANGE_WORKING = CHANGE.where(sa.text(WORKING))
ANY_IN_FLIGHT = sa.select(sa.true()).where(_MINE, sa.text(IN_FLIGHT)).limit(1)
GET = sa.select(attempts).where(_THIS, _MINE)
_LIST = sa.select(*LISTED).where(_MINE, attempts.c.makes == sa.bindparam("makes"), attempts.c.deleted_at.is_(None))
NEWEST = _LIST.order_by(attempts.c.number.desc()).limit(sa.bindparam("count"))
TO_POLL, SINGLE, OF_A_BATCH, DEPARTED = range(4)
"""The rows of `NEXT`: attempts in the order in which they are claimed, and the departure that decides when."""
NEXT = sa.union_all(
    _first_two(TO_POLL, WORKING),
    _first_two(SINGLE, QUEUED, attempts.c.priority == 0),
    _first_two(OF_A_BATCH, QUEUED, attempts.c.priority == 1),
    nth_last_departure(DEPARTED),
)
CLAIM_POLL = _claiming(WORKING, due_at=sa.bindparam("until"))
_CLAIM_SEND = _claiming(QUEUED, status="sending", sent_at=sa.bindparam("moment"), claim=sa.bindparam("which"))
GONE_PROCESSES = sa.select(executors.c.id).where(executors.c.seen_at <= sa.bindparam("moment"))
SENDING_OF = sa.select(*LISTED).where(sa.text(SENDING), attempts.c.executor == sa.bindparam("executor"))
_WAITING = [sa.select(attempts.c.account).where(sa.text(condition)) for condition in (QUEUED, WORKING)]
ACCOUNTS_DUE = sa.union(*(query.where(attempts.c.due_at <= sa.bindparam("since")) for query in _WAITING))
_LATER = [query.where(attempts.c.due_at > sa.bindparam("moment")) for query in _WAITING]
DUE_LATER_THAN = sa.union_all(*_LATER).limit(1)
_LATE = [sa.update(attempts).where(sa.text(condition)) for condition in (QUEUED, WORKING)]
MAKE_DUE = [late.where(attempts.c.due_at > sa.bindparam("moment")).values(due_at=sa.bindparam("now")) for late in _LATE]
STILL_ALIVE = sa.update(executors).where(executors.c.id == sa.bindparam("this")).values(seen_at=sa.bindparam("now"))
_SENT = _CLAIM_SEND.cte("sent")
_ENTERED = sa.insert(departures).from_select(
    ["claim", "account", "at"], sa.select(_SENT.c.claim, _SENT.c.account, _SENT.c.sent_at)
)
CLAIM_SEND = {"sqlite": _CLAIM_SEND, "postgresql": sa.select(_SENT).add_cte(_ENTERED.cte("entered"))}
"""PostgreSQL inserts the departure in the same statement."""
