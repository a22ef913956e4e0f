"""The store's rules, on SQLite and on PostgreSQL: what may follow what, and who may see and send what."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, timedelta

import pytest
import sqlalchemy as sa
from studio_helpers import (
    CREATED,
    ME,
    REFUSED,
    UNKNOWN,
    YOU,
    Clock,
    a_request,
    add,
    claim,
    now,
    over,
    sent,
)

from studio.sending.attempts import Attempt, Outcome, Status
from studio.database.tables import attempts
from studio.sending.store import Claim, NeedsDecision, Store

RATE = Outcome(Status.REFUSED, cause="rate", code=429, message="Too often", http_status=429)
LEASE = 8.0


# Filing


def test_a_new_request_is_queued(store: Store) -> None:
    assert add(store).status is Status.QUEUED


def test_a_request_reads_back_as_it_was_filed(store: Store) -> None:
    wanted = a_request(
        name="Überkai 🎤 «é»", description="two\nlines", style="", vocal_start=1.25, vocal_end=21.3, task_id="t" * 128
    )
    attempt, _ = store.add(ME, wanted, "one")
    assert now(store, attempt).request == wanted


def test_times_read_back_with_their_zone(store: Store, clock: Clock) -> None:
    created = now(store, add(store)).created_at
    assert (created, created.tzinfo) == (clock(), UTC)


def test_while_one_is_queued_the_track_gets_no_second(store: Store, clock: Clock) -> None:
    first = add(store)
    clock.forward(60)
    assert store.add(ME, a_request(name="Other"), "two") == (first, False)


def test_while_one_is_sending_the_track_gets_no_second(store: Store, clock: Clock) -> None:
    first = sent(store)
    clock.forward(60)
    assert store.add(ME, a_request(name="Other"), "two") == (first, False)


@pytest.mark.parametrize("fields", [{"account": YOU}, {"audio_id": "audio-2"}], ids=["account", "track"])
def test_another_account_or_track_is_not_held_up(store: Store, fields: dict[str, str]) -> None:
    add(store)
    assert add(store, **fields).status is Status.QUEUED  # type: ignore[arg-type]


def test_twenty_threads_filing_one_track_file_one_attempt(open_store: Callable[[], Store]) -> None:
    stores = [open_store(), open_store()]
    start = threading.Barrier(20)

    def press(number: int) -> tuple[str, bool]:
        start.wait()
        attempt, new = stores[number % 2].add(ME, a_request(name=f"Name {number}"), "one")
        return attempt.id, new

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(press, range(20)))
    assert (len({attempt_id for attempt_id, _ in answers}), sum(new for _, new in answers)) == (1, 1)


def _copy(store: Store, attempt: Attempt, **changed: object) -> None:
    with store.engine.begin() as connection:
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
    with store.engine.begin() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(attempts)).scalar() == 2


# The same click, and a decision


def test_an_identical_request_within_a_second_is_the_same_click(store: Store, clock: Clock) -> None:
    first = sent(store)
    store.finish(first.id, REFUSED, "one")
    clock.forward(0.9)
    assert store.add(ME, a_request(), "one") == (now(store, first), False)


def test_the_same_click_on_a_created_persona_shows_it(store: Store, clock: Clock) -> None:
    first = sent(store)
    store.finish(first.id, CREATED, "one")
    clock.forward(0.9)
    assert store.add(ME, a_request(), "one")[0].persona_id == "persona-1"


def test_an_identical_request_after_a_second_is_a_new_click(store: Store, clock: Clock) -> None:
    first = sent(store)
    store.finish(first.id, REFUSED, "one")
    clock.forward(1)
    assert add(store).id != first.id


def test_changed_words_within_a_second_are_a_new_click(store: Store) -> None:
    first = sent(store)
    store.finish(first.id, REFUSED, "one")
    assert add(store, name="Changed").id != first.id


@pytest.mark.parametrize("outcome", [CREATED, UNKNOWN], ids=lambda outcome: outcome.status.value)
def test_a_track_that_may_have_a_persona_needs_a_decision(store: Store, clock: Clock, outcome: Outcome) -> None:
    earlier = over(store, clock, outcome)
    with pytest.raises(NeedsDecision) as raised:
        store.add(ME, a_request(name="Again"), "one")
    assert raised.value.earlier == earlier


@pytest.mark.parametrize("outcome", [CREATED, UNKNOWN], ids=lambda outcome: outcome.status.value)
def test_a_decision_that_names_the_attempt_lets_it_pass(store: Store, clock: Clock, outcome: Outcome) -> None:
    earlier = over(store, clock, outcome)
    assert add(store, replaces=earlier.id).replaces == earlier.id


def test_a_decision_about_an_older_attempt_does_not_count(store: Store, clock: Clock) -> None:
    older = over(store, clock, UNKNOWN)
    over(store, clock, CREATED, replaces=older.id)
    with pytest.raises(NeedsDecision):
        store.add(ME, a_request(), "one", older.id)


def test_a_refusal_in_between_does_not_hide_the_persona(store: Store, clock: Clock) -> None:
    made = over(store, clock, CREATED)
    over(store, clock, REFUSED, replaces=made.id)
    with pytest.raises(NeedsDecision) as raised:
        store.add(ME, a_request(), "one")
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
    claimed = claim(store, attempt, "two").attempt
    assert claimed == replace(attempt, status=Status.SENDING, sent_at=clock(), executor="two")


@pytest.mark.parametrize("outcome", [CREATED, REFUSED, UNKNOWN], ids=lambda outcome: outcome.status.value)
def test_an_outcome_is_written_with_all_that_is_known(store: Store, clock: Clock, outcome: Outcome) -> None:
    attempt = sent(store)
    clock.forward(3)
    store.finish(attempt.id, outcome, "one")
    assert now(store, attempt) == replace(
        attempt,
        status=outcome.status,
        persona_id=outcome.persona_id,
        cause=outcome.cause,
        code=outcome.code,
        message=outcome.message,
        http_status=outcome.http_status,
        raw=outcome.raw,
        ended_at=clock(),
    )


@pytest.mark.parametrize("outcome", [CREATED, REFUSED, UNKNOWN], ids=lambda outcome: outcome.status.value)
def test_an_attempt_that_ended_is_never_sent_again(store: Store, clock: Clock, outcome: Outcome) -> None:
    attempt = over(store, clock, outcome)
    assert claim(store, attempt) == Claim()


def test_of_twenty_threads_one_is_told_to_go(open_store: Callable[[], Store]) -> None:
    stores = [open_store(), open_store()]
    stores[0].beat("one")
    attempt = add(stores[0])
    start = threading.Barrier(20)

    def ask(number: int) -> bool:
        start.wait()
        return claim(stores[number % 2], attempt, busy=True).attempt is not None

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(ask, range(20))) == 1


def test_the_twenty_first_request_in_ten_seconds_waits(store: Store, clock: Clock) -> None:
    for number in range(20):
        sent(store, audio_id=f"audio {number}")
        clock.forward(0.1)
    assert claim(store, add(store, audio_id="one more")) == Claim(wait=pytest.approx(8.0))


def test_the_twenty_first_request_goes_when_the_first_is_ten_seconds_old(store: Store, clock: Clock) -> None:
    for number in range(20):
        sent(store, audio_id=f"audio {number}")
    late = add(store, audio_id="one more")
    clock.forward(10)
    assert claim(store, late).attempt


def test_two_processes_share_an_accounts_rate(open_store: Callable[[], Store]) -> None:
    one, two = open_store(), open_store()
    for number in range(20):
        sent((one, two)[number % 2], audio_id=f"audio {number}")
    assert [claim(each, add(each, audio_id=str(each))).attempt for each in (one, two)] == [None, None]


def test_threads_that_claim_at_once_keep_the_rate(open_store: Callable[[], Store]) -> None:
    stores = [open_store(), open_store()]
    waiting = [add(stores[0], audio_id=f"audio {number}") for number in range(30)]
    start = threading.Barrier(10)

    def ask(first: int) -> int:
        start.wait()
        return sum(claim(stores[first % 2], each).attempt is not None for each in waiting[first::10])

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(ask, range(10))) == 20


def test_another_accounts_rate_is_its_own(store: Store) -> None:
    for number in range(20):
        sent(store, audio_id=f"audio {number}")
    assert claim(store, add(store, account=YOU)).attempt


# Waiting, parking, taking over


def test_a_postponed_attempt_is_queued_again_and_says_why(store: Store, clock: Clock) -> None:
    attempt = sent(store)
    store.postpone(attempt.id, 12, RATE, "one")
    shown = now(store, attempt)
    assert (shown.status, shown.repeats, shown.wait_until, shown.cause, shown.code, shown.message) == (
        Status.QUEUED, 1, clock() + timedelta(seconds=12), "rate", 429, "Too often",
    )  # fmt: skip


def test_a_postponed_attempt_waits_out_its_pause(store: Store, clock: Clock) -> None:
    attempt = sent(store)
    store.postpone(attempt.id, 12, RATE, "one")
    clock.forward(5)
    assert claim(store, attempt) == Claim(wait=7.0)


def test_a_postponed_attempt_goes_after_its_pause(store: Store, clock: Clock) -> None:
    attempt = sent(store)
    store.postpone(attempt.id, 12, RATE, "one")
    clock.forward(12)
    assert claim(store, attempt).attempt


def test_an_attempt_that_ended_cannot_be_postponed(store: Store, clock: Clock) -> None:
    attempt = over(store, clock, CREATED)
    store.postpone(attempt.id, 1, RATE, "one")
    assert now(store, attempt).status is Status.CREATED


def test_without_its_token_an_attempt_stays_queued_for_anybody(store: Store) -> None:
    attempt = add(store)
    claim(store, attempt, can_send=False)
    assert (now(store, attempt).status, now(store, attempt).executor) == (Status.QUEUED, "")


def test_a_parked_attempt_is_taken_up_by_who_knows_its_token(store: Store) -> None:
    attempt = add(store)
    store.park(attempt.id)
    assert (store.adopt([ME], "two"), now(store, attempt).executor) == ([attempt.id], "two")


def test_a_parked_attempt_is_left_by_who_does_not_know_its_token(store: Store) -> None:
    store.park(add(store).id)
    assert store.adopt([YOU], "two") + store.adopt([], "two") == []


def test_parking_changes_nothing_once_it_was_sent(store: Store) -> None:
    attempt = sent(store)
    store.park(attempt.id)
    assert now(store, attempt) == attempt


def test_a_living_process_keeps_its_queued_attempts(store: Store, clock: Clock) -> None:
    store.beat("one")
    add(store)
    clock.forward(LEASE - 1)
    assert store.adopt([ME], "two") == []


def test_a_gone_process_loses_its_queued_attempts(store: Store, clock: Clock) -> None:
    store.beat("one")
    attempt = add(store)
    clock.forward(LEASE)
    assert store.adopt([ME], "two") == [attempt.id]


def test_a_process_that_left_loses_its_queued_attempts_at_once(store: Store) -> None:
    store.beat("one")
    attempt = add(store)
    store.leave("one")
    assert store.adopt([ME], "two") == [attempt.id]


def test_only_processes_without_a_heartbeat_are_gone(store: Store, clock: Clock) -> None:
    store.beat("one")
    store.beat("two")
    clock.forward(LEASE)
    store.beat("two")
    assert store.gone() == ["one"]


# Requests that were on their way


def test_what_a_gone_process_was_sending_is_unknown_and_not_sent_again(store: Store, clock: Clock) -> None:
    store.beat("one")
    attempt = sent(store)
    clock.forward(LEASE)
    assert (claim(store, attempt, "two"), now(store, attempt).status) == (Claim(), Status.UNKNOWN)


def test_what_a_gone_process_was_sending_is_written_off_without_a_run(store: Store, clock: Clock) -> None:
    store.beat("one")
    attempt = sent(store)
    clock.forward(LEASE)
    store.write_off()
    assert (now(store, attempt).status, now(store, attempt).cause) == (Status.UNKNOWN, "no_answer")


def test_what_a_living_process_is_sending_is_left_alone(store: Store, clock: Clock) -> None:
    store.beat("one")
    attempt = sent(store)
    clock.forward(LEASE - 1)
    store.write_off()
    assert (claim(store, attempt, "two"), now(store, attempt)) == (Claim(), attempt)


def test_what_this_process_is_sending_now_is_left_alone(store: Store) -> None:
    attempt = sent(store)
    assert (claim(store, attempt, busy=True), now(store, attempt)) == (Claim(), attempt)


def test_what_this_process_stopped_sending_without_a_word_is_unknown(store: Store) -> None:
    attempt = sent(store)
    assert (claim(store, attempt), now(store, attempt).status) == (Claim(), Status.UNKNOWN)


def test_a_late_persona_is_written_over_unknown(store: Store, clock: Clock) -> None:
    attempt = over(store, clock, UNKNOWN)
    store.finish(attempt.id, CREATED, "one")
    assert (now(store, attempt).status, now(store, attempt).persona_id) == (Status.CREATED, "persona-1")


def test_a_late_refusal_is_not_written_over_unknown(store: Store, clock: Clock) -> None:
    attempt = over(store, clock, UNKNOWN)
    store.finish(attempt.id, REFUSED, "one")
    assert now(store, attempt) == attempt


def test_a_living_process_that_was_taken_for_gone_still_writes_its_refusal(store: Store, clock: Clock) -> None:
    store.beat("one")
    attempt = sent(store)
    clock.forward(LEASE)
    store.write_off()
    store.finish(attempt.id, REFUSED, "one")
    assert now(store, attempt).status is Status.REFUSED


def test_a_process_writes_no_refusal_to_what_another_sends(store: Store) -> None:
    attempt = sent(store)
    store.finish(attempt.id, REFUSED, "two")
    assert now(store, attempt) == attempt


def test_a_process_takes_up_its_own_attempts_that_no_run_works_on(store: Store) -> None:
    store.beat("one")
    working, idle = add(store), add(store, audio_id="audio-2")
    assert store.adopt([ME], "one", busy=[working.id]) == [idle.id]


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
