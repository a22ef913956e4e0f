"""A table of attempts: what each of its columns shows, and how.

Tables are Arrow's: a detour over pandas takes longer than the rest of a page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import streamlit as st

from studio.sending.attempts import Attempt
from views.shared import status


class Column(NamedTuple):
    """One column: its title, the kind of its values, and where a value comes from; `look` is Streamlit's."""

    title: str
    kind: Literal["text", "texts", "time", "number"]
    value: Callable[[Attempt], object]
    look: Mapping[str, Any] = {}


COLUMNS = {
    "favourite": Column("★", "text", lambda of: "★" if of.favourite else "", {"width": 36, "help": "Favourite"}),
    "status": Column("Outcome", "texts", lambda of: [status.LOOKS[of.status].word]),
    "created_at": Column("When", "time", lambda of: of.created_at, {"format": "D MMM YYYY, HH:mm"}),
    "persona_id": Column("Persona ID", "text", lambda of: of.persona_id, {"width": 290}),
    "name": Column("Name", "text", lambda of: of.request.name, {"width": "medium"}),
    "description": Column("Description", "text", lambda of: of.request.description, {"width": "medium"}),
    "audio_id": Column("Audio ID", "text", lambda of: of.request.audio_id, {"width": "small"}),
    "task_id": Column("Task ID", "text", lambda of: of.request.task_id, {"width": "small"}),
    "style": Column("Style", "text", lambda of: of.request.style or "", {"width": "small"}),
    "vocal_start": Column("From (s)", "number", lambda of: of.request.vocal_start, {"format": "%.2f"}),
    "vocal_end": Column("To (s)", "number", lambda of: of.request.vocal_end, {"format": "%.2f"}),
    "code": Column("KIE’s code", "number", lambda of: of.code, {"format": "%d"}),
    "message": Column("KIE’s message", "text", lambda of: of.message, {"width": "medium"}),
    "title": Column("Track", "text", lambda of: of.track.title if of.track else "", {"width": "small"}),
    "tags": Column("Tags", "texts", lambda of: of.tags, {"width": "small"}),
    "author": Column("Made by", "text", lambda of: of.author, {"width": "small"}),
}


def show(
    attempts: Sequence[Attempt], names: Sequence[str], key: str, own_looks: Mapping[str, Mapping[str, Any]], **look: Any
) -> None:
    """Show these columns; `own_looks` says what is different here from `COLUMNS`, `look` is for `st.dataframe`."""
    config = {name: _config(name, COLUMNS[name], {**COLUMNS[name].look, **own_looks.get(name, {})}) for name in names}
    st.dataframe(table(attempts, names), key=key, hide_index=True, placeholder="", column_config=config, **look)


def table(attempts: Sequence[Attempt], names: Sequence[str]) -> Any:
    """Return a `pyarrow.Table`, which is loaded when there is something to show."""
    import pyarrow as pa  # type: ignore[import-untyped]

    kinds = {"text": pa.string(), "texts": pa.list_(pa.string()), "time": pa.timestamp("us", "UTC")}
    kinds["number"] = pa.float64()
    columns = {name: COLUMNS[name] for name in names}
    return pa.table({name: pa.array(map(of.value, attempts), kinds[of.kind]) for name, of in columns.items()})


def _config(name: str, column: Column, look: Mapping[str, Any]) -> Any:
    if name == "status":
        return status.column(**look)
    if column.kind == "time":
        return st.column_config.DatetimeColumn(column.title, timezone=st.context.timezone, **look)
    make = {"text": "TextColumn", "texts": "ListColumn", "number": "NumberColumn"}[column.kind]
    return getattr(st.column_config, make)(column.title, **look)
