"""The rate limit: at most so many requests of an account leave in any stretch of a period, from whatever process.

It counts departures, a table of its own, when an attempt is claimed (`Store.claim`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from studio.database.tables import departures

SLACK = 0.02
"""The part that is added to the period, because requests take different times to reach KIE."""
LATE = 0.25
"""A request that leaves later than its recorded departure by this part of the slack is recorded anew."""
ENTRIES = 3
"""How often a departure is recorded anew at most. Then the request leaves: the database may always be this slow."""
TOO_LATE = 2.0
"""Seconds after its claim from which on a request may not leave: it would break the rate limit, and another process may
have written it off."""
LEAST_KEPT, MOST_KEPT = timedelta(minutes=1), timedelta(days=14)
"""How long departures are kept: of an account at least, and of any account at most."""
FORGETTING = "0"
"""A claim whose ID begins so deletes its account's old departures: one in sixteen."""

ENTER_DEPARTURE = sa.insert(departures).values(
    claim=sa.bindparam("which"), account=sa.bindparam("whose"), at=sa.bindparam("moment")
)
FORGET_OLD_DEPARTURES = sa.delete(departures).where(departures.c.at < sa.bindparam("old"))
FORGET_DEPARTURES = FORGET_OLD_DEPARTURES.where(departures.c.account == sa.bindparam("whose"))


def nth_last_departure(what: int) -> sa.Select[Any]:
    """Return a query for the `nth` last departure of an account: a period after it, another request may leave."""
    constants = [sa.literal_column(str(value), sa.Integer) for value in (what, 0)]
    near = departures.c.at > sa.bindparam("after"), departures.c.at <= sa.bindparam("until")
    columns = constants[0].label("what"), departures.c.at, constants[1].label("number"), departures.c.claim
    query = sa.select(*columns).where(departures.c.account == sa.bindparam("account"), *near)
    return query.order_by(departures.c.at.desc()).offset(sa.bindparam("nth")).limit(1).subquery().select()


def parameters(now: datetime, limit: int, period: timedelta) -> dict[str, Any]:
    """Return the parameters of that query. What left less than a period in the future counts too: clocks differ."""
    return {"after": now - period, "until": now + period, "nth": limit - 1}
