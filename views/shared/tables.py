"""Tables of attempts, as Arrow has them: a detour over pandas takes longer than the rest of a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import streamlit as st

from studio.sending.attempts import Status

OUTCOMES = {
    Status.CREATED: ("Created", "#1E8E5A"),
    Status.REFUSED: ("Refused", "#C43D3D"),
    Status.UNKNOWN: ("Unknown", "#B56B0E"),
    Status.SENDING: ("On its way", "#3B78B4"),
    Status.WORKING: ("On its way", "#3B78B4"),
    Status.QUEUED: ("On its way", "#3B78B4"),
}
"""The word and the colour for each status; white letters stay readable on each colour."""


def table(columns: Mapping[str, tuple[Literal["text", "texts", "time", "number"], Sequence[object]]]) -> Any:
    """Return a `pyarrow.Table` of columns with their kinds, by name. It is loaded when there is something to show."""
    import pyarrow as pa  # type: ignore[import-untyped]

    kinds = {"text": pa.string(), "texts": pa.list_(pa.string()), "time": pa.timestamp("us", "UTC")}
    kinds["number"] = pa.float64()
    return pa.table({name: pa.array(values, kinds[kind]) for name, (kind, values) in columns.items()})


def outcome(width: int | None = None) -> Any:
    """Return the configuration of a column that tells outcomes."""
    return st.column_config.MultiselectColumn(
        "Outcome",
        options=[word for word, _ in OUTCOMES.values()],
        color=[colour for _, colour in OUTCOMES.values()],
        width=width,
    )
