"""Who gets what a page offers under a key."""

from __future__ import annotations

import io

import pytest

from studio.people import browser_grants
from studio.people.browser_grants import Offer, Offers
from studio.people.browsers import Visitors
from studio.people.token_store import Account

MINE = Account("0123456789ab", "1234")
SHARED = Account("ba9876543210", "4321", shared=True)


def an_offer(account: Account = MINE, visitor: str = "chrome") -> Offer:
    return Offer(account, visitor, io.BytesIO)


@pytest.fixture
def visitors() -> Visitors:
    return Visitors()


@pytest.fixture
def counter(visitors: Visitors) -> Offers:
    return Offers(visitors)


def test_the_browser_that_uses_the_account_gets_the_file_as_often_as_it_asks(
    counter: Offers, visitors: Visitors
) -> None:
    offer = an_offer()
    visitors.seat("chrome", MINE.id)
    counter.offer("t", offer)
    assert [counter.redeem("t", "chrome") for _ in range(2)] == [offer, offer]


@pytest.mark.parametrize("browser", ["", "firefox", "chrom", "chrome "])
def test_no_other_browser_does(counter: Offers, visitors: Visitors, browser: str) -> None:
    visitors.seat("chrome", MINE.id)
    counter.offer("t", an_offer())
    assert counter.redeem("t", browser) is None


def test_an_unknown_ticket_is_worth_nothing(counter: Offers) -> None:
    assert counter.redeem("", "chrome") is None


def test_a_browser_that_left_the_account_does_not(counter: Offers, visitors: Visitors) -> None:
    visitors.seat("chrome", MINE.id)
    counter.offer("t", an_offer())
    visitors.seat("chrome", SHARED.id)
    assert counter.redeem("t", "chrome") is None
    visitors.leave("chrome")
    assert counter.redeem("t", "chrome") is None


def test_an_account_of_the_installation_is_everybodys_but_the_ticket_is_one_browsers(counter: Offers) -> None:
    offer = an_offer(SHARED)
    counter.offer("t", offer)
    assert counter.redeem("t", "chrome") is offer
    assert counter.redeem("t", "firefox") is None


def test_a_person_who_signed_out_does_not(counter: Offers, visitors: Visitors) -> None:
    offer = an_offer(SHARED, "chrome default https://id.test ada")
    counter.offer("t", offer)
    assert counter.redeem("t", "chrome") is None
    visitors.arrive(offer.visitor)
    assert counter.redeem("t", "chrome") is offer
    visitors.depart(offer.visitor)
    assert counter.redeem("t", "chrome") is None


def test_a_browser_without_cookies_has_only_the_ticket(counter: Offers) -> None:
    offer = an_offer(visitor="")
    counter.offer("t", offer)
    assert counter.redeem("t", "") is offer


def test_the_newest_offer_counts_and_the_oldest_is_forgotten(counter: Offers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser_grants, "MAX_OFFERS", 2)
    made = [an_offer(visitor="") for _ in range(4)]
    for ticket, offer in zip("abac", made, strict=True):
        counter.offer(ticket, offer)
    assert [counter.redeem(ticket, "") for ticket in "abc"] == [made[2], None, made[3]]
