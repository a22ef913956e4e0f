"""Masks IDs of sessions in what Streamlit and the server log: whoever knows one could try to go on with it.

No middleware, but it stands between the same server and its log.
"""

from __future__ import annotations

import logging
import re

LOGGERS = ("streamlit", "uvicorn", "asyncio")
UUID = re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE)


def install() -> None:
    """Mask IDs in all records from now on: in the text, its arguments, and the traceback."""
    made = logging.getLogRecordFactory()
    if getattr(made, "masks", False):
        return

    def make(name: str, *args: object, **values: object) -> logging.LogRecord:
        record = made(name, *args, **values)
        if name.partition(".")[0] in LOGGERS:
            record.msg = _masked(record.msg)
            if isinstance(record.args, tuple):
                record.args = tuple(map(_masked, record.args))
            elif record.args:
                record.args = {key: _masked(value) for key, value in record.args.items()}
            if record.exc_info:
                record.exc_text = str(_masked(logging.Formatter().formatException(record.exc_info)))
        return record

    make.masks = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(make)


def _masked(value: object) -> object:
    """Return a value whose text has no IDs: the value itself if it had none."""
    try:
        text = str(value)
    except Exception:  # noqa: BLE001 - an object may raise anything; the log itself says what is wrong
        return value
    return UUID.sub("(an ID)", text) if UUID.search(text) else value
