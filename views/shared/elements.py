"""Elements as every page uses them: buttons, facts and texts that are shown literally."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVarTuple

import streamlit as st

from views.shared import visitor

Args = TypeVarTuple("Args")


def button(
    label: str, key: str, icon: str, on_click: Callable[[*Args], None], *args: *Args, of: str = "", **look: Any
) -> None:
    """Show a button with a Material icon, or with none for "", that calls `on_click` with `args`.

    It acts only for the account that it was drawn for (`visitor.for_this_account`), and with `of`, the ID of an
    attempt, only for that one: its key is then `key-of`. Otherwise it would act for the attempt that the server drew
    last, which the browser may not show yet. `look` is what else `st.button` takes.
    """
    act = visitor.for_this_account(on_click)
    st.button(
        label,
        key=f"{key}-{of}" if of else key,
        icon=(icon and f":material/{icon}:") or None,
        on_click=act,
        args=args,
        **look,
    )


def fact(label: str, text: str) -> None:
    """Show a text under its label, letter for letter."""
    with st.container(gap="xxsmall"):
        st.caption(label)
        st.text(text)


def literal(text: str, label: str = "", **look: Any) -> None:
    """Show a text that may be copied, letter for letter, perhaps under a label."""
    if label:
        st.caption(label)
    st.code(text, language=None, wrap_lines=True, **look)
