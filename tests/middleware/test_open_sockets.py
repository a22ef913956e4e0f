"""The sessions that are remembered."""

from __future__ import annotations

import pytest

from tests import loops
from views.shared import open_sockets as module
from views.shared.open_sockets import OpenSocket, OpenSockets


def test_of_too_many_sessions_a_closed_one_is_forgotten_first(
    sockets: OpenSockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_SESSIONS", 3)
    tabs = [OpenSocket(name, name, "") for name in "abcdef"]

    async def scene() -> None:
        for tab in tabs:
            sockets.add(tab)
            sockets.note_session(tab, f"session {tab.id}")
            if tab.id in "bd":
                sockets.remove(tab)

    loops.run(scene())
    assert [tab.id for tab in tabs if sockets.began(f"session {tab.id}", tab.browser)] == ["c", "e", "f"]
