"""Tokens in memory: what of them may be known, for whom they are kept, and how they go."""

from __future__ import annotations

import hashlib

import pytest

from kie import InvalidInput
from studio.people.token_store import Vault, account_of

TOKEN = "kie-0123456789-Hearsay"
HOST = "https://api.kie.ai"


@pytest.fixture
def vault() -> Vault:
    return Vault()


def test_an_account_is_the_first_twelve_digits_of_the_tokens_hash() -> None:
    assert account_of(TOKEN) == hashlib.sha256(TOKEN.encode()).hexdigest()[:12]


def test_white_space_around_a_token_makes_no_other_account(vault: Vault) -> None:
    assert vault.keep(f" {TOKEN}\n", HOST).id == account_of(TOKEN)


@pytest.mark.parametrize(
    ("token", "shown"), [("x" * 8 + "abcd", "abcd"), ("x" * 7 + "abcd", ""), ("abcd", ""), (TOKEN, "rsay")]
)
def test_the_last_four_are_shown_of_long_tokens_only(vault: Vault, token: str, shown: str) -> None:
    assert vault.keep(token, HOST).last_four == shown


def test_nothing_of_a_token_is_in_the_vaults_repr(vault: Vault) -> None:
    vault.keep(TOKEN, HOST)
    assert repr(vault) == str(vault) == "<Vault of 1 accounts>"


def test_nothing_but_the_last_four_is_in_an_accounts_repr(vault: Vault) -> None:
    shown = repr(vault.keep(TOKEN, HOST)).replace("rsay", "")
    assert not any(TOKEN[start : start + 4] in shown for start in range(len(TOKEN) - 3))


def test_what_cannot_be_a_token_is_not_kept(vault: Vault) -> None:
    with pytest.raises(InvalidInput):
        vault.keep("two words", HOST)
    assert vault.accounts() == []


def test_a_kept_token_has_a_client_for_its_own_host(vault: Vault) -> None:
    account = vault.keep(TOKEN, "http://127.0.0.1:1")
    assert (vault.base_url(account.id), vault.client(account.id, (1, 1)) is not None) == ("http://127.0.0.1:1", True)


def test_what_the_operator_and_the_demo_gave_is_marked(vault: Vault) -> None:
    accounts = [vault.keep("operators-token", HOST, shared=True), vault.keep("demo-token-here", HOST, demo=True)]
    assert [(account.shared, account.demo) for account in accounts] == [(True, False), (False, True)]


def test_a_dropped_token_leaves_nothing(vault: Vault) -> None:
    account = vault.keep(TOKEN, HOST)
    vault.drop(account.id)
    left = (vault.account(account.id), vault.accounts(), vault.base_url(account.id), vault.client(account.id, (1, 1)))
    assert left == (None, [], "", None)


def test_dropping_what_is_not_kept_does_nothing(vault: Vault) -> None:
    vault.drop("nobody")
    assert vault.accounts() == []
