"""Nothing of another account is seen or changed, whatever is asked of the library and the store."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import suppress

import pytest

from studio.library.edits import Library
from studio.library.import_merge import import_records
from studio.library.search_query import Order, Query
from studio.sending.attempt_store import Store
from studio.sending.attempts import NotAllowed, Seen, Status
from tests.studio.helpers import (
    CREATED,
    EPOCH,
    ME,
    REFUSED,
    UNKNOWN,
    YOU,
    Clock,
    add,
    filed,
    image,
    now,
    over,
    press_in,
    sent,
)
from tests.studio.library.helpers import TRACK, ended


@pytest.fixture
def theirs(store: Store, library: Library, clock: Clock) -> dict[str, str]:
    """What another account has, by what became of it."""
    made = over(store, clock, CREATED, account=YOU, name="Secret")
    lost = over(store, clock, UNKNOWN, account=YOU, name="Secret", audio_id="audio-2")
    again, _ = press_in(store, lost.request, YOU, replaces=lost.seen)
    ended(store, again, UNKNOWN)
    library.annotate(YOU, again.id, note="Secret", tags=["secret"], favourite=True)
    waits = sent(store, account=YOU, name="Secret", audio_id="audio-3")
    store.postpone(waits, 60, REFUSED)
    gone = filed(store, YOU, name="Secret", deleted_at=EPOCH, tags="secret")
    library.delete(YOU, filed(store, YOU, name="Secret"))
    return {"created": made.id, "lost": lost.id, "unknown": again.id, "waits": waits.id, "deleted": gone}


QUERIES: dict[str, Callable[[Library, str], object]] = {
    "find": lambda library, this: library.find(ME, Query()).attempts,
    "find deleted": lambda library, this: library.find(ME, Query(deleted=True)).attempts,
    "find favourites": lambda library, this: library.find(ME, Query(favourites=True)).attempts,
    "find by status": lambda library, this: library.find(ME, Query(statuses=(Status.CREATED,))).attempts,
    "find by name": lambda library, this: library.find(ME, Query("secret", order=Order.NAME)).attempts,
    "find by account": lambda library, this: library.find(ME, Query(YOU)).attempts,
    "count": lambda library, this: library.count(ME, Query()),
    "count by word": lambda library, this: library.count(ME, Query("secret")),
    "rows": lambda library, this: list(library.rows(ME, Query(), ["id", "name"])),
    "story": lambda library, this: library.events(ME, this),
    "length of the story": lambda library, this: library.count_events(ME, this),
    "sent again": lambda library, this: library.sent_again(ME, this),
    "tags": lambda library, this: library.tags(ME),
    "of tracks": lambda library, this: library.of_tracks(ME, ["audio-1", "audio-2"]),
}


def test_nothing_of_another_account_is_seen(library: Library, theirs: dict[str, str]) -> None:
    assert [
        (name, this) for name, query in QUERIES.items() for this, its_id in theirs.items() if query(library, its_id)
    ] == []


DEEDS: dict[str, Callable[[Store, Library, str], object]] = {
    "annotate": lambda store, library, this: library.annotate(ME, this, note="Mine", tags=["mine"], favourite=False),
    "know track": lambda store, library, this: library.record_track(ME, this, TRACK),
    "not made": lambda store, library, this: library.not_made(ME, this),
    "used": lambda store, library, this: library.record_use(ME, this, "mine"),
    "by hand": lambda store, library, this: library.found_by_hand(ME, this, "mine"),
    "delete": lambda store, library, this: library.delete(ME, this),
    "restore": lambda store, library, this: library.restore(ME, this),
    "cancel": lambda store, library, this: store.cancel(ME, this),
    "forget": lambda store, library, this: library.erase_account(ME),
    "replace": lambda store, library, this: replace_it(store, this),
    "take in": lambda store, library, this: _take_in_what_is(library, this),
}


def replace_it(store: Store, this: str) -> None:
    ended(store, add(store, replaces=Seen(this, Status.UNKNOWN), audio_id=f"a {this}"), CREATED)


def _take_in_what_is(library: Library, this: str) -> None:
    from studio.library.import_reader import Record

    values = {"id": this, "status": "created", "persona_id": "mine", "name": "Mine", "created_at": EPOCH}
    import_records(library, ME, [Record("Row 2", values)], overwrite=True)


def test_nothing_of_another_account_is_changed(store: Store, library: Library, theirs: dict[str, str]) -> None:
    before = image(library, YOU)
    changed = []
    for (name, deed), (this, its_id) in itertools.product(DEEDS.items(), theirs.items()):
        with suppress(NotAllowed):
            deed(store, library, its_id)
        if image(library, YOU) != before:
            changed.append((name, this))
            before = image(library, YOU)
    assert changed == []


def test_a_repeat_of_an_attempt_of_another_account_is_refused(store: Store, clock: Clock) -> None:
    lost = over(store, clock, UNKNOWN, account=YOU)
    with pytest.raises(NotAllowed):
        add(store, replaces=lost.seen)
    assert now(store, lost) == lost
