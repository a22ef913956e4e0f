"""Components of our own: a picture in HTML and CSS, and the JavaScript that moves it, in three files of one name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

VIEWS = Path(__file__).parents[1]


def read(place: str, ending: str) -> str:
    """Return what a browser is given of a component: its `html`, its `css` or its `js`."""
    text = (VIEWS / f"{place}.{ending}").read_text("utf-8")
    return (VIEWS / "shared" / "custom_components.js").read_text("utf-8") + text if ending == "js" else text


def load(place: str) -> ComponentRenderer:
    """Return what draws the component whose files have this path in `views`, without their ending."""
    name = Path(place).name
    return st.components.v2.component(name, html=read(place, "html"), css=read(place, "css"), js=read(place, "js"))
