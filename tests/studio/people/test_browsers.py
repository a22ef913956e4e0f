"""What a process remembers of browsers: whose they are, and what they still wait to see."""

from __future__ import annotations

import pytest

from studio.people.browsers import Visitors


@pytest.fixture
def visitors() -> Visitors:
    return Visitors()


def test_a_browser_finds_its_account_again(visitors: Visitors) -> None:
    visitors.seat("one", "account")
    assert visitors.account_of("one") == "account"


def test_an_unknown_browser_has_no_account_and_awaits_nothing(visitors: Visitors) -> None:
    visitors.seat("one", "account")
    assert (visitors.account_of("two"), visitors.awaited("two")) == ("", "")


def test_a_browser_that_left_is_forgotten(visitors: Visitors) -> None:
    visitors.seat("one", "account")
    visitors.awaits("one", "attempt")
    visitors.leave("one")
    assert (visitors.account_of("one"), visitors.awaited("one")) == ("", "")


def test_an_account_is_in_use_until_its_last_browser_left(visitors: Visitors) -> None:
    for visitor in ("one", "two"):
        visitors.seat(visitor, "account")
    used = []
    for visitor in ("one", "two"):
        visitors.leave(visitor)
        used.append(visitors.use("account"))
    assert used == [True, False]


def test_a_browser_awaits_what_it_asked_for_last(visitors: Visitors) -> None:
    visitors.seat("one", "account")
    visitors.awaits("one", "first")
    visitors.awaits("one", "second")
    assert (visitors.awaited("one"), visitors.account_of("one")) == ("second", "account")


def test_a_browser_awaits_nothing_once_it_saw_the_outcome(visitors: Visitors) -> None:
    visitors.awaits("one", "attempt")
    visitors.saw("one", "attempt")
    assert visitors.awaited("one") == ""


def test_another_outcome_does_not_end_the_wait(visitors: Visitors) -> None:
    visitors.awaits("one", "attempt")
    visitors.saw("one", "an older attempt")
    assert visitors.awaited("one") == "attempt"


@pytest.mark.parametrize(
    ("came", "stayed"),
    [(["one", "two", "three"], ["two", "three"]), (["one", "two", "one", "three"], ["one", "three"])],
)
def test_when_there_are_too_many_the_one_that_was_away_longest_is_forgotten(
    visitors: Visitors, monkeypatch: pytest.MonkeyPatch, came: list[str], stayed: list[str]
) -> None:
    monkeypatch.setattr("studio.people.browsers.MAX_VISITORS", 2)
    for visitor in came:
        visitors.seat(visitor, "account")
    assert [visitor for visitor in ("one", "two", "three") if visitors.account_of(visitor)] == stayed
