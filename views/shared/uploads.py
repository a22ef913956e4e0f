"""Files that people chose: they lie on disk, and Streamlit, which would keep them in memory, is given a small token.

`views/middleware/upload_guard.py` keeps them; a page reads one with `content`.
"""

from __future__ import annotations

import os
import secrets
from collections import OrderedDict
from typing import IO, TYPE_CHECKING

from studio.exceptions import BadFile

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

PLACEHOLDER = b"The file itself lies on this server's disk. Choose it again.\n"
"""How the small file with a token begins."""
MOST_BYTES = 4 * 2**30
"""Of all kept files; beyond that the oldest is dropped."""


class Uploads:
    """The files of this process, by their tokens: one for each session."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._files: OrderedDict[str, tuple[str, IO[bytes]]] = OrderedDict()

    def keep(self, session_id: str, file: IO[bytes]) -> bytes:
        """Keep a session's file in place of its earlier one; return what Streamlit gets instead."""
        self.drop(session_id)
        token = secrets.token_urlsafe(32)
        self._files[session_id] = token, file
        while len(self._files) > 1 and sum(map(_size, self._files.values())) > self._most_bytes:
            self.drop(next(iter(self._files)))
        return PLACEHOLDER + token.encode()

    def drop(self, session_id: str) -> None:
        """Forget a session's file."""
        _, file = self._files.pop(session_id, ("", None))
        if file is not None:
            file.close()

    def sessions(self) -> list[str]:
        """Return the sessions that have a file here."""
        return list(self._files)

    def read(self, token: bytes) -> bytes:
        """Return a file's content. Raises `BadFile` if it was forgotten."""
        for known, file in list(self._files.values()):
            if known.encode() == token:
                try:
                    return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0)
                except (OSError, ValueError):  # it was forgotten just now
                    break
        raise BadFile("The file is not kept here any more. Choose it again.")

    def forget(self, token: bytes) -> None:
        """Forget the file of a token."""
        for session_id, (known, _) in list(self._files.items()):
            if known.encode() == token:
                self.drop(session_id)


uploads = Uploads()


def content(file: UploadedFile) -> bytes:
    """Return what is in a file that a person chose. Raises `BadFile` if it is not kept any more."""
    data = file.getvalue()
    return uploads.read(data.removeprefix(PLACEHOLDER)) if data.startswith(PLACEHOLDER) else data


def forget(file: UploadedFile) -> None:
    """Forget a file that is not needed any more."""
    uploads.forget(file.getvalue().removeprefix(PLACEHOLDER))


def _size(kept: tuple[str, IO[bytes]]) -> int:
    return os.fstat(kept[1].fileno()).st_size
