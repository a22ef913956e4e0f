"""Tokens, in memory only, by account. Nothing here is ever written, logged or shown."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass

from kie import InvalidInput, KieClient, check_token


@dataclass(frozen=True, slots=True)
class Account:
    """What may be known of a token by others: its fingerprint and last four characters."""

    id: str
    """The first 12 hex digits of the token's SHA-256; what records are filed under."""
    last_four: str
    demo: bool = False
    shared: bool = False
    """Set by the operator for everybody who uses this installation."""


def account_of(token: str) -> str:
    """Return the fingerprint of a token."""
    return hashlib.sha256(token.encode()).hexdigest()[:12]


class Vault:
    """The tokens of this process. Safe for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: dict[str, tuple[Account, str, str]] = {}

    def __repr__(self) -> str:
        return f"<Vault of {len(self._lines)} accounts>"

    def keep(self, token: str, base_url: str, *, demo: bool = False, shared: bool = False) -> Account:
        """Keep a token with the one host it may be sent to. Raises `kie.InvalidInput`."""
        token = check_token(token)
        last_four = token[-4:] if len(token) >= 12 else ""
        account = Account(account_of(token), last_four, demo, shared)
        with self._lock:
            known = self._lines.get(account.id)
            if known is not None and known[1] != token:
                raise InvalidInput("token", "Token: another one with the same fingerprint is in use here.")
            self._lines[account.id] = (account, token, base_url)
        return account

    def point(self, account_id: str, base_url: str) -> None:
        """Let a demo account's line lead to another stand-in address; the line of a real token is fixed."""
        with self._lock:
            account, token, _ = self._lines[account_id]
            if account.demo:
                self._lines[account_id] = (account, token, base_url)

    def drop(self, account_id: str) -> None:
        """Forget a token."""
        with self._lock:
            self._lines.pop(account_id, None)

    def account(self, account_id: str) -> Account | None:
        """Return the account, if its token is known here."""
        with self._lock:
            line = self._lines.get(account_id)
        return line[0] if line else None

    def accounts(self) -> list[str]:
        """Return the IDs of all accounts whose token is known here."""
        with self._lock:
            return list(self._lines)

    def demos(self) -> list[str]:
        """Return the IDs of the demo accounts, the oldest first."""
        with self._lock:
            return [account.id for account, _, _ in self._lines.values() if account.demo]

    def base_url(self, account_id: str) -> str:
        """Return the host of an account, or "" if its token is not known here."""
        with self._lock:
            line = self._lines.get(account_id)
        return line[2] if line else ""

    def client(
        self, account_id: str, timeout: tuple[float, float], departing: Callable[[], None] | None = None
    ) -> KieClient | None:
        """Return a client for an account that repeats nothing by itself, or None if its token is not known here."""
        with self._lock:
            line = self._lines.get(account_id)
        return KieClient(line[1], line[2], timeout, repeat=False, departing=departing) if line else None
