"""Masks IDs of sessions in what Streamlit and the server log: whoever knows one could try to go on with it."""

from __future__ import annotations

import logging
import re

LOGGERS = ("streamlit", "uvicorn", "asyncio")
UUID = re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE)


def install() -> None:
    """Mask IDs in all records from now on."""
    made = logging.getLogRecordFactory()
    if getattr(made, "masks", False):
        return

    def masked(name: str, *args: object, **values: object) -> logging.LogRecord:
        record = made(name, *args, **values)
        if name.partition(".")[0] in LOGGERS:
            text = record.getMessage()
            if UUID.search(text):
                record.msg, record.args = UUID.sub("(an ID)", text), None
        return record

    masked.masks = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(masked)
