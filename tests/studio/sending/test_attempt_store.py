"""The store's rules, on SQLite and on PostgreSQL: what may follow what, and who may see and send what."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from studio.database.connection import CommitInDoubt, Database
from studio.database.tables import attempts, departures
from studio.exceptions import MaybeSaved, NotSaved
from studio.sending.attempt_store import Claim, Store
from studio.sending.attempts import Attempt, NeedsDecision, Outcome, Settled, Status
from studio.sending.kinds import body_of
from studio.sending.kinds.boost import BOOST
from studio.sending.processes import LEASE
from studio.sending.rate_limit import SLACK
from tests.studio.helpers import (
    CREATED,
    ME,
    PERIOD,
    REFUSED,
    UNKNOWN,
    YOU,
    Clock,
    a_request,
    add,
    claim,
    filed,
    now,
    over,
    press_in,
    sent,
)

RATE = Outcome(Status.REFUSED, cause="rate", code=429, message="Too often", http_status=429)
GONE_AFTER = LEASE.total_seconds()


# Filing


def test_a_new_request_is_queued(store: Store) -> None:
    assert add(store).status is Status.QUEUED


def test_a_request_reads_back_as_it_was_filed(store: Store) -> None:
    wanted = a_request(
        name="Überkai 🎤 «é»", description="two\nlines", style="", vocal_start=1.25, vocal_end=21.3, task_id="t" * 128
    )
    attempt, _ = press_in(store, wanted)
    assert now(store, attempt).request == wanted


def test_times_read_back_with_their_zone(store: Store, clock: Clock) -> None:
    created = now(store, add(store)).created_at
    assert (created, created.tzinfo) == (clock(), UTC)


def test_while_one_is_queued_the_track_gets_no_second(store: Store, clock: Clock) -> None:
    first = add(store)
    clock.forward(60)
    assert press_in(store, a_request(name="Other")) == (first, False)


def test_while_one_is_sending_the_track_gets_no_second(store: Store, clock: Clock) -> None:
    first = sent(store)
    clock.forward(60)
    assert press_in(store, a_request(name="Other")) == (first, False)


@pytest.mark.parametrize("fields", [{"account": YOU}, {"audio_id": "audio-2"}], ids=["account", "track"])
def test_another_account_or_track_is_not_held_up(store: Store, fields: dict[str, Any]) -> None:
    add(store)
    assert add(store, **fields).status is Status.QUEUED


def test_twenty_threads_filing_one_track_file_one_attempt(open_store: Callable[[], Store]) -> None:
    stores = [open_store(), open_store()]
    start = threading.Barrier(20)

    def press(number: int) -> tuple[str, bool]:
        start.wait()
        attempt, new = press_in(stores[number % 2], a_request(name=f"Name {number}"))
        return attempt.id, new

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(press, range(20)))
    assert (len({attempt_id for attempt_id, _ in answers}), sum(new for _, new in answers)) == (1, 1)


def _copy(store: Store, attempt: Attempt, **changed: object) -> None:
    with store.database.writing() as connection:
        row = dict(connection.execute(sa.select(attempts).where(attempts.c.id == attempt.id)).one()._mapping)
        connection.execute(sa.insert(attempts).values({**row, "id": "copy", "number": attempt.number + 1, **changed}))


@pytest.mark.parametrize("second", ["queued", "sending"])
@pytest.mark.parametrize("first", ["queued", "sending"])
def test_the_database_itself_refuses_two_in_flight_for_one_track(store: Store, first: str, second: str) -> None:
    attempt = sent(store) if first == "sending" else add(store)
    with pytest.raises(sa.exc.IntegrityError):
        _copy(store, attempt, status=second)


def test_the_database_allows_any_number_that_ended(store: Store) -> None:
    attempt = add(store)
    _copy(store, attempt, status="refused")
    with store.database.writing() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(attempts)).scalar() == 2


# The same click, and a decision


def test_an_identical_request_within_a_second_is_the_same_click(store: Store, clock: Clock) -> None:
    first = sent(store)
    store.finish(first, REFUSED)
    clock.forward(0.9)
    assert press_in(store, a_request()) == (now(store, first), False)


def test_the_same_click_on_a_created_persona_shows_it(store: Store, clock: Clock) -> None:
    first = sent(store)
    store.finish(first, CREATED)
    clock.forward(0.9)
    assert press_in(store, a_request())[0].persona_id == "persona-1"


def test_an_identical_request_after_a_second_is_a_new_click(store: Store, clock: Clock) -> None:
    first = sent(store)
    store.finish(first, REFUSED)
    clock.forward(1)
    assert add(store).id != first.id


def test_changed_words_within_a_second_are_a_new_click(store: Store) -> None:
    first = sent(store)
    store.finish(first, REFUSED)
    assert add(store, name="Changed").id != first.id


@pytest.mark.parametrize("outcome", [CREATED, UNKNOWN], ids=lambda outcome: outcome.status.value)
def test_a_track_that_may_have_a_persona_needs_a_decision(store: Store, clock: Clock, outcome: Outcome) -> None:
    earlier = over(store, clock, outcome)
    with pytest.raises(NeedsDecision) as raised:
        press_in(store, a_request(name="Again"))
    assert raised.value.earlier == earlier


@pytest.mark.parametrize("outcome", [CREATED, UNKNOWN], ids=lambda outcome: outcome.status.value)
def test_a_decision_that_names_the_attempt_lets_it_pass(store: Store, clock: Clock, outcome: Outcome) -> None:
    earlier = over(store, clock, outcome)
    assert add(store, replaces=earlier.seen).replaces == earlier.id


def test_a_decision_about_an_older_attempt_does_not_count(store: Store, clock: Clock) -> None:
    older = over(store, clock, UNKNOWN)
    over(store, clock, CREATED, replaces=older.seen)
    with pytest.raises(NeedsDecision):
        press_in(store, a_request(), replaces=older.seen)


def test_a_refusal_in_between_does_not_hide_the_persona(store: Store, clock: Clock) -> None:
    made = over(store, clock, CREATED)
    over(store, clock, REFUSED, replaces=made.seen)
    with pytest.raises(NeedsDecision) as raised:
        press_in(store, a_request())
    assert raised.value.earlier.id == made.id


def test_a_refused_track_may_be_tried_again(store: Store, clock: Clock) -> None:
    over(store, clock, REFUSED)
    assert add(store).status is Status.QUEUED


def test_what_another_account_made_needs_no_decision(store: Store, clock: Clock) -> None:
    over(store, clock, CREATED, account=YOU)
    assert add(store).status is Status.QUEUED


# Sending


def test_a_claimed_attempt_is_sending(store: Store, clock: Clock) -> None:
    attempt = add(store)
    claimed = claim(store, executor="two").attempt
    assert claimed
    assert claimed == replace(
        attempt, outcome=Outcome(Status.SENDING), sent_at=clock(), executor="two", claim=claimed.claim
    )


@pytest.mark.parametrize("outcome", [CREATED, REFUSED, UNKNOWN], ids=lambda outcome: outcome.status.value)
def test_an_outcome_is_written_with_all_that_is_known(store: Store, clock: Clock, outcome: Outcome) -> None:
    attempt = sent(store)
    clock.forward(3)
    store.finish(attempt, outcome)
    assert now(store, attempt) == replace(attempt, outcome=outcome, ended_at=clock(), due_at=None)


@pytest.mark.parametrize("outcome", [CREATED, REFUSED, UNKNOWN], ids=lambda outcome: outcome.status.value)
def test_an_attempt_that_ended_is_never_sent_again(store: Store, clock: Clock, outcome: Outcome) -> None:
    over(store, clock, outcome)
    assert claim(store) == Claim()


def test_of_twenty_threads_one_is_told_to_go(open_store: Callable[[], Store]) -> None:
    stores = [open_store(), open_store()]
    add(stores[0])
    start = threading.Barrier(20)

    def ask(number: int) -> bool:
        start.wait()
        return claim(stores[number % 2]).attempt is not None

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(ask, range(20))) == 1


def test_what_was_filed_first_is_sent_first(store: Store, clock: Clock) -> None:
    filed = []
    for number in range(3):
        filed.append(add(store, audio_id=f"audio {number}").id)
        clock.forward(0.1)
    assert [claimed.id for claimed in (claim(store).attempt for _ in range(3)) if claimed] == filed


# The rate limit


def test_the_twenty_first_request_in_ten_seconds_waits(store: Store, clock: Clock) -> None:
    first = clock()
    for number in range(20):
        sent(store, audio_id=f"audio {number}")
        clock.forward(0.1)
    add(store, audio_id="one more")
    assert claim(store) == Claim(at=first + PERIOD * (1 + SLACK))


def test_the_twenty_first_request_goes_when_the_first_is_ten_seconds_old(store: Store, clock: Clock) -> None:
    for number in range(20):
        sent(store, audio_id=f"audio {number}")
    add(store, audio_id="one more")
    clock.forward((PERIOD * (1 + SLACK)).total_seconds())
    assert claim(store).attempt


def test_what_counts_is_when_a_request_left_not_when_it_was_claimed(store: Store, clock: Clock) -> None:
    attempts_ = [sent(store, audio_id=f"audio {number}") for number in range(20)]
    clock.forward(1.5)
    for attempt in attempts_:
        store.record_departure(attempt)
    add(store, audio_id="one more")
    clock.forward(10)
    assert claim(store).attempt is None


def test_a_request_that_is_sent_again_counts_twice(store: Store, clock: Clock) -> None:
    first = sent(store)
    store.postpone(first, 0, RATE)
    for number in range(19):
        sent(store, audio_id=f"audio {number}") if number else claim(store)
    add(store, audio_id="one more")
    assert claim(store).attempt is None


def test_imported_rows_and_times_in_the_future_do_not_count(store: Store, clock: Clock) -> None:
    with store.database.writing() as connection:
        far = clock() + timedelta(days=60_000)
        rows = [{"claim": f"c{number}", "account": ME, "at": far} for number in range(20)]
        connection.execute(sa.insert(departures), rows)
    add(store)
    assert claim(store).attempt


def test_departures_are_not_kept_for_ever(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.sending.rate_limit.FORGETTING", "")
    for number in range(5):
        sent(store, audio_id=f"audio {number}")
        clock.forward(61)
    with store.database.reading() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(departures)).scalar() == 1


def test_the_sign_of_life_of_a_process_whose_clock_is_ahead_lifts_no_limit(open_store: Callable[[], Store]) -> None:
    one, two = open_store(), open_store()
    for number in range(20):
        sent(one, audio_id=f"audio {number}")
    add(one, audio_id="one more")
    ahead = two.now
    two.now = lambda: ahead() + timedelta(hours=1)
    two.processes.heartbeat("two")
    assert claim(one).attempt is None


def test_a_row_without_a_time_holds_nobody_up(store: Store) -> None:
    filed(store, status="queued", due_at=None)
    due = add(store, audio_id="due")
    claimed = claim(store).attempt
    assert claimed
    assert claimed.id == due.id


def test_two_processes_share_an_accounts_rate(open_store: Callable[[], Store]) -> None:
    one, two = open_store(), open_store()
    for number in range(20):
        sent((one, two)[number % 2], audio_id=f"audio {number}")
    add(one, audio_id="one more")
    assert [claim(each).attempt for each in (one, two)] == [None, None]


def test_threads_that_claim_at_once_keep_the_rate(open_store: Callable[[], Store]) -> None:
    stores = [open_store(), open_store()]
    for number in range(30):
        add(stores[0], audio_id=f"audio {number}")
    start = threading.Barrier(10)

    def ask(first: int) -> int:
        start.wait()
        return sum(claim(stores[first % 2]).attempt is not None for _ in range(3))

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(ask, range(10))) == 20


def test_another_accounts_rate_is_its_own(store: Store) -> None:
    for number in range(20):
        sent(store, audio_id=f"audio {number}")
    add(store, account=YOU)
    assert claim(store, YOU).attempt


# Waiting


def test_a_postponed_attempt_is_queued_again_and_says_why(store: Store, clock: Clock) -> None:
    attempt = sent(store)
    assert store.postpone(attempt, 12, RATE)
    shown = now(store, attempt)
    assert (shown.status, shown.repeats, shown.wait_until, shown.cause, shown.code, shown.message) == (
        Status.QUEUED, 1, clock() + timedelta(seconds=12), "rate", 429, "Too often",
    )  # fmt: skip


def test_a_postponed_attempt_waits_out_its_pause(store: Store, clock: Clock) -> None:
    attempt = sent(store)
    store.postpone(attempt, 12, RATE)
    due = clock() + timedelta(seconds=12)
    clock.forward(5)
    assert claim(store) == Claim(at=due)


def test_a_postponed_attempt_goes_after_its_pause(store: Store, clock: Clock) -> None:
    store.postpone(sent(store), 12, RATE)
    clock.forward(12)
    assert claim(store).attempt


def test_a_second_pause_that_is_not_written_yet_looks_the_same_to_a_page_and_to_who_watches(store: Store) -> None:
    store.postpone(sent(store), 0, RATE)
    attempt = claim(store).attempt
    assert attempt
    pause = replace(RATE, status=Status.QUEUED)
    assert store.states([attempt.id], {attempt.id: pause}) == {
        attempt.id: now(store, attempt).with_unsaved(pause).state
    }


def test_an_attempt_that_ended_cannot_be_postponed(store: Store, clock: Clock) -> None:
    attempt = sent(store)
    store.finish(attempt, CREATED)
    assert not store.postpone(attempt, 1, RATE)
    assert now(store, attempt).status is Status.CREATED


def test_a_pause_that_is_written_twice_does_not_stop_what_was_sent_since(store: Store, clock: Clock) -> None:
    first = sent(store)
    store.postpone(first, 0, RATE)
    again = claim(store).attempt
    assert again
    assert not store.postpone(first, 0, RATE)
    assert now(store, first).status is Status.SENDING


def test_what_never_left_is_put_back_as_it_was(store: Store) -> None:
    attempt = add(store)
    claimed = claim(store).attempt
    assert claimed
    assert store.release(claimed)
    assert (now(store, attempt).status, now(store, attempt).repeats) == (Status.QUEUED, 0)


def test_what_never_left_does_not_count_for_the_rate(store: Store) -> None:
    for number in range(20):
        claimed = sent(store, audio_id=f"audio {number}")
    store.release(claimed)
    assert claim(store).attempt


def test_accounts_with_something_due_are_found(store: Store, clock: Clock) -> None:
    add(store)
    store.postpone(sent(store, account=YOU), 60, RATE)
    assert store.accounts_due([ME, YOU, "stranger"]) == [ME]


def test_what_is_due_only_now_is_left_to_who_filed_it(store: Store, clock: Clock) -> None:
    add(store)
    assert store.accounts_due([ME], since=timedelta(seconds=3)) == []
    clock.forward(3)
    assert store.accounts_due([ME], since=timedelta(seconds=3)) == [ME]


def test_after_the_clock_was_set_back_nothing_waits_for_hours(store: Store, clock: Clock) -> None:
    add(store)
    clock.forward(-3600)
    store.correct_due_times()
    assert claim(store).attempt


# Cancelling


def test_a_queued_attempt_can_be_cancelled(store: Store) -> None:
    attempt = add(store)
    assert store.cancel(ME, attempt.id)
    assert (now(store, attempt).status, now(store, attempt).cause) == (Status.REFUSED, "cancelled")
    assert claim(store) == Claim()


def test_what_is_being_sent_cannot_be_cancelled(store: Store) -> None:
    assert not store.cancel(ME, sent(store).id)


def test_another_account_cancels_nothing(store: Store) -> None:
    assert not store.cancel(YOU, add(store).id)


# Requests that were on their way


def lost(store: Store, clock: Clock) -> Attempt:
    """An attempt that was written off, because its process was not seen for a while."""
    store.processes.heartbeat("one")
    attempt = sent(store)
    clock.forward(GONE_AFTER)
    assert store.write_off() == [attempt.id]
    return attempt


def test_what_a_gone_process_was_sending_is_unknown_and_not_sent_again(store: Store, clock: Clock) -> None:
    attempt = lost(store, clock)
    assert (now(store, attempt).status, now(store, attempt).cause) == (Status.UNKNOWN, "no_answer")
    assert claim(store, executor="two") == Claim()


def test_what_a_living_process_is_sending_is_left_alone(store: Store, clock: Clock) -> None:
    store.processes.heartbeat("one")
    attempt = sent(store)
    clock.forward(GONE_AFTER - 1)
    assert store.write_off() == []
    assert now(store, attempt) == attempt


def test_a_written_off_attempt_is_not_sent_again_when_kie_asked_to_wait(store: Store, clock: Clock) -> None:
    attempt = lost(store, clock)
    assert not store.postpone(attempt, 0, RATE)
    store.finish(attempt, RATE)
    assert (now(store, attempt).status, claim(store)) == (Status.REFUSED, Claim())


def test_a_late_persona_is_written_over_unknown(store: Store, clock: Clock) -> None:
    attempt = lost(store, clock)
    store.finish(attempt, CREATED)
    assert (now(store, attempt).status, now(store, attempt).persona_id) == (Status.CREATED, "persona-1")


def test_a_late_refusal_is_written_over_what_was_written_off(store: Store, clock: Clock) -> None:
    attempt = lost(store, clock)
    store.finish(attempt, REFUSED)
    assert now(store, attempt).status is Status.REFUSED


def test_another_claims_refusal_changes_nothing(store: Store) -> None:
    first = sent(store)
    store.postpone(first, 0, RATE)
    claim(store)
    store.finish(first, REFUSED)
    assert now(store, first).status is Status.SENDING


def test_a_persona_of_a_forgotten_attempt_is_filed_again(store: Store, clock: Clock) -> None:
    attempt = lost(store, clock)
    with store.database.writing() as connection:
        connection.execute(sa.delete(attempts))
    store.finish(attempt, CREATED)
    again = now(store, attempt)
    assert (again.status, again.persona_id, again.request) == (Status.CREATED, "persona-1", attempt.request)


def test_a_refusal_of_a_forgotten_attempt_is_forgotten_too(store: Store, clock: Clock) -> None:
    attempt = lost(store, clock)
    with store.database.writing() as connection:
        connection.execute(sa.delete(attempts))
    store.finish(attempt, REFUSED)
    assert store.get(ME, attempt.id) is None


def test_a_late_persona_brings_a_deleted_attempt_back(store: Store, clock: Clock) -> None:
    attempt = lost(store, clock)
    with store.database.writing() as connection:
        connection.execute(sa.update(attempts).values(deleted_at=clock()))
    store.finish(attempt, CREATED)
    assert now(store, attempt).deleted_at is None


def test_a_person_who_was_quicker_keeps_their_word_and_the_answer_is_told(store: Store, clock: Clock) -> None:
    from studio.library.edits import Library

    attempt = lost(store, clock)
    library = Library(store.database)
    library.found_by_hand(ME, attempt.id, "persona-9")
    store.finish(attempt, REFUSED)
    assert (now(store, attempt).status, now(store, attempt).settled) == (Status.CREATED, Settled.BY_HAND)
    assert [event.kind for event in library.events(ME, attempt.id)] == ["by_hand", "late_answer"]


def test_a_decision_about_a_state_that_has_changed_is_asked_for_again(store: Store, clock: Clock) -> None:
    attempt = lost(store, clock)
    seen = now(store, attempt).seen
    store.finish(attempt, CREATED)
    with pytest.raises(NeedsDecision) as raised:
        press_in(store, a_request(), replaces=seen)
    assert (raised.value.stale, raised.value.earlier.status) == (True, Status.CREATED)


# A database that breaks off


def breaks_off(monkeypatch: pytest.MonkeyPatch, *, before: bool) -> None:
    """Let the next commit break off, before or after it is done."""
    writing = Database.writing
    calls = iter([True])

    @contextmanager
    def breaking(self: Database) -> Iterator[sa.Connection]:
        if not next(calls, False):
            with writing(self) as connection:
                yield connection
            return
        try:
            with writing(self) as connection:
                yield connection
                if before:
                    raise ZeroDivisionError
        except ZeroDivisionError:
            pass
        raise CommitInDoubt

    monkeypatch.setattr(Database, "writing", breaking)


def test_what_was_filed_although_the_commits_answer_was_lost_counts_as_filed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaks_off(monkeypatch, before=False)
    attempt, new = press_in(store, a_request())
    assert (new, now(store, attempt).status) == (True, Status.QUEUED)


def test_what_was_not_filed_is_said_to_be_not_saved(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    breaks_off(monkeypatch, before=True)
    with pytest.raises(NotSaved) as raised:
        press_in(store, a_request())
    assert not isinstance(raised.value, MaybeSaved)


def test_if_nobody_can_say_whether_it_is_filed_it_may_be(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*args: object) -> None:
        raise NotSaved

    breaks_off(monkeypatch, before=False)
    monkeypatch.setattr(Store, "_read_back", stopped)
    with pytest.raises(MaybeSaved, match="may be on file"):
        press_in(store, a_request())


# A backup that was brought back


def test_what_waits_in_a_copy_of_the_database_waits_for_a_person(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.hold_restored()
    attempt = add(store)
    monkeypatch.setattr(Database, "identity", lambda *args: "another file")
    assert store.hold_restored() == 1
    assert (now(store, attempt).held, claim(store)) == (True, Claim())


def test_a_held_attempt_goes_when_a_person_says_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.hold_restored()
    attempt = add(store)
    monkeypatch.setattr(Database, "identity", lambda *args: "another file")
    store.hold_restored()
    assert store.send_held(ME, attempt.id)
    assert claim(store).attempt


def test_a_held_attempt_can_be_cancelled(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.hold_restored()
    attempt = add(store)
    monkeypatch.setattr(Database, "identity", lambda *args: "another file")
    store.hold_restored()
    assert store.cancel(ME, attempt.id)


@pytest.mark.parametrize(("minutes", "held"), [(1, 0), (11, 1)])
def test_after_a_crash_it_depends_on_how_long_ago_that_was(store: Store, clock: Clock, minutes: int, held: int) -> None:
    store.hold_restored()
    store.processes.heartbeat("one")
    add(store)
    clock.forward(60 * minutes)
    assert store.hold_restored() == held


def test_after_an_orderly_end_all_goes_on_however_late(store: Store, clock: Clock) -> None:
    store.hold_restored()
    store.processes.heartbeat("one")
    add(store)
    store.processes.unregister("one")
    clock.forward(86_400)
    assert store.hold_restored() == 0


# Another kind


def test_a_boost_is_not_in_the_way_of_a_persona(store: Store) -> None:
    store.add(ME, BOOST, body_of({"content": "warm"}))
    assert add(store).status is Status.QUEUED


def test_the_same_text_is_boosted_once_at_a_time(store: Store, clock: Clock) -> None:
    first, _ = store.add(ME, BOOST, body_of({"content": "warm"}))
    clock.forward(60)
    assert store.add(ME, BOOST, body_of({"content": "warm"})) == (first, False)
    assert store.add(ME, BOOST, body_of({"content": "cold"}))[1]


def test_a_boost_needs_no_decision(store: Store, clock: Clock) -> None:
    store.add(ME, BOOST, body_of({"content": "warm"}))
    claimed = claim(store).attempt
    assert claimed
    store.finish(claimed, UNKNOWN)
    clock.forward(2)
    assert store.add(ME, BOOST, body_of({"content": "warm"}))[1]


# Looking


def test_another_account_cannot_get_an_attempt(store: Store) -> None:
    assert store.get(YOU, add(store).id) is None


def test_lists_hold_only_the_accounts_own(store: Store) -> None:
    add(store)
    mine = add(store, account=YOU)
    assert [each.id for each in store.newest(YOU, 10)] == [mine.id]


def test_the_history_has_the_newest_first(store: Store, clock: Clock) -> None:
    filed = []
    for number in range(5):
        filed.append(add(store, audio_id=f"audio {number}").id)
        clock.forward(1)
    assert [each.id for each in store.newest(ME, 10)] == filed[::-1]


def test_the_newest_stop_at_the_limit(store: Store, clock: Clock) -> None:
    for number in range(5):
        newest = add(store, audio_id=f"audio {number}")
        clock.forward(1)
    assert [each.id for each in store.newest(ME, 1)] == [newest.id]


def test_lists_leave_the_raw_answers_on_disk(store: Store, clock: Clock) -> None:
    over(store, clock, CREATED)
    assert [each.raw for each in store.newest(ME, 10)] == [""]


def test_one_attempt_comes_with_its_raw_answer(store: Store, clock: Clock) -> None:
    assert over(store, clock, CREATED).raw == CREATED.raw
