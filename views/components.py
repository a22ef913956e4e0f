"""Components of our own: a picture in HTML and CSS, and the JavaScript that moves it, in three files of one name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

HERE = Path(__file__).parent


def read(name: str, ending: str) -> str:
    """Return what a browser is given of a component: its `html`, its `css` or its `js`."""
    text = (HERE / f"{name}.{ending}").read_text("utf-8")
    return (HERE / "components.js").read_text("utf-8") + text if ending == "js" else text


def load(name: str) -> ComponentRenderer:
    """Return what draws the component of that name."""
    return st.components.v2.component(name, html=read(name, "html"), css=read(name, "css"), js=read(name, "js"))
