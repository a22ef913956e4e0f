"""Files that are made when a browser fetches them, and not before: what pages offer, by tickets nobody can guess."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from studio.tokens import Account
from studio.visitors import Visitors

MAX_OFFERS = 10_000


@dataclass(frozen=True, slots=True)
class Offer:
    """One file that a page offers."""

    account: Account
    """Whose file it is."""
    visitor: str
    """The browser, and the person at it, that it is offered to; "" for one that keeps no cookies."""
    make: Callable[[], IO[bytes]]
    """Makes the file. Raises `ValueError` with a sentence for a person if it cannot be made."""


class Downloads:
    """The files that the pages of this process offer. Safe for many threads."""

    def __init__(self, visitors: Visitors) -> None:
        self._visitors = visitors
        self._lock = threading.Lock()
        self._offers: OrderedDict[str, Offer] = OrderedDict()

    def offer(self, ticket: str, offer: Offer) -> None:
        """Offer a file under a ticket, in place of what was offered under it before."""
        with self._lock:
            self._offers[ticket] = offer
            self._offers.move_to_end(ticket)
            if len(self._offers) > MAX_OFFERS:
                self._offers.popitem(last=False)

    def redeem(self, ticket: str, browser: str) -> Offer | None:
        """Return what a ticket stands for, if the browser that brings it is the one it was given to and still there."""
        with self._lock:
            offer = self._offers.get(ticket)
        if offer is None or not offer.visitor:
            return offer
        name, *person = offer.visitor.split(" ")
        seated = offer.account.shared or self._visitors.account_of(offer.visitor) == offer.account.id
        here = not person or self._visitors.is_here(offer.visitor)
        return offer if name == browser and seated and here else None
