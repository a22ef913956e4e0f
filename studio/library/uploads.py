"""Files that people chose, on disk: one for each session, under a token. Few are in memory at the same time."""

from __future__ import annotations

import os
import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from studio.exceptions import BadFile

PLACEHOLDER = b"The file itself lies on this server's disk. Choose it again.\n"
"""How the small file with a token begins."""
MOST_BYTES = 4 * 2**30
"""Of all kept files; beyond that the oldest is dropped."""
MOST_READERS = 2
"""Files that are in memory at the same time, each of at most `server.maxUploadSize`; whoever wants another waits."""


class Uploads:
    """The files of this process, by their tokens: one for each session. Safe for many threads."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._readers = threading.BoundedSemaphore(MOST_READERS)
        self._files: OrderedDict[str, tuple[bytes, IO[bytes]]] = OrderedDict()

    def keep(self, session_id: str, file: IO[bytes]) -> bytes:
        """Keep a session's file in place of its earlier one; return what Streamlit gets instead."""
        token = secrets.token_urlsafe(32).encode()
        with self._lock:
            self._drop(session_id)
            self._files[session_id] = token, file
            while len(self._files) > 1 and sum(_size(kept) for _, kept in self._files.values()) > self._most_bytes:
                self._drop(next(iter(self._files)))
        return PLACEHOLDER + token

    def drop(self, session_id: str) -> None:
        """Forget a session's file."""
        with self._lock:
            self._drop(session_id)

    def sessions(self) -> list[str]:
        """Return the sessions that have a file here."""
        with self._lock:
            return list(self._files)

    @contextmanager
    def reading(self, token: bytes) -> Iterator[bytes]:
        """Have a file's content in memory, when there are few others. Raises `BadFile` if it was forgotten."""
        with self._readers:
            yield self._read(token)

    def forget(self, token: bytes) -> None:
        """Forget the file of a token."""
        with self._lock:
            for session_id in [each for each, (known, _) in self._files.items() if known == token]:
                self._drop(session_id)

    def _read(self, token: bytes) -> bytes:
        with self._lock:
            file = next((file for known, file in self._files.values() if known == token), None)
            if file is None:
                raise BadFile("The file is not kept here any more. Choose it again.")
            size, mine = _size(file), os.dup(file.fileno())  # stays open if it is dropped meanwhile
        try:
            return os.pread(mine, size, 0)
        finally:
            os.close(mine)

    def _drop(self, session_id: str) -> None:
        _, file = self._files.pop(session_id, (b"", None))
        if file is not None:
            file.close()


def _size(file: IO[bytes]) -> int:
    return os.fstat(file.fileno()).st_size
