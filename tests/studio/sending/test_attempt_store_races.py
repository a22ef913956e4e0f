"""Races at the store: what one process decides holds although another acts between its reading and its writing.

Each test runs something in the middle of something else, on another connection. What the database makes wait is done
afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from studio.library.edits import Library
from studio.sending.attempt_store import POLL_LEASE, Claim, Store
from studio.sending.attempts import Attempt, NotAllowed, Outcome, Settled, Status
from studio.sending.batches import Batches
from studio.sending.kinds import BatchItem, body_of
from studio.sending.kinds.persona import PERSONA
from studio.sending.processes import LEASE
from tests.studio.helpers import CREATED, ME, UNKNOWN, Clock, a_request, add, claim, now, over, press_in, sent

WORKING = Outcome(Status.WORKING, handle="handle-1")
RATE = Outcome(Status.REFUSED, cause="rate", code=429, message="Too often", http_status=429)
LONG_ENOUGH = 0.3
"""Seconds within which it is done unless the database makes it wait."""


@pytest.fixture
def one(open_store: Callable[[], Store]) -> Store:
    return open_store()


@pytest.fixture
def two(open_store: Callable[[], Store]) -> Store:
    """The same database, in another process."""
    return open_store()


@contextmanager
def in_the_middle(store: Store, before: str, do: Callable[[], object]) -> Iterator[None]:
    """Do something before the first statement of a store that has this in it; if it has to wait, it is done later."""
    begun: list[Future[object]] = []

    def before_statement(connection: object, cursor: object, statement: str, *rest: object) -> None:
        if not begun and before in statement:
            begun.append(pool.submit(do))
            wait(begun, LONG_ENOUGH)

    with ThreadPoolExecutor(1) as pool:
        sa.event.listen(store.database.engine, "before_cursor_execute", before_statement)
        yield
        sa.event.remove(store.database.engine, "before_cursor_execute", before_statement)
        assert begun, "the middle was not reached"
        begun[0].result()


def test_an_answer_that_comes_while_its_attempt_is_written_off_is_on_file(one: Store, two: Store, clock: Clock) -> None:
    attempt = sent(one)
    clock.forward(LEASE.total_seconds())
    with in_the_middle(two, "UPDATE attempts", lambda: one.finish(attempt, CREATED)):
        two.write_off()
    assert (now(one, attempt).status, now(one, attempt).persona_id) == (Status.CREATED, "persona-1")


def test_what_is_cancelled_while_it_is_claimed_is_either_cancelled_or_sent(one: Store, two: Store) -> None:
    attempt = add(one)
    cancelled: list[bool] = []
    with in_the_middle(one, "UPDATE attempts", lambda: cancelled.append(two.cancel(ME, attempt.id))):
        claimed = claim(one).attempt
    assert (claimed is None) == cancelled[0]
    assert now(one, attempt).status is (Status.REFUSED if cancelled[0] else Status.SENDING)


def test_what_is_found_while_another_process_claims_it_to_poll_is_not_sent(
    one: Store, two: Store, clock: Clock
) -> None:
    attempt = sent(one)
    one.finish(attempt, WORKING)
    clock.forward(POLL_LEASE.total_seconds())
    with in_the_middle(two, "UPDATE attempts", lambda: one.finish(attempt, CREATED)):
        claimed = claim(two, executor="two").attempt
    assert claimed is None or claimed.status is Status.WORKING
    assert now(one, attempt).status is Status.CREATED


def _batch(store: Store, *tracks: str) -> str:
    rows = [a_request(audio_id=track) for track in tracks]
    batch, _ = Batches(store).start(ME, "", [BatchItem(PERSONA, body_of(row.payload()), row) for row in rows])
    return batch


def test_what_leaves_while_its_batch_is_cancelled_is_not_said_to_be_cancelled(one: Store, two: Store) -> None:
    batch = _batch(one, "audio-1")
    attempt = one.newest(ME, 1)[0]

    sent_: list[Claim] = []

    def send() -> None:
        two.send_held(ME, attempt.id)
        sent_.append(claim(two, executor="two"))

    with in_the_middle(one, "UPDATE attempts SET ended_at", send):
        cancelled = Batches(one).cancel(ME, batch)
    left = sent_[0].attempt is not None
    assert (now(one, attempt).status, cancelled) == ((Status.SENDING, 0) if left else (Status.REFUSED, 1))


def test_what_is_filed_while_its_account_is_forgotten_stays(one: Store, two: Store, clock: Clock) -> None:
    over(one, clock, UNKNOWN)
    library = Library(one.database)
    filed: list[str] = []
    with in_the_middle(one, "SELECT attempts.id, attempts.makes", lambda: filed.append(add(two, audio_id="new").id)):
        library.erase_account(ME)
    assert [attempt.id for attempt in one.newest(ME, 10)] == filed


# What comes late, again, or for something that has gone


def _written_off(store: Store, clock: Clock) -> Attempt:
    attempt = sent(store)
    clock.forward(LEASE.total_seconds())
    store.write_off()
    return attempt


def _asked_again(store: Store, clock: Clock) -> Attempt:
    """A written-off attempt whose track is asked for again, after a person had said that nothing was made."""
    attempt = _written_off(store, clock)
    Library(store.database).not_made(ME, attempt.id)
    add(store, name="Other")
    return attempt


def test_a_late_handle_is_kept_although_its_track_is_asked_for_again(store: Store, clock: Clock) -> None:
    attempt = _asked_again(store, clock)
    store.finish(attempt, WORKING)
    late = now(store, attempt)
    assert (late.status, late.outcome.handle, late.settled) == (Status.UNKNOWN, "handle-1", Settled.NOT)


def test_a_late_handle_of_a_persona_found_by_hand_is_kept_beside_it(store: Store, clock: Clock) -> None:
    attempt = _written_off(store, clock)
    Library(store.database).found_by_hand(ME, attempt.id, "persona-9")
    store.finish(attempt, WORKING)
    late = now(store, attempt)
    assert (late.status, late.persona_id, late.outcome.handle) == (Status.CREATED, "persona-9", "handle-1")


def test_a_handle_that_is_written_twice_does_not_undo_what_was_found_since(store: Store, clock: Clock) -> None:
    attempt = sent(store)
    store.finish(attempt, WORKING)
    store.finish(attempt, Outcome(Status.REFUSED, cause="failed", handle="handle-1"))
    store.finish(attempt, WORKING)
    assert now(store, attempt).status is Status.REFUSED


def test_work_of_a_forgotten_attempt_is_filed_again_although_its_track_is_asked_for_again(
    store: Store, clock: Clock
) -> None:
    attempt = _written_off(store, clock)
    Library(store.database).erase_account(ME)
    add(store, name="Other")
    store.finish(attempt, WORKING)
    late = now(store, attempt)
    assert (late.status, late.outcome.handle) == (Status.UNKNOWN, "handle-1")


def test_work_of_a_forgotten_attempt_is_polled(store: Store, clock: Clock) -> None:
    attempt = _written_off(store, clock)
    Library(store.database).erase_account(ME)
    store.finish(attempt, WORKING)
    claimed = claim(store).attempt
    assert claimed
    assert (claimed.status, claimed.ended_at) == (Status.WORKING, None)


def test_a_decision_about_a_forgotten_attempt_sends_nothing_and_says_so(store: Store, clock: Clock) -> None:
    seen = over(store, clock, UNKNOWN).seen
    Library(store.database).erase_account(ME)
    with pytest.raises(NotAllowed, match="not in the library any more"):
        press_in(store, a_request(), replaces=seen)


def test_a_decision_about_another_accounts_attempt_shows_nothing_of_it(store: Store, clock: Clock) -> None:
    seen = over(store, clock, UNKNOWN).seen
    with pytest.raises(NotAllowed):
        press_in(store, a_request(), "cccccccccccc", replaces=seen)


def test_a_pause_that_is_written_twice_is_one_pause_and_no_late_answer(store: Store) -> None:
    attempt = sent(store)
    assert store.postpone(attempt, 12, RATE)
    assert store.postpone(attempt, 12, RATE)
    assert now(store, attempt).repeats == 1


def test_what_kie_asks_to_wait_with_is_not_sent_again_once_its_batch_was_cancelled(store: Store) -> None:
    batch = _batch(store, "audio-1")
    attempt = claim(store).attempt
    assert attempt
    Batches(store).cancel(ME, batch)
    assert not store.postpone(attempt, 0, RATE)
    store.finish(attempt, RATE)
    assert (now(store, attempt).status, claim(store)) == (Status.REFUSED, Claim())


def test_what_never_left_is_cancelled_once_its_batch_was(store: Store) -> None:
    batch = _batch(store, "audio-1")
    attempt = claim(store).attempt
    assert attempt
    Batches(store).cancel(ME, batch)
    assert store.release(attempt)
    assert (now(store, attempt).status, now(store, attempt).cause) == (Status.REFUSED, "cancelled")
