"""The tokens of all accounts, in memory only: never written, logged or shown."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

from kie import InvalidInput, KieClient, check_token

READ_TIMEOUT = (5.0, 20.0)
"""Seconds to connect, and for the whole answer, of a call that only reads."""


@dataclass(frozen=True, slots=True)
class Account:
    """What the rest of the program may know of a token: its fingerprint and last four characters."""

    id: str
    """The first 12 hex digits of the token's SHA-256; attempts are filed under it."""
    last_four: str
    demo: bool = False
    shared: bool = False
    """Set by the operator for everybody who uses this installation."""


def account_of(token: str) -> str:
    """Return the fingerprint of a token."""
    return hashlib.sha256(token.encode()).hexdigest()[:12]


class TokenStore:
    """The tokens of this process. Safe for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[str, tuple[Account, str, str]] = {}
        self._filing: Counter[str] = Counter()
        """Requests of an account that are being filed."""
        self._uses: dict[str, int] = {}
        """The number of the last time that a token was added, or the filing of a request began or ended."""
        self._numbers = count()

    def __repr__(self) -> str:
        return f"<TokenStore of {len(self._entries)} accounts>"

    def add(self, token: str, base_url: str, *, demo: bool = False, shared: bool = False) -> Account:
        """Keep a token with the one host it may be sent to, in memory. Raises `kie.InvalidInput`."""
        token = check_token(token)
        last_four = token[-4:] if len(token) >= 12 else ""
        account = Account(account_of(token), last_four, demo, shared)
        with self._lock:
            entry = self._entries.get(account.id)
            if entry is not None and entry[1] != token:
                raise InvalidInput("token", "Token: another one with the same fingerprint is in use here.")
            self._entries[account.id] = (account, token, base_url)
            self._uses[account.id] = next(self._numbers)
        return account

    @contextmanager
    def filing(self, account_id: str) -> Iterator[None]:
        """Keep a token while a request of its account is filed. Raises `kie.InvalidInput` if it is not known here."""
        with self._lock:
            if account_id not in self._entries:
                raise InvalidInput("token", "Token: it is not known any more. Paste it again. Nothing was sent.")
            self._filing[account_id] += 1
            self._uses[account_id] = next(self._numbers)
        try:
            yield
        finally:
            with self._lock:
                self._filing[account_id] -= 1
                self._uses[account_id] = next(self._numbers)

    def last_use(self, account_id: str) -> int:
        """Return a number that is another one after every use of a token, for `remove`."""
        with self._lock:
            return self._uses.get(account_id, -1)

    def redirect_demo(self, account_id: str, base_url: str) -> None:
        """Send a demo account's requests to another address; the host of a real token never changes."""
        with self._lock:
            account, token, _ = self._entries[account_id]
            if account.demo:
                self._entries[account_id] = (account, token, base_url)

    def remove(self, account_id: str, last_use: int | None = None) -> bool:
        """Forget a token, unless it was used since it had this `last_use`; return whether it is forgotten."""
        with self._lock:
            used = self._filing[account_id] > 0 or self._uses.get(account_id, -1) != last_use
            if last_use is not None and used:
                return False
            for kept in (self._entries, self._uses, self._filing):
                kept.pop(account_id, None)
            return True

    def _entry(self, account_id: str) -> tuple[Account | None, str, str]:
        with self._lock:
            return self._entries.get(account_id, (None, "", ""))

    def account(self, account_id: str) -> Account | None:
        """Return the account, if its token is known here."""
        return self._entry(account_id)[0]

    def accounts(self) -> list[str]:
        """Return the IDs of all accounts whose token is known here."""
        with self._lock:
            return list(self._entries)

    def demos(self) -> list[str]:
        """Return the IDs of the demo accounts, the oldest first."""
        with self._lock:
            return [account.id for account, _, _ in self._entries.values() if account.demo]

    def base_url(self, account_id: str) -> str:
        """Return the host of an account, or "" if its token is not known here."""
        return self._entry(account_id)[2]

    def client(
        self,
        account_id: str,
        timeout: tuple[float, float] = READ_TIMEOUT,
        departing: Callable[[], None] | None = None,
    ) -> KieClient | None:
        """Return a client for an account that repeats no request itself, or None if its token is not known here."""
        account, token, base_url = self._entry(account_id)
        return KieClient(token, base_url, timeout, repeat=False, departing=departing) if account else None
