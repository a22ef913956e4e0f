"""The one sentence for a database that cannot be used."""

from __future__ import annotations

import streamlit as st

from studio.service import NotSaved


def database(error: NotSaved) -> None:
    """Say that nothing can be read or sent now, and why."""
    st.error(
        "The history cannot be read or written now, so nothing will be sent. What is on disk stays there.",
        icon=":material/database_off:",
    )
    st.text(str(error) or "The server's log says why.")
