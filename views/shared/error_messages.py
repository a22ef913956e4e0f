"""What stands under a sentence about trouble: KIE's own words, the connection's, the database's."""

from __future__ import annotations

import streamlit as st

from studio.facade import NotSaved
from studio.sending.attempts import Attempt


def database(error: NotSaved) -> None:
    """Say that nothing can be read or sent now, and why."""
    st.error(
        "The history cannot be read or written now, so nothing new will be sent. What is on disk stays there.",
        icon=":material/database_off:",
    )
    st.text(str(error) or "The server's log says why.")


def seen_id(attempt: Attempt) -> None:
    """Show an ID that stands in an answer that broke off: KIE most likely made the persona that it names."""
    found = attempt.outcome.result.get("seen_id")
    if found:
        st.caption("Seen in the broken answer: this is most likely the persona’s ID")
        st.code(str(found), language=None, wrap_lines=True)


def show_kie_message(code: int | None, message: str) -> None:
    """Show KIE's own code and message; what a connection said is for experts, so it stands in a closed box."""
    words = " ".join(str(part) for part in (code, message) if part not in (None, ""))
    if words and code is not None:
        st.caption("KIE’s own words")
        st.code(words, language=None, wrap_lines=True)
    elif words:
        with st.expander("Technical details"):
            st.code(words, language=None, wrap_lines=True)
