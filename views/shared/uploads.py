"""Files that people chose: they lie on disk, and Streamlit, which would keep them in memory, is given a small token.

`views/middleware/upload_guard.py` keeps them; a page reads one with `content`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from studio.library.uploads import PLACEHOLDER, Uploads

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

uploads = Uploads()


@contextmanager
def content(file: UploadedFile) -> Iterator[bytes]:
    """Have in memory what is in a file that a person chose. Raises `BadFile` if it is not kept any more."""
    data = file.getvalue()
    if data.startswith(PLACEHOLDER):
        with uploads.reading(data.removeprefix(PLACEHOLDER)) as whole:
            yield whole
    else:
        yield data


def forget(file: UploadedFile) -> None:
    """Forget a file that is not needed any more."""
    uploads.forget(file.getvalue().removeprefix(PLACEHOLDER))
