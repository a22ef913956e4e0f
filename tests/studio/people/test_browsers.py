"""What a process remembers of browsers: whose they are, and what they still wait to see."""

from __future__ import annotations

import pytest

from studio.people.browsers import Browsers


@pytest.fixture
def browsers() -> Browsers:
    return Browsers()


def test_a_browser_finds_its_account_again(browsers: Browsers) -> None:
    browsers.use_account("one", "account")
    assert browsers.account_of("one") == "account"


def test_an_unknown_browser_has_no_account_and_awaits_nothing(browsers: Browsers) -> None:
    browsers.use_account("one", "account")
    assert (browsers.account_of("two"), browsers.expected_outcome("two")) == ("", "")


def test_a_browser_that_left_is_forgotten(browsers: Browsers) -> None:
    browsers.use_account("one", "account")
    browsers.expect_outcome("one", "attempt")
    browsers.leave_account("one", "account")
    assert (browsers.account_of("one"), browsers.expected_outcome("one")) == ("", "")


def test_an_account_is_in_use_until_its_last_browser_left(browsers: Browsers) -> None:
    for visitor in ("one", "two"):
        browsers.use_account(visitor, "account")
    used = []
    for visitor in ("one", "two"):
        browsers.leave_account(visitor, "account")
        used.append(browsers.any_uses("account"))
    assert used == [True, False]


def test_a_browser_awaits_what_it_asked_for_last(browsers: Browsers) -> None:
    browsers.use_account("one", "account")
    browsers.expect_outcome("one", "first")
    browsers.expect_outcome("one", "second")
    assert (browsers.expected_outcome("one"), browsers.account_of("one")) == ("second", "account")


def test_a_browser_awaits_nothing_once_it_saw_the_outcome(browsers: Browsers) -> None:
    browsers.expect_outcome("one", "attempt")
    browsers.outcome_shown("one", "attempt")
    assert browsers.expected_outcome("one") == ""


def test_another_outcome_does_not_end_the_wait(browsers: Browsers) -> None:
    browsers.expect_outcome("one", "attempt")
    browsers.outcome_shown("one", "an older attempt")
    assert browsers.expected_outcome("one") == "attempt"


@pytest.mark.parametrize(
    ("came", "stayed"),
    [(["one", "two", "three"], ["two", "three"]), (["one", "two", "one", "three"], ["one", "three"])],
)
def test_when_there_are_too_many_the_one_that_was_away_longest_is_forgotten(
    browsers: Browsers, monkeypatch: pytest.MonkeyPatch, came: list[str], stayed: list[str]
) -> None:
    monkeypatch.setattr("studio.people.browsers.MAX_BROWSERS", 2)
    for visitor in came:
        browsers.use_account(visitor, "account")
    assert [visitor for visitor in ("one", "two", "three") if browsers.account_of(visitor)] == stayed


def test_who_is_there_is_not_forgotten_for_those_who_come(browsers: Browsers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.people.browsers.MAX_BROWSERS", 3)
    browsers.use_account("mine", "account")
    for number in range(9):
        browsers.use_account(f"other{number}", "account")
        assert browsers.account_of("mine") == "account"
    assert browsers.session_keys("other1") == []
    assert not browsers.may_use("other1", needs_account=True, needs_sign_in=False)


def test_a_browser_has_a_session_key_for_each_person_at_it(browsers: Browsers) -> None:
    mine = ["chrome", "chrome default https://id.test ada"]
    for session_key in (*mine, "chromium"):
        browsers.use_account(session_key, "account")
    assert browsers.session_keys("chrome") == mine


def test_a_sign_in_that_was_ended_is_remembered_but_not_without_end(
    browsers: Browsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studio.people.browsers.MAX_ENDED", 2)
    for sign_in_id in ("one", "two", "three"):
        browsers.note_sign_in("chrome ada", sign_in_id)
        assert not browsers.has_ended(sign_in_id)
        browsers.sign_out("chrome ada")
    assert [browsers.has_ended(sign_in_id) for sign_in_id in ("one", "two", "three", "")] == [False, True, True, False]


def test_who_has_a_copy_of_a_sign_in_is_signed_out_with_it(browsers: Browsers) -> None:
    for browser, sign_in_id in (("chrome", "one"), ("thief", "one"), ("phone", "two"), ("old", "")):
        browsers.note_sign_in(f"{browser} ada", sign_in_id)
    assert browsers.sign_out("chrome ada") == ["chrome ada", "thief ada"]
    assert [browsers.is_signed_in(f"{each} ada") for each in ("chrome", "thief", "phone", "old")] == [False] * 2 + [
        True
    ] * 2
    assert browsers.sign_out("old ada") == ["old ada"]


def test_who_may_use_the_page_has_what_is_asked_for(browsers: Browsers) -> None:
    def may(cookie: str) -> list[bool]:
        asked = [(account, sign_in) for account in (False, True) for sign_in in (False, True)]
        return [browsers.may_use(cookie, needs_account=a, needs_sign_in=s) for a, s in asked]

    browsers.use_account("one", "account")
    browsers.note_sign_in("two default https://id.test ada", "")
    browsers.use_account("three default https://id.test ada", "account")
    browsers.note_sign_in("three default https://id.test ada", "")
    assert may("") == [False, False, False, False]
    assert may("nobody") == [True, False, False, False]
    assert may("one") == [True, False, True, False]
    assert may("two") == [True, True, False, False]
    assert may("three") == [True, True, True, True]
