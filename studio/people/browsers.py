"""What this process remembers of each browser, so that a reload asks for nothing again and misses nothing."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

MAX_VISITORS = 10_000


@dataclass(slots=True)
class Visit:
    """One browser."""

    account_id: str = ""
    """The account it uses."""
    attempt_id: str = ""
    """The attempt that it asked for last and whose outcome it was not shown yet."""
    is_here: bool = False
    """Whether a person who signed in by name is at it, and has not signed out in one of its tabs."""


class Visitors:
    """The browsers of this process, by the random names that the door gives them. Safe for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._visits: OrderedDict[str, Visit] = OrderedDict()

    def seat(self, visitor: str, account_id: str) -> None:
        """Remember which account a browser uses."""
        with self._lock:
            visit = self._visit(visitor)
            if visit.account_id != account_id:
                visit.account_id, visit.attempt_id = account_id, ""

    def leave(self, visitor: str) -> None:
        """Forget which account a browser uses."""
        with self._lock:
            visit = self._visits.pop(visitor, None)
            if visit is not None and visit.is_here:
                self._visits[visitor] = Visit(is_here=True)

    def arrive(self, visitor: str) -> None:
        """Remember that a person has signed in by name."""
        with self._lock:
            self._visit(visitor).is_here = True

    def is_here(self, visitor: str) -> bool:
        """Whether the person who signed in is still there."""
        with self._lock:
            visit = self._visits.get(visitor)
        return visit is not None and visit.is_here

    def depart(self, visitor: str) -> None:
        """Forget a browser and the person at it."""
        with self._lock:
            self._visits.pop(visitor, None)

    def account_of(self, visitor: str) -> str:
        """Return the ID of the account that a browser uses, or ""."""
        with self._lock:
            visit = self._visits.get(visitor)
        return visit.account_id if visit else ""

    def use(self, account_id: str) -> bool:
        """Whether any browser uses this account."""
        with self._lock:
            return any(visit.account_id == account_id for visit in self._visits.values())

    def awaits(self, visitor: str, attempt_id: str) -> None:
        """Remember what a browser asked for: it may reload before it learned the attempt's address."""
        with self._lock:
            self._visit(visitor).attempt_id = attempt_id

    def awaited(self, visitor: str) -> str:
        """Return the ID of the attempt whose outcome a browser was not shown yet, or ""."""
        with self._lock:
            visit = self._visits.get(visitor)
        return visit.attempt_id if visit else ""

    def saw(self, visitor: str, attempt_id: str) -> None:
        """Note that a browser was shown the outcome."""
        with self._lock:
            visit = self._visits.get(visitor)
            if visit is not None and visit.attempt_id == attempt_id:
                visit.attempt_id = ""

    def _visit(self, visitor: str) -> Visit:
        visit = self._visits.setdefault(visitor, Visit())
        self._visits.move_to_end(visitor)
        if len(self._visits) > MAX_VISITORS:
            self._visits.popitem(last=False)
        return visit
