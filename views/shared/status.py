"""How each status of an attempt is shown: its word, icon and colours."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import streamlit as st

from studio.sending.attempts import IN_FLIGHT_STATUSES, Status


class Look(NamedTuple):
    """The look of a status."""

    word: str
    icon: str
    badge: Literal["green", "red", "orange", "blue"]
    table: str
    """The colour in a table; white letters stay readable on it."""


_ON_ITS_WAY = Look("On its way", ":material/hourglass_top:", "blue", "#3B78B4")
LOOKS = {
    Status.CREATED: Look("Created", ":material/check_circle:", "green", "#1E8E5A"),
    Status.REFUSED: Look("Refused", ":material/block:", "red", "#C43D3D"),
    Status.UNKNOWN: Look("Unknown", ":material/help:", "orange", "#B56B0E"),
    **dict.fromkeys(IN_FLIGHT_STATUSES, _ON_ITS_WAY),
}
BY_WORD = {look.word: tuple(each for each in LOOKS if LOOKS[each] == look) for look in LOOKS.values()}
"""The statuses behind each word."""


def badge(status: Status, word: str = "") -> None:
    """Show a status, perhaps under another word."""
    look = LOOKS[status]
    st.badge(word or look.word, icon=look.icon, color=look.badge)


def column(width: int | None = None) -> Any:
    """Return the configuration of a table's column of statuses; each cell is a list of one word."""
    looks = [LOOKS[statuses[0]] for statuses in BY_WORD.values()]
    return st.column_config.MultiselectColumn(
        "Outcome", options=[look.word for look in looks], color=[look.table for look in looks], width=width
    )
