"""The account that each browser uses, and the outcome that it waits for, so that a reload loses neither.

A browser is named by its session key: its random cookie, and the person who signed in where people do.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

MAX_BROWSERS = 10_000
MAX_ENDED = 10_000
"""Sign-ins that were ended and whose cookie, if somebody copied it, is not accepted again."""


@dataclass(slots=True)
class Browser:
    """One browser."""

    account_id: str = ""
    """The account it uses."""
    attempt_id: str = ""
    """The attempt that it asked for last, until its outcome was shown."""
    is_signed_in: bool = False
    """Whether a person signed in by name, and has signed out in none of its tabs."""
    sign_in_id: str = ""


class Browsers:
    """The browsers of this process, by session key. Safe for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._browsers: OrderedDict[str, Browser] = OrderedDict()
        """The one that was asked for last is last."""
        self._keys_of: dict[str, list[str]] = {}
        """The session keys of each cookie."""
        self._ended: OrderedDict[str, None] = OrderedDict()

    def use_account(self, session_key: str, account_id: str) -> None:
        """Remember which account a browser uses."""
        with self._lock:
            browser = self._browser(session_key)
            if browser.account_id != account_id:
                browser.account_id, browser.attempt_id = account_id, ""

    def leave_account(self, session_key: str, account_id: str) -> None:
        """Forget that a browser uses this account."""
        with self._lock:
            browser = self._browsers.get(session_key)
            if browser is not None and browser.account_id == account_id:
                browser.account_id = browser.attempt_id = ""

    def note_sign_in(self, session_key: str, sign_in_id: str) -> None:
        """Remember that a person signed in by name. `sign_in_id` is the same in each copy of that sign-in's cookie."""
        with self._lock:
            browser = self._browser(session_key)
            browser.is_signed_in, browser.sign_in_id = True, sign_in_id

    def has_ended(self, sign_in_id: str) -> bool:
        """Whether the person signed out of this sign-in: who has its cookie now has a copy."""
        with self._lock:
            return sign_in_id in self._ended

    def is_signed_in(self, session_key: str) -> bool:
        """Whether a person signed in by name, and did not sign out."""
        return self._get(session_key).is_signed_in

    def sign_out(self, session_key: str) -> list[str]:
        """Forget a browser and the person at it, and end that sign-in, also where its cookie was copied to.

        Return the session keys of all who are signed out by it.
        """
        with self._lock:
            browser = self._drop(session_key)
            copies = [key for key, each in self._browsers.items() if each.sign_in_id == browser.sign_in_id != ""]
            for key in copies:
                self._drop(key)
            if browser.sign_in_id:
                self._ended[browser.sign_in_id] = None
                if len(self._ended) > MAX_ENDED:
                    self._ended.popitem(last=False)
            return [session_key, *copies]

    def may_use(self, cookie: str, *, needs_account: bool, needs_sign_in: bool) -> bool:
        """Whether somebody at this browser uses an account and has signed in, so far as this is asked for."""
        with self._lock:
            return cookie != "" and (
                not (needs_account or needs_sign_in)
                or any(
                    (self._browsers[key].account_id or not needs_account)
                    and (self._browsers[key].is_signed_in or not needs_sign_in)
                    for key in self._keys_of.get(cookie, ())
                )
            )

    def account_of(self, session_key: str) -> str:
        """Return the ID of the account that a browser uses, or ""."""
        return self._get(session_key).account_id

    def any_uses(self, account_id: str) -> bool:
        """Whether any browser uses this account."""
        with self._lock:
            return any(browser.account_id == account_id for browser in self._browsers.values())

    def expect_outcome(self, session_key: str, attempt_id: str) -> None:
        """Remember the attempt that a browser asked for: it may reload before the attempt is in its address."""
        with self._lock:
            self._browser(session_key).attempt_id = attempt_id

    def expected_outcome(self, session_key: str) -> str:
        """Return the ID of the attempt whose outcome a browser was not shown yet, or ""."""
        return self._get(session_key).attempt_id

    def outcome_shown(self, session_key: str, attempt_id: str) -> None:
        """Note that a browser was shown the outcome."""
        with self._lock:
            browser = self._browsers.get(session_key)
            if browser is not None and browser.attempt_id == attempt_id:
                browser.attempt_id = ""

    def session_keys(self, cookie: str) -> list[str]:
        """Return the session keys of a browser: one for each person who signed in there."""
        with self._lock:
            return list(self._keys_of.get(cookie, ()))

    def _get(self, session_key: str) -> Browser:
        with self._lock:
            return self._browser(session_key) if session_key in self._browsers else Browser()

    def _browser(self, session_key: str) -> Browser:
        if session_key not in self._browsers:
            self._browsers[session_key] = Browser()
            self._keys_of.setdefault(_cookie(session_key), []).append(session_key)
            if len(self._browsers) > MAX_BROWSERS:
                self._drop(next(iter(self._browsers)))
        self._browsers.move_to_end(session_key)
        return self._browsers[session_key]

    def _drop(self, session_key: str) -> Browser:
        browser = self._browsers.pop(session_key, None)
        if browser is None:
            return Browser()
        keys = self._keys_of[_cookie(session_key)]
        keys.remove(session_key)
        if not keys:
            del self._keys_of[_cookie(session_key)]
        return browser


def _cookie(session_key: str) -> str:
    return session_key.partition(" ")[0]
