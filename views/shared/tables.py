"""Tables of attempts, as Arrow has them: a detour over pandas takes longer than the rest of a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal


def table(columns: Mapping[str, tuple[Literal["text", "texts", "time", "number"], Sequence[object]]]) -> Any:
    """Return a `pyarrow.Table` of columns with their kinds, by name. It is loaded when there is something to show."""
    import pyarrow as pa  # type: ignore[import-untyped]

    kinds = {"text": pa.string(), "texts": pa.list_(pa.string()), "time": pa.timestamp("us", "UTC")}
    kinds["number"] = pa.float64()
    return pa.table({name: pa.array(values, kinds[kind]) for name, (kind, values) in columns.items()})
