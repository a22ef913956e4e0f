"""Tokens in memory: what of them may be known, for whom they are kept, and how they go."""

from __future__ import annotations

import hashlib

import pytest

from kie import InvalidInput
from studio.people.token_store import TokenStore, account_of

TOKEN = "kie-0123456789-Hearsay"
HOST = "https://api.kie.ai"


@pytest.fixture
def token_store() -> TokenStore:
    return TokenStore()


def test_an_account_is_the_first_twelve_digits_of_the_tokens_hash() -> None:
    assert account_of(TOKEN) == hashlib.sha256(TOKEN.encode()).hexdigest()[:12]


def test_white_space_around_a_token_makes_no_other_account(token_store: TokenStore) -> None:
    assert token_store.add(f" {TOKEN}\n", HOST).id == account_of(TOKEN)


@pytest.mark.parametrize(
    ("token", "shown"), [("x" * 8 + "abcd", "abcd"), ("x" * 7 + "abcd", ""), ("abcd", ""), (TOKEN, "rsay")]
)
def test_the_last_four_are_shown_of_long_tokens_only(token_store: TokenStore, token: str, shown: str) -> None:
    assert token_store.add(token, HOST).last_four == shown


def test_nothing_of_a_token_is_in_the_vaults_repr(token_store: TokenStore) -> None:
    token_store.add(TOKEN, HOST)
    assert repr(token_store) == str(token_store) == "<TokenStore of 1 accounts>"


def test_nothing_but_the_last_four_is_in_an_accounts_repr(token_store: TokenStore) -> None:
    shown = repr(token_store.add(TOKEN, HOST)).replace("rsay", "")
    assert not any(TOKEN[start : start + 4] in shown for start in range(len(TOKEN) - 3))


def test_what_cannot_be_a_token_is_not_kept(token_store: TokenStore) -> None:
    with pytest.raises(InvalidInput):
        token_store.add("two words", HOST)
    assert token_store.accounts() == []


def test_a_kept_token_has_a_client_for_its_own_host(token_store: TokenStore) -> None:
    account = token_store.add(TOKEN, "http://127.0.0.1:1")
    assert (token_store.base_url(account.id), token_store.client(account.id, (1, 1)) is not None) == (
        "http://127.0.0.1:1",
        True,
    )


def test_what_the_operator_and_the_demo_gave_is_marked(token_store: TokenStore) -> None:
    accounts = [
        token_store.add("operators-token", HOST, shared=True),
        token_store.add("demo-token-here", HOST, demo=True),
    ]
    assert [(account.shared, account.demo) for account in accounts] == [(True, False), (False, True)]


def test_a_dropped_token_leaves_nothing(token_store: TokenStore) -> None:
    account = token_store.add(TOKEN, HOST)
    token_store.remove(account.id)
    left = (
        token_store.account(account.id),
        token_store.accounts(),
        token_store.base_url(account.id),
        token_store.client(account.id, (1, 1)),
    )
    assert left == (None, [], "", None)


def test_dropping_what_is_not_kept_does_nothing(token_store: TokenStore) -> None:
    token_store.remove("nobody")
    assert token_store.accounts() == []


def test_a_token_that_was_used_since_is_not_dropped(token_store: TokenStore) -> None:
    account = token_store.add(TOKEN, HOST)
    before = token_store.last_use(account.id)
    with token_store.filing(account.id):
        assert not token_store.remove(account.id, token_store.last_use(account.id))
    assert not token_store.remove(account.id, before)
    before = token_store.last_use(account.id)
    token_store.add(TOKEN, HOST)
    assert not token_store.remove(account.id, before)
    assert token_store.remove(account.id, token_store.last_use(account.id))
    with pytest.raises(InvalidInput, match="not known any more"), token_store.filing(account.id):
        pytest.fail("Its request would wait for ever.")
