"""What people do with their attempts, on SQLite and on PostgreSQL: notes, settling, deleting, erasing."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from studio.database.tables import events
from studio.library.edits import Library
from studio.library.search_query import Query
from studio.sending.attempt_store import Store
from studio.sending.attempts import Attempt, Event, NeedsDecision, NotAllowed, Outcome, Settled, Status
from studio.sending.kinds import body_of
from studio.sending.kinds.boost import BOOST
from tests.studio.helpers import (
    CREATED,
    ME,
    REFUSED,
    UNKNOWN,
    YOU,
    Clock,
    a_request,
    add,
    claim,
    filed,
    image,
    now,
    over,
    press_in,
    sent,
)
from tests.studio.library.helpers import TRACK, ended, ids, indexed, rows_in

# Notes, tags, stars


def test_a_note_tags_and_a_star_read_back(library: Library) -> None:
    this = filed(library)
    library.annotate(ME, this, note="two\nlines 🎤", tags=["demo", "slow song"], favourite=True)
    (shown,) = library.find(ME, Query()).attempts
    assert (shown.note, shown.tags, shown.favourite) == ("two\nlines 🎤", ("demo", "slow song"), True)


@pytest.mark.parametrize("change", [{"note": "New"}, {"tags": ["new"]}, {"favourite": False}], ids=str)
def test_what_is_not_given_stays(library: Library, change: dict[str, Any]) -> None:
    this = filed(library, note="Old", tags="old", favourite=True)
    library.annotate(ME, this, **change)
    (shown,) = library.find(ME, Query()).attempts
    kept: dict[str, Any] = {"note": "Old", "tags": ("old",), "favourite": True} | change
    assert (shown.note, shown.tags, shown.favourite) == (kept["note"], tuple(kept["tags"]), kept["favourite"])


def test_nothing_given_changes_nothing(library: Library) -> None:
    this = filed(library, note="Old", tags="old", favourite=True)
    before = image(library, ME)
    library.annotate(ME, this)
    assert image(library, ME) == before


def test_a_note_and_tags_can_be_taken_away(library: Library) -> None:
    this = filed(library, note="Old", tags="old")
    library.annotate(ME, this, note="", tags=[])
    (shown,) = library.find(ME, Query()).attempts
    assert (shown.note, shown.tags) == ("", ())


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ([" demo ", "demo", ""], ("demo",)),
        (["slow   song", "slow\nsong"], ("slow song",)),
        (["b", "a"], ("b", "a")),
        (["Demo", "demo"], ("Demo", "demo")),
        (["x" * 40] + [str(number) for number in range(19)], ("x" * 40, *map(str, range(19)))),
    ],
    ids=str,
)
def test_tags_are_kept_without_blanks_and_doubles(library: Library, given: list[str], kept: tuple[str, ...]) -> None:
    library.annotate(ME, filed(library), tags=given)
    assert library.find(ME, Query()).attempts[0].tags == kept


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tags": ["x" * 41]}, "Tags: use at most 40 characters"),
        ({"tags": ["a,b"]}, "no comma"),
        ({"tags": ["a\0b"]}, "Tags:"),
        ({"tags": ["a\ud800"]}, "Tags:"),
        ({"tags": [str(number) for number in range(21)]}, "Tags: keep at most 20"),
        ({"note": "x" * 5001}, "Note: it has 5,001 characters. Shorten it to 5,000"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_cannot_be_kept_is_refused_with_a_reason(library: Library, change: dict[str, Any], words: str) -> None:
    this = filed(library, note="Old", tags="old")
    before = image(library, ME)
    with pytest.raises(ValueError, match=words):
        library.annotate(ME, this, favourite=True, **change)
    assert image(library, ME) == before


@pytest.mark.parametrize("note", ["a\0b", "a\ud800b"], ids=ascii)
def test_a_note_with_what_no_database_takes_is_kept_without_it(library: Library, note: str) -> None:
    library.annotate(ME, filed(library), note=note)
    assert library.find(ME, Query()).attempts[0].note == "a?b"


def test_what_kie_says_of_a_track_is_kept(library: Library) -> None:
    this = filed(library, audio_id="audio-1")
    library.record_track(ME, this, TRACK)
    assert library.find(ME, Query("lighth")).attempts[0].track == TRACK


def test_a_track_that_is_known_from_the_start_is_kept_and_found(store: Store, library: Library) -> None:
    press_in(store, a_request(), track=TRACK, author="ines@example.org", credits_before=12.5)
    (shown,) = library.find(ME, Query("lighth ines")).attempts
    assert (shown.track, shown.author, shown.credits_before) == (TRACK, "ines@example.org", 12.5)


# Settling what is unknown


def story(library: Library, attempt_id: str) -> list[tuple[str, dict[str, str], str]]:
    return [(event.kind, event.detail, event.author) for event in library.events(ME, attempt_id)]


def test_what_was_not_made_is_refused_and_says_who_said_so(store: Store, library: Library, clock: Clock) -> None:
    attempt = over(store, clock, UNKNOWN)
    library.not_made(ME, attempt.id, "ines@example.org")
    after = now(store, attempt)
    assert (after.status, after.settled, after.message) == (Status.REFUSED, Settled.NOT_MADE, UNKNOWN.message)
    assert library.events(ME, attempt.id) == [Event(clock(), "not_made", {}, "ines@example.org")]


def test_what_was_not_made_may_be_tried_again(store: Store, library: Library, clock: Clock) -> None:
    library.not_made(ME, over(store, clock, UNKNOWN).id)
    assert add(store, name="Changed").status is Status.QUEUED


def test_what_was_found_by_hand_is_a_persona_that_can_be_searched(store: Store, library: Library, clock: Clock) -> None:
    attempt = over(store, clock, UNKNOWN)
    library.found_by_hand(ME, attempt.id, " 9d2f6c1ab37e\n", "ines@example.org")
    after = now(store, attempt)
    assert (after.status, after.settled, after.persona_id) == (Status.CREATED, Settled.BY_HAND, "9d2f6c1ab37e")
    assert story(library, attempt.id) == [("by_hand", {"persona_id": "9d2f6c1ab37e"}, "ines@example.org")]
    assert ids(library, "9d2f6c") == [attempt.id]


def test_what_was_found_by_hand_needs_a_decision_to_be_replaced(store: Store, library: Library, clock: Clock) -> None:
    library.found_by_hand(ME, over(store, clock, UNKNOWN).id, "p-1")
    with pytest.raises(NeedsDecision):
        press_in(store, a_request())


def test_what_cannot_be_a_persona_id_is_not_kept(library: Library) -> None:
    this = filed(library, status="unknown")
    before = image(library, ME)
    for given in ("", "  ", "two words", "a\nb", "a\0b", "é", "x" * 201, "\ud800"):
        with pytest.raises(ValueError, match="Persona ID:"):
            library.found_by_hand(ME, this, given)
        assert image(library, ME) == before, given


SETTLE: dict[str, Callable[[Library, str], None]] = {
    "not_made": lambda library, this: library.not_made(ME, this),
    "found_by_hand": lambda library, this: library.found_by_hand(ME, this, "p-2"),
}


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.UNKNOWN])
def test_only_what_is_unknown_can_be_settled(library: Library, status: Status) -> None:
    this = filed(library, status=status.value, persona_id="p-1")
    before = image(library, ME)
    for settle in SETTLE.values():
        with pytest.raises(NotAllowed, match="Its outcome is known by now"):
            settle(library, this)
        assert image(library, ME) == before


def test_what_is_settled_cannot_be_settled_again(library: Library) -> None:
    this = filed(library, status="unknown")
    library.not_made(ME, this)
    with pytest.raises(NotAllowed):
        library.found_by_hand(ME, this, "p-1")


# Asked again, replaced


def test_asking_again_is_in_the_story_and_leads_to_the_repeat(store: Store, library: Library, clock: Clock) -> None:
    lost = over(store, clock, UNKNOWN)
    again, _ = press_in(store, lost.request, replaces=lost.seen, author="ines@example.org")
    assert story(library, lost.id) == [("asked_again", {"by": again.id}, "ines@example.org")]
    assert [each.id for each in library.sent_again(ME, lost.id)] == [again.id]


@pytest.mark.parametrize(
    ("outcome", "settled"),
    [(CREATED, Settled.ASKED_AGAIN), (REFUSED, Settled.NOT), (UNKNOWN, Settled.NOT)],
    ids=["created", "refused", "unknown"],
)
def test_a_lost_answer_is_settled_once_the_repeat_is_created(
    store: Store, clock: Clock, outcome: Outcome, settled: Settled
) -> None:
    lost = over(store, clock, UNKNOWN)
    ended(store, press_in(store, lost.request, replaces=lost.seen)[0], outcome)
    assert (now(store, lost).settled, now(store, lost).status) == (settled, Status.UNKNOWN)


def test_another_text_for_the_same_track_is_a_replacement(store: Store, library: Library, clock: Clock) -> None:
    made = over(store, clock, CREATED)
    again = add(store, name="Changed", replaces=made.seen)
    assert story(library, made.id) == [("replaced", {"by": again.id}, "")]


def test_another_text_does_not_tell_that_the_same_request_was_answered(store: Store, clock: Clock) -> None:
    lost = over(store, clock, UNKNOWN)
    ended(store, add(store, name="Changed", replaces=lost.seen), CREATED)
    assert now(store, lost).settled is not Settled.ASKED_AGAIN


def test_a_persona_that_was_replaced_is_not_settled(store: Store, clock: Clock) -> None:
    made = over(store, clock, CREATED)
    ended(store, press_in(store, made.request, replaces=made.seen)[0], CREATED)
    assert now(store, made) == made


def test_of_very_many_attempts_that_claim_to_repeat_one_the_first_are_listed_those_from_files_last(
    library: Library,
) -> None:
    this = filed(library)
    for _ in range(25):
        filed(library, replaces=this, origin="import")
    mine = filed(library, replaces=this)
    again = library.sent_again(ME, this)
    assert (len(again), again[0].id) == (20, mine)


def test_a_long_story_is_read_in_pages(library: Library) -> None:
    this, other = filed(library, persona_id="p-1"), filed(library, persona_id="p-2")
    for number in range(5):
        library.record_use(ME, this, f"song {number}")
        library.record_use(ME, other, "another's")
    library.delete(ME, this)
    newest = library.events(ME, this, limit=2)
    assert [(event.kind, event.detail) for event in newest] == [("used", {"for": "song 4"}), ("deleted", {})]
    assert [event.detail["for"] for event in library.events(ME, this, kind="used", skip=3, limit=2)] == [
        "song 0", "song 1",
    ]  # fmt: skip
    assert (library.count_events(ME, this), library.count_events(ME, this, kind="used")) == (6, 5)


def test_a_first_request_leaves_no_story(store: Store, library: Library, clock: Clock) -> None:
    assert library.events(ME, over(store, clock, CREATED).id) == []


# Answers that come after all


def test_an_answer_after_all_is_in_the_story(store: Store, library: Library, clock: Clock) -> None:
    attempt = over(store, clock, UNKNOWN)
    store.finish(attempt, CREATED)
    assert library.events(ME, attempt.id) == [Event(clock(), "late_answer", {"was": "unknown", "persona_id": ""})]


def test_an_answer_after_all_keeps_the_id_that_was_typed_in_the_story(
    store: Store, library: Library, clock: Clock
) -> None:
    attempt = over(store, clock, UNKNOWN)
    library.found_by_hand(ME, attempt.id, "typed-in")
    store.finish(attempt, CREATED)
    assert now(store, attempt).persona_id == "persona-1"
    assert story(library, attempt.id)[-1] == ("late_answer", {"was": "created", "persona_id": "typed-in"}, "")


@pytest.mark.parametrize("settle", SETTLE)
def test_an_answer_after_all_takes_the_place_of_what_a_person_said(
    store: Store, library: Library, clock: Clock, settle: str
) -> None:
    attempt = over(store, clock, UNKNOWN)
    SETTLE[settle](library, attempt.id)
    store.finish(attempt, CREATED)
    after = now(store, attempt)
    assert (after.status, after.persona_id, after.settled) == (Status.CREATED, "persona-1", Settled.NOT)


def test_an_answer_after_all_is_found_by_its_id(store: Store, library: Library, clock: Clock) -> None:
    attempt = over(store, clock, UNKNOWN)
    store.finish(attempt, CREATED)
    assert ids(library, "persona 1", statuses=(Status.CREATED,)) == [attempt.id]


def test_an_answer_in_time_has_no_story(store: Store, library: Library, clock: Clock) -> None:
    assert library.events(ME, over(store, clock, CREATED).id) == []


def test_writing_an_answer_once_more_adds_nothing(store: Store, library: Library, clock: Clock) -> None:
    attempt = over(store, clock, CREATED)
    before = image(library, ME)
    store.finish(attempt, CREATED)
    assert [row["story"] for row in image(library, ME)] == [[]]
    assert [row["words"] for row in image(library, ME)] == [row["words"] for row in before]


def test_an_id_of_any_length_is_written(store: Store, clock: Clock) -> None:
    attempt = sent(store)
    drawn = random.Random(1)
    long = "".join(drawn.choice("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(9_000))
    store.finish(attempt, Outcome(Status.CREATED, persona_id=long))
    assert now(store, attempt).persona_id == long


# Deleting, bringing back, forgetting


def test_a_deleted_attempt_is_in_the_list_of_deleted_ones_only(store: Store, library: Library, clock: Clock) -> None:
    this = over(store, clock, CREATED).id
    library.delete(ME, this, "ines@example.org")
    assert (ids(library), ids(library, "quay"), library.count(ME, Query("quay")), store.newest(ME, 9)) == (
        [], [], 0, [],
    )  # fmt: skip
    assert ids(library, deleted=True) == ids(library, "quay", deleted=True) == [this]
    assert story(library, this) == [("deleted", {}, "ines@example.org")]


def test_a_deleted_attempt_comes_back_as_it_was(store: Store, library: Library, clock: Clock) -> None:
    attempt = over(store, clock, CREATED)
    library.delete(ME, attempt.id)
    library.restore(ME, attempt.id, "ines@example.org")
    assert now(store, attempt) == attempt
    assert ids(library) == ids(library, "quay", statuses=(Status.CREATED,)) == [attempt.id]
    assert story(library, attempt.id)[1:] == [("restored", {}, "ines@example.org")]


def test_what_a_persona_was_used_for_stands_in_its_story(library: Library) -> None:
    this = filed(library, persona_id="p-1")
    library.record_use(ME, this, "  Autumn album,\n track 3 ", "ines@example.org")
    library.record_use(ME, this, "=trailer")
    library.record_use(ME, this, "  ")
    assert story(library, this) == [
        ("used", {"for": "Autumn album, track 3"}, "ines@example.org"),
        ("used", {"for": "=trailer"}, ""),
    ]
    with pytest.raises(ValueError, match="Used for: it has 201 characters"):
        library.record_use(ME, this, "x" * 201)
    with pytest.raises(NotAllowed):
        library.record_use(ME, filed(library, status="refused", persona_id=""), "nothing")


def test_deleting_and_bringing_back_twice_is_told_once(library: Library) -> None:
    this = filed(library)
    for change in (library.restore, library.delete, library.delete, library.restore, library.restore):
        change(ME, this)
    assert [kind for kind, _, _ in story(library, this)] == ["deleted", "restored"]


def test_a_deleted_persona_still_needs_a_decision(store: Store, library: Library, clock: Clock) -> None:
    library.delete(ME, over(store, clock, CREATED).id)
    with pytest.raises(NeedsDecision):
        press_in(store, a_request(name="Changed"))


@pytest.mark.parametrize("make", [add, sent], ids=["queued", "sending"])
def test_what_is_on_its_way_is_not_deleted(store: Store, library: Library, make: Callable[[Store], Attempt]) -> None:
    attempt = make(store)
    with pytest.raises(NotAllowed, match="on its way"):
        library.delete(ME, attempt.id)
    assert now(store, attempt) == attempt


@pytest.mark.parametrize("change", [Library.not_made, Library.delete, Library.annotate])
def test_what_is_not_there_cannot_be_changed(library: Library, change: Callable[[Library, str, str], None]) -> None:
    with pytest.raises(NotAllowed, match="not in this library"):
        change(library, ME, "f" * 32)


def test_forgetting_leaves_nothing_of_an_account(store: Store, library: Library, clock: Clock) -> None:
    over(store, clock, CREATED)
    library.not_made(ME, over(store, clock, UNKNOWN, audio_id="audio-2").id)
    library.delete(ME, over(store, clock, REFUSED, audio_id="audio-3").id)
    assert library.erase_account(ME) == 3
    assert (image(library, ME), rows_in(library, events), indexed(library)) == ([], 0, 0)


def test_forgetting_leaves_what_is_anothers(store: Store, library: Library, clock: Clock) -> None:
    over(store, clock, CREATED)
    library.not_made(YOU, over(store, clock, UNKNOWN, account=YOU).id)
    for who in (ME, YOU):
        store.add(who, BOOST, body_of({"content": "warm"}))
        boost = claim(store, who).attempt
        assert boost
        store.finish(boost, CREATED)
    before = image(library, YOU)
    library.erase_account(ME)
    assert (image(library, ME), image(library, YOU)) == ([], before)


@pytest.mark.parametrize("make", [add, sent], ids=["queued", "sending"])
def test_nothing_is_forgotten_while_something_is_on_its_way(
    store: Store, library: Library, clock: Clock, make: Callable[..., Attempt]
) -> None:
    library.not_made(ME, over(store, clock, UNKNOWN).id)
    make(store, audio_id="audio-2")
    before = image(library, ME)
    with pytest.raises(NotAllowed, match="on its way"):
        library.erase_account(ME)
    assert image(library, ME) == before
