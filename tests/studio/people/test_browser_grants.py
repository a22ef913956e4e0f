"""Who gets what a page offers under a key."""

from __future__ import annotations

import io

import pytest

from studio.people import browser_grants
from studio.people.browser_grants import Grant, Grants
from studio.people.browsers import Browsers
from studio.people.token_store import Account

MINE = Account("0123456789ab", "1234")
SHARED = Account("ba9876543210", "4321", shared=True)


def a_grant(account: Account = MINE, visitor: str = "chrome") -> Grant[io.BytesIO]:
    return Grant(account, visitor, io.BytesIO)


@pytest.fixture
def browsers() -> Browsers:
    return Browsers()


@pytest.fixture
def grants(browsers: Browsers) -> Grants[io.BytesIO]:
    return Grants(browsers)


def test_the_browser_that_uses_the_account_gets_the_file_as_often_as_it_asks(
    grants: Grants[io.BytesIO], browsers: Browsers
) -> None:
    granted = a_grant()
    browsers.use_account("chrome", MINE.id)
    grants.grant("t", granted)
    assert [grants.redeem("t", "chrome") for _ in range(2)] == [granted, granted]


@pytest.mark.parametrize("browser", ["", "firefox", "chrom", "chrome "])
def test_no_other_browser_does(grants: Grants[io.BytesIO], browsers: Browsers, browser: str) -> None:
    browsers.use_account("chrome", MINE.id)
    grants.grant("t", a_grant())
    assert grants.redeem("t", browser) is None


def test_an_unknown_key_is_worth_nothing(grants: Grants[io.BytesIO]) -> None:
    assert grants.redeem("", "chrome") is None


def test_a_browser_that_left_the_account_does_not(grants: Grants[io.BytesIO], browsers: Browsers) -> None:
    browsers.use_account("chrome", MINE.id)
    grants.grant("t", a_grant())
    browsers.use_account("chrome", SHARED.id)
    assert grants.redeem("t", "chrome") is None
    browsers.leave_account("chrome", SHARED.id)
    assert grants.redeem("t", "chrome") is None


def test_an_account_of_the_installation_is_everybodys_but_the_key_is_one_browsers(grants: Grants[io.BytesIO]) -> None:
    granted = a_grant(SHARED)
    grants.grant("t", granted)
    assert grants.redeem("t", "chrome") is granted
    assert grants.redeem("t", "firefox") is None


def test_a_person_who_signed_out_does_not(grants: Grants[io.BytesIO], browsers: Browsers) -> None:
    granted = a_grant(SHARED, "chrome default https://id.test ada")
    grants.grant("t", granted)
    assert grants.redeem("t", "chrome") is None
    browsers.note_sign_in(granted.session_key, "")
    assert grants.redeem("t", "chrome") is granted
    browsers.sign_out(granted.session_key)
    assert grants.redeem("t", "chrome") is None


@pytest.mark.parametrize("browser", ["", "chrome"])
def test_what_a_browser_without_cookies_was_granted_nobody_gets(grants: Grants[io.BytesIO], browser: str) -> None:
    grants.grant("t", a_grant(SHARED, visitor=""))
    assert grants.redeem("t", browser) is None


def test_the_newest_offer_counts_and_the_oldest_is_forgotten(
    grants: Grants[io.BytesIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser_grants, "MAX_GRANTS", 2)
    made = [a_grant(SHARED) for _ in range(4)]
    for key, granted in zip("abac", made, strict=True):
        grants.grant(key, granted)
    assert [grants.redeem(key, "chrome") for key in "abc"] == [made[2], None, made[3]]
