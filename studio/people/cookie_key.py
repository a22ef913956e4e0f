"""The key that signs the browsers' cookies, kept beside the SQLite database: after a restart they are known again."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

SHORTEST = 32
"""Characters; what is shorter is no key of ours."""


def cookie_key(database_url: str) -> str:
    """Return what is in `<database>-cookie-key`, which is made if need be. A random key if that cannot be."""
    path, made = database_url.partition(":///")[2].partition("?")[0], secrets.token_urlsafe(32)
    if not path or path.startswith((":", "file:")):
        return made
    try:
        file = Path(f"{path}-cookie-key")
        if not file.exists():
            _write(file, made)
        kept = file.read_text("ascii").strip()
    except (OSError, UnicodeError):
        return made
    return kept if len(kept) >= SHORTEST else made


def _write(file: Path, key: str) -> None:
    """Make the file, with all that is in it at once; if another process is first, its file stays."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = file.with_name(f"{file.name}-{secrets.token_hex(8)}")
    opened = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(opened, key.encode())
        os.close(opened)
        with suppress(FileExistsError):
            os.link(new, file)
    finally:
        new.unlink()
