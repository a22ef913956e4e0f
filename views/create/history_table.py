"""The history table and its download."""

from __future__ import annotations

import streamlit as st

from studio.facade import NotSaved, the_studio
from studio.library import export_files
from studio.library.search_query import Query
from studio.people.token_store import Account
from studio.sending.attempts import Attempt
from views.shared import attempt_table, downloads, live_updates, visitor

SHOWN = 200
"""Rows in the table; the CSV has all."""
COLUMNS = "created_at status persona_id name description audio_id task_id style vocal_start vocal_end code message"


def show(account: Account, shown: Attempt | None) -> None:
    """Show the account's newest attempts, the newest first.

    While others than `shown` are on their way, the table is drawn anew as they change; `shown` looks after itself.
    """
    st.subheader("History", anchor=False)
    attempts = the_studio().history(account, SHOWN)
    shown_id = shown.id if shown is not None else ""
    if _others_on_their_way(attempts, shown_id):
        _watch(account, shown_id)
    else:
        _table(attempts)
    downloads.button(
        "Download CSV",
        "download_csv",
        "personas.csv",
        "text/csv",
        ":material/download:",
        account,
        lambda: export_files.csv_file(the_studio().library, account.id, Query()),
    )


@st.fragment
def _watch(account: Account, shown_id: str) -> None:
    visitor.draw_anew_if_left(account)
    try:
        attempts = the_studio().history(account, SHOWN)
    except NotSaved as error:
        live_updates.database_down("history_waiting", error)
        return
    others = _others_on_their_way(attempts, shown_id)
    if not others:
        st.rerun()
    _table(attempts)
    live_updates.show(account, others, key="history_waiting")


def _others_on_their_way(attempts: list[Attempt], shown_id: str) -> list[Attempt]:
    return [attempt for attempt in attempts if attempt.in_flight and attempt.id != shown_id]


def _table(attempts: list[Attempt]) -> None:
    if not attempts:
        st.caption("Nothing yet. Each attempt is kept here, whatever becomes of it.")
        return
    attempt_table.show(
        attempts,
        COLUMNS.split(),
        "history",
        {"created_at": {"format": "D MMM YYYY, HH:mm:ss"}},
        height="content" if len(attempts) < 10 else 388,
        alt=f"The newest {len(attempts)} attempts of this account with time, outcome, persona ID, name and details",
    )
    if len(attempts) == SHOWN:
        st.caption(f"These are the newest {SHOWN}; the CSV has all.")
