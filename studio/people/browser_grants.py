"""What a page lets one browser fetch, by a random key: a file that is made when it is fetched, or an event stream."""

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
    """Whose it is: the browser, and the person at it (`views.shared.sign_in`); "" for a browser without cookies."""
    make: Callable[[], T]
    """Makes it. For a file, raises `ValueError` with a sentence for a person if it cannot be made."""


class Grants(Generic[T]):
    """The grants of this process. Safe for many threads."""

    def __init__(self, browsers: Browsers) -> None:
        self._browsers = browsers
        self._lock = threading.Lock()
        self._grants: OrderedDict[str, Grant[T]] = OrderedDict()

    def grant(self, key: str, granted: Grant[T]) -> None:
        """Keep a grant under its key, in place of an earlier one."""
        with self._lock:
            self._grants[key] = granted
            self._grants.move_to_end(key)
            if len(self._grants) > MAX_GRANTS:
                self._grants.popitem(last=False)

    def redeem(self, key: str, browser: str) -> Grant[T] | None:
        """Return what a key stands for, if this browser was given it and still uses the account."""
        with self._lock:
            granted = self._grants.get(key)
        if granted is None or not granted.session_key:
            return granted
        name, *person = granted.session_key.split(" ")
        uses_it = granted.account.shared or self._browsers.account_of(granted.session_key) == granted.account.id
        signed_in = not person or self._browsers.is_signed_in(granted.session_key)
        return granted if name == browser and uses_it and signed_in else None
