"""A boost costs credits: one click asks once, and what became of it is on disk before it is shown."""

from __future__ import annotations

from sandbox import Server
from studio.facade import Studio
from studio.library.search_query import Query
from studio.people.token_store import Account
from studio.sending.attempts import Status
from tests.studio.helpers import Disk, ended, unsaved

PATH = "/api/v1/style/generate"


def asked(server: Server, token: str) -> int:
    return server.sandbox.count(PATH, token=token)


def test_a_boost_brings_a_text_and_its_price(studio: Studio, account: Account) -> None:
    boost = ended(studio, account, studio.start_boost(account, "warm folk"))
    result = boost.outcome.result
    assert (boost.status, result["price"], result["text"].startswith("Warm folk")) == (Status.CREATED, 0.4, True)


def test_a_second_click_asks_nothing(studio: Studio, account: Account, server: Server, token: str) -> None:
    server.sandbox.fault("delay", path=PATH, token=token, seconds=0.3)
    first, second = (studio.start_boost(account, "warm folk") for _ in range(2))
    ended(studio, account, first)
    assert (first.id, asked(server, token)) == (second.id, 1)


def test_a_lost_answer_is_unknown_and_not_asked_again(
    studio: Studio, account: Account, server: Server, token: str
) -> None:
    server.sandbox.fault("drop_after", path=PATH, token=token)
    boost = ended(studio, account, studio.start_boost(account, "warm folk"))
    assert (boost.status, boost.cause, asked(server, token)) == (Status.UNKNOWN, "no_answer", 1)


def test_a_refusal_is_filed_with_its_message(studio: Studio, account: Account, server: Server, token: str) -> None:
    server.sandbox.fault("code", path=PATH, token=token, code=402, message="Credits insufficient")
    boost = ended(studio, account, studio.start_boost(account, "warm folk"))
    assert (boost.status, boost.cause, boost.message) == (Status.REFUSED, "credits", "Credits insufficient")


def test_another_account_does_not_see_it(studio: Studio, account: Account, server: Server) -> None:
    stranger = studio.token_store.add(server.sandbox.new_account(), server.base_url)
    boost = ended(studio, account, studio.start_boost(account, "warm folk"))
    assert studio.attempt(stranger, boost.id) is None


def test_a_boost_is_in_no_list_of_personas(studio: Studio, account: Account) -> None:
    ended(studio, account, studio.start_boost(account, "warm folk"))
    assert (studio.history(account, 10), studio.library.find(account.id, Query("warm")).attempts) == ([], [])


def test_a_server_error_that_says_nothing_known_may_have_cost_something(
    studio: Studio, account: Account, server: Server, token: str
) -> None:
    server.sandbox.fault("code", path=PATH, token=token, code=598, message="Oops")
    boost = ended(studio, account, studio.start_boost(account, "warm folk"))
    assert (boost.status, asked(server, token)) == (Status.UNKNOWN, 1)


def test_a_boost_whose_answer_cannot_be_saved_is_kept_until_it_can(
    studio: Studio, account: Account, disk: Disk
) -> None:
    boost = unsaved(studio, account, studio.start_boost(account, "warm folk"))
    disk.full = False
    assert ended(studio, account, boost).outcome.result == boost.outcome.result
