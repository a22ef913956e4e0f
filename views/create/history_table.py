"""The history table and its download."""

from __future__ import annotations

import streamlit as st

from studio.facade import NotSaved, the_studio
from studio.library import export_files
from studio.library.search_query import Query
from studio.people.token_store import Account
from studio.sending.attempts import Attempt
from views.shared import downloads, live_updates, status, tables

SHOWN = 200
"""Rows in the table; the CSV has all."""


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
    table = tables.table(
        {
            "created_at": ("time", [attempt.created_at for attempt in attempts]),
            "status": ("texts", [[status.LOOKS[attempt.status].word] for attempt in attempts]),
            "persona_id": ("text", [attempt.persona_id for attempt in attempts]),
            "name": ("text", [attempt.request.name for attempt in attempts]),
            "description": ("text", [attempt.request.description for attempt in attempts]),
            "audio_id": ("text", [attempt.request.audio_id for attempt in attempts]),
            "task_id": ("text", [attempt.request.task_id for attempt in attempts]),
            "style": ("text", [attempt.request.style or "" for attempt in attempts]),
            "vocal_start": ("number", [attempt.request.vocal_start for attempt in attempts]),
            "vocal_end": ("number", [attempt.request.vocal_end for attempt in attempts]),
            "code": ("number", [attempt.code for attempt in attempts]),
            "message": ("text", [attempt.message for attempt in attempts]),
        }
    )
    column = st.column_config
    st.dataframe(
        table,
        key="history",
        hide_index=True,
        height="content" if len(attempts) < 10 else 388,
        placeholder="",
        alt=f"The newest {len(attempts)} attempts of this account with time, outcome, persona ID, name and details",
        column_config={
            "created_at": column.DatetimeColumn("When", format="D MMM YYYY, HH:mm:ss", timezone=st.context.timezone),
            "status": status.column(),
            "persona_id": column.TextColumn("Persona ID", width=290),
            "name": column.TextColumn("Name", width="medium"),
            "description": column.TextColumn("Description", width="medium"),
            "audio_id": column.TextColumn("Audio ID", width="small"),
            "task_id": column.TextColumn("Task ID", width="small"),
            "style": column.TextColumn("Style", width="small"),
            "vocal_start": column.NumberColumn("From (s)", format="%.2f"),
            "vocal_end": column.NumberColumn("To (s)", format="%.2f"),
            "code": column.NumberColumn("KIE’s code", format="%d"),
            "message": column.TextColumn("KIE’s message", width="medium"),
        },
    )
    if len(attempts) == SHOWN:
        st.caption(f"These are the newest {SHOWN}; the CSV has all.")
