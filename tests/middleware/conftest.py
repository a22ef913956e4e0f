"""A studio in the place of the process's one, and no sockets that another test opened."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from studio import facade
from studio.library.uploads import Uploads
from studio.settings import Settings
from views.middleware import socket_guard, upload_guard
from views.shared import open_sockets as module
from views.shared import uploads as uploads_module
from views.shared.open_sockets import OpenSockets


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[facade.Studio]:
    """A studio that opens no database."""
    studio = facade.Studio(Settings(database_url=f"sqlite:///{tmp_path}/studio.db"))
    before = facade.replace_the_studio(studio)
    yield studio
    facade.replace_the_studio(before)


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> OpenSockets:
    """The open sockets, of which there are none yet."""
    fresh = OpenSockets()
    for place in (module, socket_guard, upload_guard):
        monkeypatch.setattr(place, "open_sockets", fresh)
    return fresh


@pytest.fixture
def uploads(monkeypatch: pytest.MonkeyPatch) -> Uploads:
    """The kept files, of which there are none yet."""
    fresh = Uploads()
    for place in (uploads_module, upload_guard):
        monkeypatch.setattr(place, "uploads", fresh)
    return fresh
