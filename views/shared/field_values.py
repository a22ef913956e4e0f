"""The fields of the page Create, by their keys: read as a request, filled and cleared. Other pages fill them too."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from kie import PersonaRequest

TEXTS = ("task_id", "audio_id", "name", "description", "style")
WINDOW = ("vocal_start", "vocal_end")
LONGEST_PASTE, LONGEST_KEPT = 5_000_000, 10_000
"""Characters that can be pasted into Task ID, and how many of them stay there once the IDs were read."""
LONGEST_ID, LONGEST_TOKEN = 200, 10_000
PAGE = "../pages/create.py"
"""The page, as `st.switch_page` wants it: seen from the router."""


def text(key: str) -> str:
    """Return what a text field says, without surrounding white space."""
    return str(st.session_state.get(key) or "").strip()


def window() -> tuple[float | None, float | None]:
    """Return what the fields of the window say, in seconds with two decimals, as KIE takes them."""
    start, end = (st.session_state.get(key) for key in WINDOW)
    return (None if start is None else round(float(start), 2)), (None if end is None else round(float(end), 2))


def set_window(start: float | None, end: float | None) -> None:
    """Write both fields of the window; None empties them."""
    st.session_state.vocal_start, st.session_state.vocal_end = start, end


def typed() -> PersonaRequest:
    """Return what all fields say."""
    start, end = window()
    values = {key: text(key) for key in TEXTS}
    return PersonaRequest(**values | {"style": values["style"] or None}, vocal_start=start, vocal_end=end)  # type: ignore[arg-type]


def fill(values: Mapping[str, str]) -> None:
    """Write these text fields."""
    for key in TEXTS:
        if key in values:
            st.session_state[key] = values[key]


def suggest(values: Mapping[str, str]) -> None:
    """Write those of these text fields in which nothing stands yet."""
    fill({key: value for key, value in values.items() if not st.session_state.get(key)})


def fill_all(request: PersonaRequest) -> None:
    """Write what a request said into all fields."""
    fill({key: getattr(request, key) or "" for key in TEXTS})
    set_window(request.vocal_start, request.vocal_end)


def clear_texts() -> None:
    """Empty the text fields."""
    fill(dict.fromkeys(TEXTS, ""))


def clear() -> None:
    """Empty all fields."""
    clear_texts()
    set_window(None, None)
