"""The library of the emptied database."""

from __future__ import annotations

import pytest

from studio.library.edits import Library
from studio.sending.attempt_store import Store


@pytest.fixture
def library(store: Store) -> Library:
    return Library(store.database)
