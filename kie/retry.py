"""When a request is sent again without asking a person, and after how long: only if KIE certainly did not act on it."""

from __future__ import annotations

import random

from kie.error_sentences import Cause
from kie.errors import KieError, NotConnected, Refused

MAX_REPEATS = {NotConnected: 2, Refused: 5}
FIRST_PAUSE = {NotConnected: 0.5, Refused: 10.0}
"""Seconds. KIE documents a rate limit over ten seconds, and no Retry-After header (docs.kie.ai)."""
LONGEST_PAUSE = 60.0
"""Seconds. If KIE asks for more, a person decides."""


def pause_before_repeat(error: KieError, repeats: int) -> float | None:
    """Return the seconds to wait before the request is sent again, or None if it must not be.

    `repeats` is how often it has been repeated so far. A request that never connected is repeated twice, one that was
    refused for the rate five times. Nothing else is repeated, and neither is what `departing` stopped.
    """
    kind = type(error)
    if repeats >= MAX_REPEATS.get(kind, 0) or getattr(error, "stopped", False):
        return None
    if kind is Refused and error.cause is not Cause.RATE:
        return None
    if error.retry_after is not None:
        return error.retry_after + random.uniform(0, 1) if error.retry_after <= LONGEST_PAUSE else None
    return min(FIRST_PAUSE[kind] * 1.6**repeats, LONGEST_PAUSE) * random.uniform(1.0, 1.2)
