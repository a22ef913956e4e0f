"""What pages offer to one browser, by keys nobody can guess: files that are made when fetched, changes to wait for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from studio.people.browsers import Visitors
from studio.people.token_store import Account

MAX_OFFERS = 10_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Offer(Generic[T]):
    """One thing that a page offers."""

    account: Account
    """Whose it is."""
    visitor: str
    """The browser, and the person at it, that it is offered to; "" for one that keeps no cookies."""
    make: Callable[[], T]
    """Makes it. For a file, raises `ValueError` with a sentence for a person if it cannot be made."""


class Offers(Generic[T]):
    """What the pages of this process offer. Safe for many threads."""

    def __init__(self, visitors: Visitors) -> None:
        self._visitors = visitors
        self._lock = threading.Lock()
        self._offers: OrderedDict[str, Offer[T]] = OrderedDict()

    def offer(self, key: str, offer: Offer[T]) -> None:
        """Offer something under a key, in place of what was offered under it before."""
        with self._lock:
            self._offers[key] = offer
            self._offers.move_to_end(key)
            if len(self._offers) > MAX_OFFERS:
                self._offers.popitem(last=False)

    def redeem(self, key: str, browser: str) -> Offer[T] | None:
        """Return what a key stands for, if the browser that brings it is the one it was given to and still there."""
        with self._lock:
            offer = self._offers.get(key)
        if offer is None or not offer.visitor:
            return offer
        name, *person = offer.visitor.split(" ")
        seated = offer.account.shared or self._visitors.account_of(offer.visitor) == offer.account.id
        here = not person or self._visitors.is_here(offer.visitor)
        return offer if name == browser and seated and here else None
