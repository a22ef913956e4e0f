"""Grants: what one browser may fetch by a random key, a file that is made when it is fetched or an event stream."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from studio.people.browsers import Browsers
from studio.people.token_store import Account

MAX_GRANTS = 10_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Grant(Generic[T]):
    """One thing that one browser may fetch."""

    account: Account
    session_key: str
    """The browser, and the person who signed in there; "" for a browser without cookies, to which nothing is given."""
    make: Callable[[], T]
    """Makes what is fetched. For a file, raises `ValueError` with a sentence for a person if that cannot be done."""


class Grants(Generic[T]):
    """The grants of this process. Safe for many threads."""

    def __init__(self, browsers: Browsers) -> None:
        self._browsers = browsers
        self._lock = threading.Lock()
        self._grants: OrderedDict[str, Grant[T]] = OrderedDict()

    def grant(self, key: str, granted: Grant[T]) -> None:
        """Add a grant; it replaces an earlier one with the same key."""
        with self._lock:
            self._grants[key] = granted
            self._grants.move_to_end(key)
            if len(self._grants) > MAX_GRANTS:
                self._grants.popitem(last=False)

    def redeem(self, key: str, browser: str) -> Grant[T] | None:
        """Return the grant of a key if it is this browser's, and the browser still uses the account; or None."""
        with self._lock:
            granted = self._grants.get(key)
        if granted is None or not granted.session_key:
            return None
        name, *person = granted.session_key.split(" ")
        uses_it = granted.account.shared or self._browsers.account_of(granted.session_key) == granted.account.id
        signed_in = not person or self._browsers.is_signed_in(granted.session_key)
        return granted if name == browser and uses_it and signed_in else None
