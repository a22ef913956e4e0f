"""What stands under a sentence about trouble: KIE's own words, the connection's, the database's."""

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


def own_words(code: int | None, message: str) -> None:
    """Show KIE's own code and message; what a connection said is for experts, so it stands in a closed box."""
    words = " ".join(str(part) for part in (code, message) if part not in (None, ""))
    if words and code is not None:
        st.caption("KIE’s own words")
        st.code(words, language=None, wrap_lines=True)
    elif words:
        with st.expander("Technical details"):
            st.code(words, language=None, wrap_lines=True)
