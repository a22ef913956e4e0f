"""A boost costs credits: one click asks once, and what became of it is on disk before it is shown."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from studio.boosts import Boost, Boosts
from studio_helpers import eventually

from sandbox import Server
from studio.database.tables import boosts
from studio.sending.attempts import Status
from studio.sending.store import Store
from studio.service import Studio
from studio.tokens import Account

PATH = "/api/v1/style/generate"


def asked(server: Server, token: str) -> int:
    return server.sandbox.count(PATH, token=token)


def over(studio: Studio, account: Account, boost: Boost) -> Boost:
    def look() -> Boost | None:
        seen = studio.boost(account, boost.id)
        return seen if seen and seen.status is not Status.SENDING else None

    return eventually(look)


def test_a_boost_brings_a_text_and_its_price(studio: Studio, account: Account) -> None:
    boost = over(studio, account, studio.start_boost(account, "warm folk"))
    assert (boost.status, boost.price, boost.text.startswith("Warm folk")) == (Status.CREATED, 0.4, True)


def test_a_second_click_asks_nothing(studio: Studio, account: Account, server: Server, token: str) -> None:
    server.sandbox.fault("delay", path=PATH, token=token, seconds=0.3)
    first, second = (studio.start_boost(account, "warm folk") for _ in range(2))
    over(studio, account, first)
    assert (first.id, asked(server, token)) == (second.id, 1)


def test_a_lost_answer_is_unknown_and_not_asked_again(
    studio: Studio, account: Account, server: Server, token: str
) -> None:
    server.sandbox.fault("drop_after", path=PATH, token=token)
    boost = over(studio, account, studio.start_boost(account, "warm folk"))
    assert (boost.status, boost.cause, asked(server, token)) == (Status.UNKNOWN, "no_answer", 1)


def test_a_refusal_is_filed_with_its_message(studio: Studio, account: Account, server: Server, token: str) -> None:
    server.sandbox.fault("code", path=PATH, token=token, code=402, message="Credits insufficient")
    boost = over(studio, account, studio.start_boost(account, "warm folk"))
    assert (boost.status, boost.cause, boost.message) == (Status.REFUSED, "credits", "Credits insufficient")


def test_another_account_does_not_see_it(studio: Studio, account: Account, server: Server) -> None:
    stranger = studio.vault.keep(server.sandbox.new_account(), server.base_url)
    boost = over(studio, account, studio.start_boost(account, "warm folk"))
    assert studio.boost(stranger, boost.id) is None


def a_gone_process_asked(store: Store) -> None:
    row = {"id": "one", "account": "me", "status": "sending", "content": "warm", "created_at": store.now()}
    with store.database.reading() as connection:
        connection.execute(sa.insert(boosts).values(row | {"executor": "gone"}))


@pytest.fixture
def left_behind(open_store: Callable[[], Store]) -> Store:
    store = open_store()
    a_gone_process_asked(store)
    return store


def test_what_a_gone_process_asked_for_is_unknown(left_behind: Store) -> None:
    boost = Boosts(left_behind, "mine").get("me", "one")
    assert boost is not None
    assert (boost.status, boost.cause) == (Status.UNKNOWN, "no_answer")


def test_what_a_living_process_asked_for_is_on_its_way(left_behind: Store) -> None:
    left_behind.beat("gone")
    boost = Boosts(left_behind, "mine").get("me", "one")
    assert boost is not None
    assert boost.status is Status.SENDING
