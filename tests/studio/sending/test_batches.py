"""Attempts that are started together: in turn, behind single ones, and paused, resumed and cancelled together."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from studio.sending.attempt_store import Claim, Store
from studio.sending.attempts import Attempt, NeedsDecision, Outcome, Status
from studio.sending.batches import Batches, BatchStatus
from studio.sending.kinds import BatchItem, body_of
from studio.sending.kinds.persona import PERSONA
from tests.studio.helpers import CREATED, ME, REFUSED, YOU, Clock, a_request, add, claim, now, over

RATE = Outcome(Status.REFUSED, cause="rate", code=429)


@pytest.fixture
def batches(store: Store) -> Batches:
    return Batches(store)


def wanted(*tracks: str) -> list[BatchItem]:
    requests = [a_request(track) for track in tracks]
    return [BatchItem(PERSONA, body_of(request.payload()), request) for request in requests]


def start(batches: Batches, *tracks: str, account: str = ME) -> tuple[str, list[Attempt]]:
    batch_id, filed = batches.start(account, "Fifty songs", wanted(*tracks), "ines")
    return batch_id, [each for each in filed if isinstance(each, Attempt)]


def sent_next(store: Store) -> Attempt:
    claimed = claim(store).attempt
    assert claimed
    return claimed


def test_every_row_of_a_batch_is_filed_and_due(store: Store, batches: Batches) -> None:
    batch_id, filed = start(batches, "a", "b", "c")
    assert [sent_next(store).id for _ in filed] == [each.id for each in filed]
    assert {each.batch for each in filed} == {batch_id}


def test_a_batch_tells_where_its_attempts_stand(store: Store, batches: Batches) -> None:
    batch_id, _ = start(batches, "a", "b", "c")
    store.finish(sent_next(store), CREATED)
    store.finish(sent_next(store), REFUSED)
    batch = batches.get(ME, batch_id)
    assert batch
    assert (batch.name, batch.author, batch.status) == ("Fifty songs", "ines", BatchStatus.RUNNING)
    assert batch.counts == {Status.CREATED: 1, Status.REFUSED: 1, Status.QUEUED: 1}


def test_a_single_click_goes_before_a_batch(store: Store, batches: Batches, clock: Clock) -> None:
    start(batches, "a", "b")
    clock.forward(1)
    single = add(store, audio_id="single")
    assert sent_next(store).id == single.id


def test_a_row_whose_track_has_a_persona_is_left_to_a_person(store: Store, batches: Batches, clock: Clock) -> None:
    made = over(store, clock, CREATED, audio_id="b")
    _, filed = batches.start(ME, "", wanted("a", "b", "c"))
    (needed,) = (each for each in filed if isinstance(each, NeedsDecision))
    assert needed.earlier.id == made.id
    assert len(filed) == 3


def test_a_track_that_is_there_twice_is_sent_once(store: Store, batches: Batches) -> None:
    _, filed = start(batches, "a", "a")
    assert filed[0].id == filed[1].id


def test_nothing_of_a_paused_batch_leaves(store: Store, batches: Batches) -> None:
    batch_id, _ = start(batches, "a", "b")
    batches.pause(ME, batch_id)
    assert claim(store) == Claim()


def test_a_resumed_batch_goes_on(store: Store, batches: Batches) -> None:
    batch_id, _ = start(batches, "a", "b")
    batches.pause(ME, batch_id)
    batches.resume(ME, batch_id)
    assert sent_next(store)


def test_what_was_on_its_way_when_a_batch_was_paused_is_not_sent_again_before_it_is_resumed(
    store: Store, batches: Batches
) -> None:
    batch_id, _ = start(batches, "a")
    claimed = sent_next(store)
    batches.pause(ME, batch_id)
    store.postpone(claimed, 0, RATE)
    assert claim(store) == Claim()
    batches.resume(ME, batch_id)
    assert sent_next(store).id == claimed.id


def test_cancelling_ends_what_was_not_sent(store: Store, batches: Batches) -> None:
    batch_id, filed = start(batches, "a", "b", "c")
    claimed = sent_next(store)
    assert batches.cancel(ME, batch_id) == 2
    store.finish(claimed, CREATED)
    assert [(now(store, each).status, now(store, each).cause) for each in filed] == [
        (Status.CREATED, ""),
        (Status.REFUSED, "cancelled"),
        (Status.REFUSED, "cancelled"),
    ]


def test_a_cancelled_batch_cannot_be_resumed(store: Store, batches: Batches) -> None:
    batch_id, _ = start(batches, "a")
    batches.cancel(ME, batch_id)
    batches.resume(ME, batch_id)
    assert claim(store) == Claim()


@pytest.mark.parametrize("deed", [Batches.pause, Batches.cancel], ids=["pause", "cancel"])
def test_another_account_cannot_touch_a_batch(
    store: Store, batches: Batches, deed: Callable[[Batches, str, str], object]
) -> None:
    batch_id, _ = start(batches, "a")
    deed(batches, YOU, batch_id)
    assert batches.get(YOU, batch_id) is None
    assert sent_next(store)
