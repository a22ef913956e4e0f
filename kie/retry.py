"""When a request may be sent again by itself, and after how long. Only where KIE certainly did not act on it."""

from __future__ import annotations

import random

from kie.error_meanings import Cause
from kie.errors import KieError, NotConnected, Refused

MAX_REPEATS = {NotConnected: 2, Refused: 5}
FIRST_PAUSE = {NotConnected: 0.5, Refused: 10.0}
"""Seconds. KIE documents a window of ten seconds for its rate limit and no Retry-After header."""
LONGEST_PAUSE = 60.0


def pause_before_repeat(error: KieError, repeats: int) -> float | None:
    """Return the seconds to wait before the next try, or None if the request must not be sent again by itself.

    `repeats` is how often this request has been repeated so far. A request that never connected is tried twice more,
    one that was refused for the rate up to five times more; every other outcome is final here, and so is a request
    that `departing` stopped.
    """
    kind = type(error)
    if kind not in MAX_REPEATS or repeats >= MAX_REPEATS[kind]:
        return None
    if (kind is Refused and error.cause is not Cause.RATE) or getattr(error, "stopped", False):
        return None
    asked = error.retry_after
    if asked is not None:
        return asked + random.uniform(0, 1) if asked <= LONGEST_PAUSE else None
    return min(FIRST_PAUSE[kind] * 1.6**repeats, LONGEST_PAUSE) * random.uniform(1.0, 1.2)
