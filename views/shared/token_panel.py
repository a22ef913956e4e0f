"""The token field, the balance and the demo: which account this browser uses. Tokens go to the token store only."""

from __future__ import annotations

import streamlit as st

from kie import KieError
from studio.facade import Balance, the_studio
from studio.people.token_store import Account
from views.shared import error_boxes, field_values, visitor
from views.shared.elements import button
from views.shared.screen_state import TokenPanel, Trouble, state


def banner() -> None:
    """Say on every page of the demo that nothing is real, and that a button did nothing for somebody else."""
    account = visitor.account()
    if visitor.was_refused():
        st.warning(
            "This tab showed another account than this browser uses now, so nothing was done. It shows the present one "
            "from here on.",
            icon=":material/swap_horiz:",
        )
    elif visitor.was_changed():
        st.info(
            "Another tab of this browser has left the account that was shown here, or uses another by now.",
            icon=":material/swap_horiz:",
        )
    if account is not None and account.demo:
        st.info(
            "This is the demo: an invented KIE on this machine. No song, persona or credit here is real.",
            icon=":material/theater_comedy:",
        )


def invite(why: str) -> None:
    """Say on a page that nobody's token is here, and offer the demo."""
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"Paste your KIE token in the sidebar{why}, or look around first with an invented KIE.")
        button("Try the demo", "try_demo_here", "theater_comedy", start_demo)


def panel() -> None:
    """Show the account, or ask for a token."""
    account = visitor.account()
    if account is None:
        _ask()
    else:
        _show(account)


def start_demo() -> None:
    """Give this browser a demo account of its own, unless it was given one just now."""
    if visitor.account() is not None:
        return
    visitor.enter(the_studio().start_demo())


def _ask() -> None:
    st.subheader("Your KIE token")
    st.text_input(
        "Token",
        key="token",
        type="password",
        max_chars=field_values.LONGEST_TOKEN,
        autocomplete="off",
        placeholder="Paste it here",
        on_change=visitor.for_this_account(_sign_in),
        help="It stays in this program's memory: it is never stored, logged or shown in full.",
    )
    error_boxes.show(state(TokenPanel, None).trouble, ":material/key_off:")
    st.caption("You get a token at [kie.ai/api-key](https://kie.ai/api-key).")
    button("Try the demo", "try_demo", "theater_comedy", start_demo, width="stretch")
    st.caption("The demo needs no token and no network.")


def _sign_in() -> None:
    token, st.session_state.token = st.session_state.token, ""
    state(TokenPanel, None).trouble = use_token(token) if token.strip() else None


def use_token(token: str) -> Trouble | None:
    """Give this browser the account of a token, or return why KIE did not accept it."""
    try:
        account = the_studio().sign_in(token)
    except KieError as error:
        return Trouble.of(error)
    visitor.enter(account)
    state(TokenPanel, account).ask_balance = False  # signing in has asked
    return None


def _ask_balance(account: Account) -> None:
    state(TokenPanel, account).ask_balance = True


def _show(account: Account) -> None:
    studio, panel = the_studio(), state(TokenPanel, account)
    if panel.ask_balance or studio.balance(account) is None:
        studio.ask_balance(account)
        panel.ask_balance = False
    balance = studio.balance(account) or Balance(None)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.metric("Credits left", "unknown" if balance.credits is None else f"{balance.credits:,.2f}")
        button(
            "Refresh",
            "refresh_balance",
            "refresh",
            _ask_balance,
            account,
            type="tertiary",
            help="Ask KIE for the balance again",
        )
    if balance.error is not None:
        st.warning(f"{balance.error.sentence} {balance.error.next_step}", icon=":material/cloud_off:")
    st.caption(
        "Demo account" if account.demo else "Token set for this installation" if account.shared else "Your token"
    )
    st.text(f"Account {account.id}" + (f"\nToken ends in {account.last_four}" if account.last_four else ""))
    if not account.shared:
        button(
            "Leave the demo" if account.demo else "Use another token", "leave", "logout", visitor.leave, width="stretch"
        )
