"""What several test files of this folder use: short questions to a library."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from kie import Track
from studio.database.tables import attempts
from studio.library.edits import Library
from studio.library.search import Page
from studio.library.search_query import Query
from studio.sending.attempt_store import Store
from studio.sending.attempts import Attempt, Outcome
from tests.studio.helpers import EPOCH, ME, claim

TRACK = Track("audio-1", "Lighthouse", "folk", "", "V5", 181.5, "https://a.example/1", "https://i.example/1", EPOCH)


def names(page: Page) -> list[str]:
    return [attempt.request.name for attempt in page.attempts]


def found(library: Library, text: str = "", account: str = ME, **conditions: Any) -> list[str]:
    """The names of what is found."""
    return names(library.find(account, Query(text, **conditions)))


def ids(library: Library, text: str = "", account: str = ME, **conditions: Any) -> list[str]:
    return [attempt.id for attempt in library.find(account, Query(text, **conditions)).attempts]


def ended(store: Store, attempt: Attempt, outcome: Outcome) -> None:
    """Send a filed attempt, and write how it ended."""
    claimed = claim(store, attempt.account).attempt
    assert claimed
    assert claimed.id == attempt.id
    store.finish(claimed, outcome)


def rows_in(library: Library, table: sa.FromClause) -> int:
    with library.database.reading() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def indexed(library: Library) -> int:
    """How many attempts the search index has."""
    if library.database.kind == "postgresql":
        return rows_in(library, attempts)
    return rows_in(library, sa.table("attempts_words"))
