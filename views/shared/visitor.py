"""Who is at the page now: the browser, the person where people sign in, and the account that the browser uses.

There is one answer, `now`. The router asks it for each run of a page (`arrive`), and the page is drawn for them. What
happens later asks again, because another tab may have signed out or changed the token meanwhile: a button and a
field (`for_this_account`), a fragment (`draw_anew_if_left`), and what a browser fetches (`studio.people`).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVarTuple

import streamlit as st

from studio.facade import the_studio
from studio.people.token_store import Account
from views.shared import browser_cookie, field_values, identity_providers, open_sockets, screen_state

LONGEST_NAME = 200
SHOWN = "shown_account"
"""The key of the field that says which account the browser shows."""
SENTENCE_STAYS = 20.0
"""Seconds for which a page says that something was refused, unless something else is pressed."""
PERSON = ("provider", "iss", "sub")
"""The claims that tell one person from another."""
ONE_SIGN_IN = ("iat", "exp", "nonce", "jti", "sid")
"""The claims that tell one sign-in of a person from another."""

Args = TypeVarTuple("Args")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is at the page."""

    session_key: str
    """The browser's cookie, with the person's claims where people sign in; "" for a browser without cookies."""
    is_admitted: bool
    """Whether they may see the page: nobody has to sign in here, or this person did and did not sign out."""
    account: Account | None


def now() -> Visitor:
    """Return who is here now. A session belongs to the browser that began it; with another cookie it is nobody's."""
    studio, key = the_studio(), session_key()
    admitted = st.session_state.get("began_in", key) == key and _may_enter(key)
    mine = studio.browsers.account_of(key) if key else st.session_state.get("account_id", "")
    account = studio.shared or studio.token_store.account(mine)
    return Visitor(key, admitted, account if admitted else None)


def arrive() -> Visitor:
    """Return who is here now, for whom the page is drawn from here on.

    What the session kept for somebody else is forgotten.
    """
    broken = _read_auth()
    key = session_key()
    if st.session_state.get("began_in", key) != key:
        st.session_state.clear()
    st.session_state.auth_is_broken = broken
    if "began_in" not in st.session_state:
        st.session_state.began_in = key
        if _sign_in_holds():
            the_studio().browsers.note_sign_in(key, _sign_in_id())
    visitor, before = now(), st.session_state.get("drawn_for")
    if not visitor.is_admitted:
        screen_state.forget()
    _draw_for(visitor)
    if before is not None and before.account != visitor.account:
        st.session_state.entered_here = None
        if before.account is not None:
            st.session_state.changed_at = time.monotonic()
    return visitor


def enter(account: Account) -> None:
    """Let this browser use an account, in all its tabs."""
    visitor = now()
    if visitor.is_admitted:
        screen_state.forget()
        _draw_for(replace(visitor, account=the_studio().shared or account))
        st.session_state.entered_here = account.id
        if visitor.session_key:
            the_studio().browsers.use_account(visitor.session_key, account.id)
            _redraw_other_tabs()


def leave() -> None:
    """Let this browser use no account any more, in all its tabs; what was made stays on disk under the account."""
    visitor = now()
    _draw_for(replace(visitor, account=the_studio().shared))
    if visitor.account is not None:
        the_studio().leave_account(visitor.session_key, visitor.account)
        _redraw_other_tabs()


def sign_out() -> None:
    """Sign out whoever is here, in all tabs of this browser."""
    leave()
    for browser in the_studio().sign_out(browser_cookie.browser()):
        open_sockets.redraw_tabs(browser, but_socket=open_sockets.socket_of_page())


def account() -> Account | None:
    """Return the account that this tab's page was drawn for, or None if it is not the one that its browser uses now."""
    visitor = now()
    return visitor.account if visitor == st.session_state.get("drawn_for") else None


def for_this_account(callback: Callable[[*Args], object]) -> Callable[[*Args], None]:
    """Return a callback that acts only for who is here now. Later, when somebody else is, it does nothing.

    `was_refused` then says so, and the page is drawn for who is here. What counts is the account that the browser
    shows (`mark_shown`): the server may have drawn the page for another one, and the browser not have it yet. Two
    things are not refused: what is pressed while the page shows nobody, if a token was given in this tab just now; and
    the second half of a double click on what changed the account, which does nothing and says nothing.
    """
    drawn_for = st.session_state.get("drawn_for")

    def act(*args: *Args) -> None:
        visitor, mine = now(), st.session_state.get("drawn_for")
        here, shown = _id_of(visitor), st.session_state.get(SHOWN, _id_of(drawn_for))
        same_person = drawn_for is not None and replace(visitor, account=None) == replace(drawn_for, account=None)
        entered_here = shown == "" and here == st.session_state.get("entered_here")
        if same_person and (here == shown == _id_of(drawn_for) or entered_here):
            st.session_state.refused_at = -SENTENCE_STAYS
            callback(*args)
            if st.session_state.get("drawn_for") != mine:
                st.session_state.changed_by = callback
        elif visitor != mine or st.session_state.get("changed_by") is not callback:
            st.session_state.refused_at = time.monotonic()

    return act


def mark_shown() -> None:
    """Put the account's ID into a field that nobody sees, at the end of the page.

    A browser sends the values of all fields with everything that is pressed, so a callback learns from it for which
    account the page was that its person looked at.
    """
    here = _id_of(st.session_state.get("drawn_for"))
    if st.session_state.get(SHOWN) != here:
        st.session_state[SHOWN] = here
    with st.container(key=f"{SHOWN}_box"):
        st.html(f"<style>.st-key-{SHOWN}_box {{ display: none }}</style>")
        st.text_input("Account", key=SHOWN, autocomplete="off", label_visibility="collapsed")


def was_refused() -> bool:
    """Whether the last button or field of this tab did nothing just now, because it was drawn for somebody else."""
    return time.monotonic() - float(st.session_state.get("refused_at", -SENTENCE_STAYS)) < SENTENCE_STAYS


def was_changed() -> bool:
    """Whether another tab has just left the account that this tab showed, or uses another."""
    return time.monotonic() - float(st.session_state.get("changed_at", -SENTENCE_STAYS)) < SENTENCE_STAYS


def draw_anew_if_left(account: Account) -> None:
    """In a fragment: draw the whole page, if this is not its account any more."""
    if now().account != account:
        st.rerun()


def session_key() -> str:
    """Return this browser's cookie, with the person's claims where people sign in: each has an account of their own.

    "" where there is no browser, or it keeps no cookies.
    """
    browser = browser_cookie.browser()
    person = [str(st.user.get(claim)) for claim in PERSON] if the_studio().people_sign_in else []
    return " ".join((browser, *person)) if browser else ""


def author() -> str:
    """Return who has signed in, to be written beside what they do.

    It is the e-mail address if the provider says that it was verified. Otherwise it is the name or the subject, and
    says so, because a name may look like somebody's address. It is one printable line, whatever the provider sent, and
    "" where nobody signs in. It comes from outside, so it is shown only by elements that print literally.
    """
    if not identity_providers.people_sign_in():
        return ""
    if address := _verified_address():
        return address
    told = ((_told("name"), "name"), (_told("sub"), "ID"))
    return next((f"{value} ({what})" for value, what in told if value), "")


def display_name() -> str:
    """Return how the person who has signed in is called on their own page."""
    return _told("name") or _verified_address() or _told("sub")


def _id_of(visitor: Visitor | None) -> str:
    return visitor.account.id if visitor is not None and visitor.account is not None else ""


def _redraw_other_tabs() -> None:
    open_sockets.redraw_tabs(browser_cookie.browser(), but_socket=open_sockets.socket_of_page())


def _draw_for(visitor: Visitor) -> None:
    before = st.session_state.get("drawn_for", Visitor("", False, None)).account
    st.session_state.drawn_for = visitor
    if visitor.account == before:
        return
    screen_state.forget()
    st.session_state.account_id = _id_of(visitor)
    if before is not None:  # who came by a link and signs in for the first time keeps it
        st.query_params.pop("attempt", None)
        if before.demo:  # invented IDs must not reach the real KIE
            field_values.clear_texts()


def _may_enter(key: str) -> bool:
    """Whether nobody has to sign in here, as the begin of this run has found, or this person did."""
    if st.session_state.get("auth_is_broken"):
        return False
    if not the_studio().people_sign_in:
        return True
    return bool(key) and _sign_in_holds() and the_studio().browsers.is_signed_in(key)


def _read_auth() -> bool:
    """Read [auth], which may be new since the last run, and return whether it cannot be used."""
    try:
        identity_providers.providers()
    except identity_providers.Misconfigured:
        return True
    return False


def _sign_in_holds() -> bool:
    """Whether this session began with a person signed in, through a provider of today, who did not sign out since.

    A session knows only who was there when it began (`st.user`), and a browser may have several.
    """
    try:
        providers = identity_providers.providers() or ()
    except identity_providers.Misconfigured:
        return False
    signed_in = st.user.get("is_logged_in") is True and st.user.get("provider") in providers
    return signed_in and not the_studio().browsers.has_ended(_sign_in_id())


def _sign_in_id() -> str:
    """Return an ID of this sign-in, the same in each copy of its cookie, or "" if the provider told no such claim."""
    told = [str(st.user.get(claim) or "") for claim in ONE_SIGN_IN]
    person = [str(st.user.get(claim)) for claim in PERSON]
    return hashlib.sha256(repr((person, told)).encode()).hexdigest() if any(told) else ""


def _verified_address() -> str:
    verified = st.user.get("email_verified")
    return _told("email") if verified is True or verified == "true" else ""


def _told(claim: str) -> str:
    """Return what the provider told, as one printable line of at most 200 characters."""
    value = st.user.get(claim)
    printable = "".join(each if each.isprintable() else " " for each in value) if isinstance(value, str) else ""
    return " ".join(printable.split())[:LONGEST_NAME].strip()
